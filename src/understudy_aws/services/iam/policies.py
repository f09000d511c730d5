"""Managed policies: those of customers, and AWS's, which cannot be changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import iam
from understudy_aws.data import managed_policies, managed_policy_history
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, tags
from understudy_aws.services.iam.documents import reviewed, shown, size
from understudy_aws.services.iam.groups import groups
from understudy_aws.services.iam.listings import after, listing, sorted_listing, tags_listed
from understudy_aws.services.iam.policy_records import (
    PARTNER,
    AnyPolicy,
    Policy,
    PolicyVersion,
    document_of,
    find,
    policies,
    well_formed,
)
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.tags import merged
from understudy_aws.services.iam.users import users
from understudy_aws.store.database import RecordKey, Transaction
from understudy_aws.store.tables import memoized

POLICY_SIZE = 6144
VERSIONS = 5
POLICIES_PER_ACCOUNT = 1500
# Version numbers count on; so many no policy will have had.
_MANY = 999_999_999

# What others know as this module's own, although it is remembered next door.
__all__ = ["AnyPolicy", "Policy", "PolicyVersion", "document_of", "find", "policies"]


def visible(call: Call, arn: str) -> AnyPolicy:
    """Return a policy the caller's account can see. Raises ValidationError for what is no ARN, and NoSuchEntity."""
    parsed = well_formed(arn)
    policy = find(call.tx, arn)
    if policy is None or parsed.account not in ("aws", PARTNER, call.account):
        raise errors.no_such_policy(arn)
    return policy


def own(call: Call, arn: str, what: str) -> Policy:
    """Return a policy that the caller's account can change. `what` says what is being done to it.

    Raises AccessDenied for AWS's and other accounts' policies (service-linked-roles.md 1.3).
    """
    if well_formed(arn).account != call.account:
        raise errors.access_denied(f"Cannot {what} outside your own account.")
    policy = visible(call, arn)
    assert isinstance(policy, Policy), "the account's own are records"
    return policy


def a_policy(call: Call, params: Params) -> Sequence[Target]:
    arn = params["policy_arn"]
    policy = find(call.tx, arn)
    keys = tags.resource_keys(policy.tags) if isinstance(policy, Policy) else {}
    return [Target(arn, {**keys, **tags.request_keys(params)})]


def a_new_policy(call: Call, params: Params) -> Sequence[Target]:
    arn = iam(call.account, f"policy{params.get('path') or '/'}{params['policy_name']}")
    target = Target(arn, tags.request_keys(params))
    return [target, replace(target, action="iam:TagPolicy")] if params.get("tags") else [target]


def policies_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"policy{params.get('path_prefix') or '/'}"))]


@operation("iam:CreatePolicy", on=a_new_policy)
def create_policy(
    call: Call,
    *,
    policy_name: str,
    policy_document: str,
    path: str | None = None,
    description: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a managed policy. Its first version is v1."""
    _checked(policy_document)
    if policies.get(call.tx, call.account, policy_name.lower()) is not None:
        raise errors.exists(f"A policy called {policy_name} already exists. Duplicate names are not allowed.")
    if policies.count_where(call.tx, "by_account", call.account) >= POLICIES_PER_ACCOUNT:
        raise errors.quota("PoliciesPerAccount", POLICIES_PER_ACCOUNT)
    policy = Policy(
        account=call.account,
        name=policy_name,
        id=call.ids.iam("ANPA"),
        created=call.at,
        updated=call.at,
        versions=(PolicyVersion("v1", policy_document, call.at),),
        path=path or "/",
        description=description,
        tags=merged((), tags, ignore_case=False),
    )
    return {"Policy": {**describe(call, policies.put(call.tx, policy)), **_tags(policy)}}


@operation("iam:GetPolicy", on=a_policy)
def get_policy(call: Call, *, policy_arn: str) -> Answer:
    """Describe a policy."""
    policy = visible(call, policy_arn)
    # A policy without tags has an empty list of them here, and no list in other answers (iam.md 2.4).
    shown_tags = {"Tags": _tags(policy)["Tags"] or []}
    return {"Policy": {**describe(call, policy), "Description": policy.description or None, **shown_tags}}


@operation("iam:ListPolicies", on=policies_under)
def list_policies(
    call: Call,
    *,
    scope: str | None = None,
    only_attached: bool | None = None,
    path_prefix: str | None = None,
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List policies by name: AWS's, the account's own, or both."""
    prefix = path_prefix or "/"
    token_scope = f"ListPolicies:{scope or 'All'}:{bool(only_attached)}:{prefix}:{policy_usage_filter}"
    last_key = after(marker, token_scope, parts=2)
    found = (
        policy
        for policy in _everything(call, scope or "All", last_key)
        if policy.path.startswith(prefix)
        and (not only_attached or _is_used(call, policy_arn(policy), policy_usage_filter))
    )
    return listing(
        "Policies",
        found,
        lambda policy: describe(call, policy),
        key=_order,
        scope=token_scope,
        max_items=max_items,
    )


@operation("iam:DeletePolicy", on=a_policy)
def delete_policy(call: Call, *, policy_arn: str) -> None:
    """Delete a policy that nothing uses and that has only its default version. Raises DeleteConflict."""
    policy = own(call, policy_arn, "delete policies")
    if attachments(call.tx, policy.account, policy.arn) or boundaries(call.tx, policy.account, policy.arn):
        raise errors.conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise errors.conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    policies.delete(call.tx, policy)


@operation("iam:CreatePolicyVersion", on=a_policy)
def create_policy_version(
    call: Call, *, policy_arn: str, policy_document: str, set_as_default: bool | None = None
) -> Answer:
    """Add a version, and make it the default if asked."""
    policy = own(call, policy_arn, "create versions for policies")
    _checked(policy_document)
    if len(policy.versions) >= VERSIONS:
        raise errors.limit(
            f"A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must delete "
            "an existing version."
        )
    version = PolicyVersion(f"v{policy.next_version}", policy_document, call.at)
    policy = msgspec.structs.replace(
        policy,
        versions=(*policy.versions, version),
        next_version=policy.next_version + 1,
        default_version=version.id if set_as_default else policy.default_version,
        updated=call.at,
    )
    policies.put(call.tx, policy)
    return {"PolicyVersion": version_shown(policy, version)}


@operation("iam:GetPolicyVersion", on=a_policy)
def get_policy_version(call: Call, *, policy_arn: str, version_id: str) -> Answer:
    """Return a version with its document."""
    policy = visible(call, policy_arn)
    for version in versions_of(policy):
        if version.id == version_id:
            return {"PolicyVersion": {"Document": shown(version.document), **version_shown(policy, version)}}
    raise errors.no_such_version(policy_arn, version_id)


@operation("iam:ListPolicyVersions", on=a_policy)
def list_policy_versions(
    call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a policy's versions without their documents, newest first."""
    policy = visible(call, policy_arn)
    return sorted_listing(
        "Versions",
        versions_of(policy),
        lambda version: version_shown(policy, version),
        key=lambda version: (f"{_MANY - int(version.id[1:]):09d}",),
        scope=f"ListPolicyVersions:{policy.id}",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:SetDefaultPolicyVersion", on=a_policy)
def set_default_policy_version(call: Call, *, policy_arn: str, version_id: str) -> None:
    """Make another version the default, which is the one in force."""
    policy = own(call, policy_arn, "update policies")
    if policy.version(version_id) is None:
        raise errors.no_such_version(policy_arn, version_id)
    policies.put(call.tx, msgspec.structs.replace(policy, default_version=version_id))


@operation("iam:DeletePolicyVersion", on=a_policy)
def delete_policy_version(call: Call, *, policy_arn: str, version_id: str) -> None:
    """Delete a version that is not the default."""
    policy = own(call, policy_arn, "delete policy versions for policies")
    if policy.version(version_id) is None:
        raise errors.no_such_version(policy_arn, version_id)
    if version_id == policy.default_version:
        raise errors.conflict("Cannot delete the default version of a policy.")
    kept = tuple(version for version in policy.versions if version.id != version_id)
    policies.put(call.tx, msgspec.structs.replace(policy, versions=kept))


@operation("iam:TagPolicy", on=a_policy)
def tag_policy(call: Call, *, policy_arn: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    policy = _taggable(call, policy_arn)
    policies.put(call.tx, msgspec.structs.replace(policy, tags=merged(policy.tags, tags, ignore_case=False)))


@operation("iam:UntagPolicy", on=a_policy)
def untag_policy(call: Call, *, policy_arn: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    policy = _taggable(call, policy_arn)
    kept = tags.without(policy.tags, tag_keys, ignore_case=False)
    policies.put(call.tx, msgspec.structs.replace(policy, tags=kept))


@operation("iam:ListPolicyTags", on=a_policy)
def list_policy_tags(
    call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a policy's tags. AWS's policies have none."""
    policy = visible(call, policy_arn)
    kept = policy.tags if isinstance(policy, Policy) else ()
    return tags_listed(kept, f"ListPolicyTags:{policy.id}", marker, max_items)


def describe(call: Call, policy: AnyPolicy) -> Mapping[str, Any]:
    """Return a policy as lists show it. It is counted in the caller's account alone."""
    arn = policy_arn(policy)
    attached, bounding = attachments(call.tx, call.account, arn), boundaries(call.tx, call.account, arn)
    unused = _describe_own(policy) if isinstance(policy, Policy) else _describe_aws(policy)
    if not attached and not bounding:
        return unused
    return {**unused, "AttachmentCount": attached, "PermissionsBoundaryUsageCount": bounding}


@memoized
def _describe_own(policy: Policy) -> Description:
    return Description(_unused(policy, policy.arn, policy.default_version))


@cache
def _describe_aws(policy: managed_policies.ManagedPolicy) -> Description:
    return Description(_unused(policy, policy.arn(), policy.version_id))


def _unused(policy: AnyPolicy, arn: str, default_version: str) -> Mapping[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": default_version,
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def policy_arn(policy: AnyPolicy) -> str:
    return policy.arn if isinstance(policy, Policy) else policy.arn()


def attachments(tx: Transaction, account: str, arn: str) -> int:
    """Return how many users, groups and roles of the account the policy is attached to."""
    return sum(table.count_where(tx, "by_policy", (account, arn)) for table in (users, groups, roles))


def boundaries(tx: Transaction, account: str, arn: str) -> int:
    """Return how many users and roles of the account it is the boundary of."""
    return sum(table.count_where(tx, "by_boundary", (account, arn)) for table in (users, roles))


def _everything(call: Call, scope: str, last_key: RecordKey | None) -> Iterator[AnyPolicy]:
    """Yield the policies of a scope by name, after a key. The account's own come before AWS's of the same name."""
    sources: list[Iterable[AnyPolicy]] = []
    if scope in ("All", "Local"):
        # Behind an own policy's key its name is done with; behind AWS's, the account's own came before.
        first = (call.account, last_key[0]) if last_key is not None else None
        sources.append(policies.scan(call.tx, call.account, after=first))
    if scope in ("All", "AWS"):
        start = 0 if last_key is None else bisect_right(aws_policies(), last_key, key=_order)
        sources.append(islice(aws_policies(), start, None))
    return merge(*sources, key=_order)


@cache
def aws_policies() -> tuple[managed_policies.ManagedPolicy, ...]:
    """Return AWS's policies in the order of lists."""
    return tuple(sorted(managed_policies.everything(), key=_order))


def _order(policy: AnyPolicy) -> RecordKey:
    return (policy.name.lower(), "0" if isinstance(policy, Policy) else "1")


def _is_used(call: Call, arn: str, usage: str | None) -> bool:
    # The filter has effect together with OnlyAttached alone (iam.md 2.6).
    as_policy = usage != "PermissionsBoundary" and attachments(call.tx, call.account, arn) > 0
    return as_policy or (usage != "PermissionsPolicy" and boundaries(call.tx, call.account, arn) > 0)


def versions_of(policy: AnyPolicy) -> Sequence[PolicyVersion]:
    """Return a policy's versions, oldest first. Of AWS's policies not all earlier versions are known (iam.md 2.11)."""
    if isinstance(policy, Policy):
        return policy.versions
    earlier = managed_policy_history.earlier_versions(policy.name)
    return (
        *(PolicyVersion(each.id, each.document, each.created) for each in earlier),
        default_version_of(policy),
    )


def default_version_of(policy: managed_policies.ManagedPolicy) -> PolicyVersion:
    """Return the version of an AWS managed policy that is in force."""
    return PolicyVersion(policy.version_id, policy.document, policy.updated)


def version_shown(policy: AnyPolicy, version: PolicyVersion) -> Mapping[str, Any]:
    """Return a version without its document, as lists show it."""
    default = policy.default_version if isinstance(policy, Policy) else policy.version_id
    return {"VersionId": version.id, "IsDefaultVersion": version.id == default, "CreateDate": version.created}


def _taggable(call: Call, arn: str) -> Policy:
    policy = visible(call, arn)
    if not isinstance(policy, Policy):
        raise errors.invalid_input("Tags not supported for policies in this domain")
    return policy


def _tags(policy: AnyPolicy) -> Mapping[str, Any]:
    return {"Tags": tags.shown(policy.tags) if isinstance(policy, Policy) else None}


def _checked(document: str) -> None:
    if size(document) > POLICY_SIZE:
        raise errors.quota("PolicySize", POLICY_SIZE)
    reviewed(document, "managed")
