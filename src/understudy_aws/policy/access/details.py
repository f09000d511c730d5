"""Accounts as `aws iam get-account-authorization-details` exports them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from understudy_aws.core import arn as arns
from understudy_aws.policy.access.domains import Domain
from understudy_aws.policy.access.population import ORGANIZATION, Actor, Keys, Resource
from understudy_aws.policy.engine.bindings import Bindings, Levels
from understudy_aws.policy.engine.policies import NamedPolicy, compile_policy
from understudy_aws.policy.language.context_keys import principal_context, question_context
from understudy_aws.policy.language.question import Principal

_IN_ANY_ORGANIZATION = {key: Domain() for key in ORGANIZATION}
_ORDINARY: Keys = {"aws:securetransport": "true", "aws:viaawsservice": "false"}
# The session of a role that nobody named.
SESSION = "explained"
T = TypeVar("T")
_LINKED = "/aws-service-role/"


class NotAuthorizationDetails(ValueError):
    """What was given is no export of authorization details; the text says what is wrong."""


class AuthorizationDetails(msgspec.Struct, frozen=True):
    """The principals of exported accounts. It implements `Accounts`.

    Organizations are not exported: which one the accounts are in is not known, and every answer is for any.
    """

    actors: tuple[Actor, ...]
    roles: Mapping[str, Actor]
    accounts: frozenset[str]
    bound: bool = False

    @property
    def ordinary(self) -> Keys:
        """The connection is encrypted; when it is is not said."""
        return _ORDINARY

    @property
    def organizations(self) -> frozenset[str]:
        """None are exported."""
        return frozenset()

    @property
    def assumed(self) -> tuple[str, ...]:
        """What of an organization is not exported, and not given."""
        controls = "resource control policies" if self.bound else "service and resource control policies"
        return (f"Organizations are not exported: the accounts may be in any, and no {controls} are known.",)

    def is_known(self, account: str) -> bool:
        """Return whether the account was exported."""
        return account in self.accounts

    def resource_control(self, _account: str) -> Levels:
        """Return none: organizations are not exported."""
        return ()

    def organization_keys(self, _account: str) -> Keys:
        """Return none: organizations are not exported."""
        return {}

    def resource(self, action: str, arn: str) -> Resource:
        """Return a resource; of those exported only roles have a policy of their own, for being assumed."""
        parsed = arns.parse(arn)
        account = parsed.account if parsed is not None else ""
        role = self.roles.get(arn)
        assumed = action.lower().startswith("sts:assumerole")
        return Resource(
            arn,
            account if account.isdigit() else "",
            role.role_keys if role is not None else {},
            role.trust if role is not None and assumed else None,
            trust=assumed,
            region=parsed.region if parsed is not None else "",
        )


def from_authorization_details(
    *exports: str | bytes | Mapping[str, Any], scps: Sequence[Sequence[str]] = ()
) -> AuthorizationDetails:
    """Return the accounts of one export or several, each the JSON that the AWS CLI prints (all pages together).

    `scps` are the service control policies that bind the accounts, one list of documents for each level, from the root
    of the organization to the account. Raises NotAuthorizationDetails for something else, and MalformedPolicy for a
    policy that cannot be read.
    """
    levels = tuple(
        tuple(
            NamedPolicy(f"SCP {number}.{at}", compile_policy(text, kind="scp"))
            for at, text in enumerate(level, 1)
        )
        for number, level in enumerate(scps, 1)
    )
    actors: list[Actor] = []
    accounts: set[str] = set()
    for export in exports:
        read = _read(export)
        made = _Export(read, levels).actors()
        accounts.update(actor.principal.account for actor in made)
        actors += made
    accounts = set(filter(None, accounts))
    actors += [_root(account, levels) for account in sorted(accounts)]
    roles = {actor.name: actor for actor in actors if actor.trust is not None}
    return AuthorizationDetails(tuple(actors), roles, frozenset(accounts), bound=bool(levels))


def _read(export: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(export, str | bytes):
        try:
            export = json.loads(export)
        except ValueError as error:
            raise NotAuthorizationDetails(f"This is no JSON: {error}.") from error
    if not isinstance(export, Mapping) or not {"UserDetailList", "RoleDetailList"} <= export.keys():
        raise NotAuthorizationDetails(
            "This is no export of authorization details: it has no UserDetailList and RoleDetailList."
        )
    if export.get("IsTruncated") or export.get("NextToken"):
        raise NotAuthorizationDetails("This is the first part of an export alone: export all pages.")
    return export


class _Export:
    def __init__(self, read: Mapping[str, Any], scps: Levels) -> None:
        self._scps = scps
        self._read = read
        self._managed: dict[str, NamedPolicy] = {}
        for policy in read.get("Policies", ()):
            for version in policy.get("PolicyVersionList", ()):
                if version.get("IsDefaultVersion"):
                    self._managed[policy["Arn"]] = _named(policy["Arn"], version["Document"])
        self._groups = {group["GroupName"]: group for group in read.get("GroupDetailList", ())}

    def actors(self) -> list[Actor]:
        try:
            return [
                *(self._user(each) for each in self._read["UserDetailList"]),
                *(self._role(each) for each in self._read["RoleDetailList"]),
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise NotAuthorizationDetails(
                f"A part of the export is missing or of another form: {error}."
            ) from error

    def _user(self, user: Mapping[str, Any]) -> Actor:
        groups = [self._held(self._groups, name, "group") for name in user.get("GroupList", ())]
        entities = [
            (user, "UserPolicyList"),
            *((group, "GroupPolicyList") for group in groups),
        ]
        principal = Principal("user", user["Arn"], _account(user["Arn"]), user_id=user["UserId"])
        return Actor(
            user["Arn"],
            "user",
            principal,
            self._bindings(user, entities),
            _keys(principal, user.get("Tags", ())),
            domains=_IN_ANY_ORGANIZATION,
        )

    def _role(self, role: Mapping[str, Any]) -> Actor:
        account = _account(role["Arn"])
        linked = role["Path"].startswith(_LINKED)
        principal = Principal(
            "role-session",
            f"arn:{role['Arn'].split(':')[1]}:sts::{account}:assumed-role/{role['RoleName']}/{SESSION}",
            account,
            role["Arn"],
            service_linked=linked,
            user_id=f"{role['RoleId']}:{SESSION}",
        )
        tags = role.get("Tags", ())
        return Actor(
            role["Arn"],
            "role",
            principal,
            self._bindings(role, [(role, "RolePolicyList")]),
            _keys(principal, tags),
            trust=_named(role["Arn"], role["AssumeRolePolicyDocument"], kind="trust"),
            role_keys=question_context(
                {
                    f"{prefix}:ResourceTag/{tag['Key']}": tag["Value"]
                    for tag in tags
                    for prefix in ("aws", "iam")
                }
            ),
            linked_service=role["Path"].split("/")[2] if linked else "",
            domains=_IN_ANY_ORGANIZATION,
        )

    def _bindings(
        self, entity: Mapping[str, Any], entities: Iterable[tuple[Mapping[str, Any], str]]
    ) -> Bindings:
        identity = []
        for each, inline in entities:
            identity += [_named(made["PolicyName"], made["PolicyDocument"]) for made in each.get(inline, ())]
            for attached in each.get("AttachedManagedPolicies", ()):
                identity.append(self._held(self._managed, attached["PolicyArn"], "policy"))
        boundary = (entity.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
        return Bindings(
            tuple(identity),
            boundary=self._held(self._managed, boundary, "policy") if boundary else None,
            scps=self._scps,
        )

    @staticmethod
    def _held(held: Mapping[str, T], name: str, kind: str) -> T:
        """Return what the export names, which says nothing of principals whose policies it lacks."""
        found = held.get(name)
        if found is None:
            raise NotAuthorizationDetails(
                f"The export names the {kind} {name} and does not hold it: export with all of User, Role, Group, "
                "LocalManagedPolicy and AWSManagedPolicy."
            )
        return found


def _root(account: str, scps: Levels) -> Actor:
    principal = Principal("root", f"arn:aws:iam::{account}:root", account)
    return Actor(
        principal.arn,
        "root",
        principal,
        Bindings(scps=scps),
        _keys(principal, ()),
        domains=_IN_ANY_ORGANIZATION,
    )


def _keys(principal: Principal, tags: Iterable[Mapping[str, str]]) -> dict[str, str | list[str]]:
    own = question_context({f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in tags})
    mfa = {"aws:multifactorauthpresent": "false"} if principal.kind == "role-session" else {}
    return {**_ORDINARY, **principal_context(principal), **mfa, **own}


def _named(name: str, document: Any, kind: str = "identity") -> NamedPolicy:
    if isinstance(document, str):
        text = document if document.lstrip().startswith("{") else unquote(document)
    else:
        text = json.dumps(document, separators=(",", ":"))
    return NamedPolicy(name, compile_policy(text, name=name, kind=kind))


def _account(arn: str) -> str:
    parsed = arns.parse(arn)
    if parsed is None:
        raise NotAuthorizationDetails(f"{arn!r} is no ARN.")
    return parsed.account
