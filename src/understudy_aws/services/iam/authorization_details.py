"""One list of all users, groups, roles and policies of an account with what is attached to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import groups, instance_profiles, policies, roles, tags, users
from understudy_aws.services.iam.attachments import attached_shown
from understudy_aws.services.iam.documents import shown
from understudy_aws.services.iam.entities import Entity
from understudy_aws.services.iam.groups import Group
from understudy_aws.services.iam.listings import after, listing
from understudy_aws.services.iam.policy_records import AnyPolicy
from understudy_aws.services.iam.role_records import InstanceProfile, Role, RoleUse, role_uses
from understudy_aws.services.iam.role_records import instance_profiles as profiles
from understudy_aws.services.iam.role_records import roles as role_table
from understudy_aws.services.iam.trust import has_unique_ids
from understudy_aws.services.iam.users import User, boundary_shown
from understudy_aws.store.database import RecordKey
from understudy_aws.store.tables import kept_with

# The order of the list, and of each kind's part in it: what the filter calls it, and where it is answered.
_KINDS = (
    ("User", "UserDetailList"),
    ("Group", "GroupDetailList"),
    ("Role", "RoleDetailList"),
    ("LocalManagedPolicy", "Policies"),
    ("AWSManagedPolicy", "Policies"),
)
# Where one is listed (its kind's number, its key), and how it is shown when it is on the page.
_Place = tuple[str, str]
_Row = tuple[_Place, Callable[[], Mapping[str, Any]]]


@operation("iam:GetAccountAuthorizationDetails", on=all_resources)
def get_account_authorization_details(
    call: Call, *, filter: list[str] | None = None, max_items: int | None = None, marker: str | None = None
) -> Answer:
    """List everything, or some kinds. AWS's policies are listed if the account uses them."""
    wanted = set(filter) if filter else {kind for kind, _ in _KINDS}
    scope = f"GetAccountAuthorizationDetails:{','.join(sorted(wanted))}"
    last_key = after(marker, scope, parts=2)
    rows = (
        row
        for number, (kind, _) in enumerate(_KINDS)
        if kind in wanted
        for row in _rows(call, kind, str(number), last_key)
    )
    page = listing("Rows", rows, lambda row: row, key=lambda row: row[0], scope=scope, max_items=max_items)
    lists: dict[str, list[Mapping[str, Any]]] = {name: [] for _, name in _KINDS}
    for (number, _), show in page["Rows"]:
        lists[_KINDS[int(number)][1]].append(show())
    return {**lists, "IsTruncated": page["IsTruncated"], "Marker": page["Marker"]}


def _rows(call: Call, kind: str, number: str, last_key: RecordKey | None) -> Iterator[_Row]:
    """Yield the rows of a kind that come after a key of the whole list."""
    if last_key is not None and number < last_key[0]:
        return
    entities, show = _SOURCES[kind]
    last = last_key[1] if last_key is not None and number == last_key[0] else ""
    for entity in entities(call, (call.account, last)):
        yield (number, entity.name.lower()), _bound(show, call, entity)


def _bound(show: Callable[[Call, Any], Mapping[str, Any]], call: Call, entity: Any) -> Callable[[], Any]:
    return lambda: show(call, entity)


def _policies_in_use(call: Call, last_key: RecordKey) -> Iterator[AnyPolicy]:
    return (
        policy
        for policy in policies.aws_policies()
        if policy.name.lower() > last_key[1] and _is_in_use(call, policy.arn())
    )


def _is_in_use(call: Call, arn: str) -> bool:
    return bool(
        policies.attachments(call.tx, call.account, arn) or policies.boundaries(call.tx, call.account, arn)
    )


def _user(call: Call, user: User) -> Mapping[str, Any]:
    found = (groups.groups.get(call.tx, call.account, name) for name in user.groups)
    return {
        **users.describe(user),
        "UserPolicyList": _inline(user),
        "GroupList": [group.name for group in found if group is not None],
        "AttachedManagedPolicies": _attached(user),
        "PermissionsBoundary": boundary_shown(user.boundary),
        "Tags": tags.listed(user.tags),
    }


def _group(_call: Call, group: Group) -> Mapping[str, Any]:
    return {
        **groups.describe(group),
        "GroupPolicyList": _inline(group),
        "AttachedManagedPolicies": _attached(group),
    }


def _role(call: Call, role: Role) -> Mapping[str, Any]:
    """Return a role, which is kept with its record unless its trust policy names unique ids."""
    use = role_uses.get(call.tx, role.id)
    found = tuple(profiles.where(call.tx, "by_role", (role.account, role.name.lower())))

    def shown_with(role: Role) -> Description:
        return _role_with(call, role, use, found)

    return shown_with(role) if has_unique_ids(role.trust) else kept_with(role, (use, found), shown_with)


def _role_with(call: Call, role: Role, use: RoleUse | None, found: Sequence[InstanceProfile]) -> Description:
    members = {
        **roles.created(call, role),
        "InstanceProfileList": [instance_profiles.describe(call, profile) for profile in found],
        "RolePolicyList": _inline(role),
        "AttachedManagedPolicies": _attached(role),
        "Tags": tags.listed(role.tags),
        "RoleLastUsed": {"LastUsedDate": use.at, "Region": use.region} if use else {},
    }
    return Description(members)


def _policy(call: Call, policy: AnyPolicy) -> Mapping[str, Any]:
    return {
        **policies.describe(call, policy),
        "Description": policy.description or None,
        "PolicyVersionList": [
            {"Document": shown(version.document), **policies.version_shown(policy, version)}
            for version in policies.versions_of(policy)[::-1]
        ],
    }


def _inline(entity: Entity) -> Sequence[Mapping[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": shown(document)} for name, document in entity.inline]


def _attached(entity: Entity) -> Sequence[Mapping[str, str]]:
    return [attached_shown(arn) for arn in entity.attached]


def _scan(table: Any) -> Callable[[Call, RecordKey], Iterator[Any]]:
    return lambda call, last_key: table.scan(call.tx, call.account, after=last_key)


_Source = Callable[[Call, RecordKey], Iterator[Any]]
_SOURCES: dict[str, tuple[_Source, Callable[[Call, Any], Mapping[str, Any]]]] = {
    "User": (_scan(users.users), _user),
    "Group": (_scan(groups.groups), _group),
    "Role": (_scan(role_table), _role),
    "LocalManagedPolicy": (_scan(policies.policies), _policy),
    "AWSManagedPolicy": (_policies_in_use, _policy),
}
