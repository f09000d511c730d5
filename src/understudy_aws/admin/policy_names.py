"""Finds readable names for the policies that bind a caller and for the levels of its organization."""

from __future__ import annotations

from understudy_aws.authn.caller import Caller
from understudy_aws.gateway.membership import Level
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.policy import Names
from understudy_aws.services.iam.groups import groups
from understudy_aws.services.iam.policy_records import document_of
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.users import users
from understudy_aws.services.organizations.organization_records import organization_of
from understudy_aws.services.organizations.policy_records import find
from understudy_aws.store.database import Transaction

# What the directory calls one.
_INLINE_SESSION_POLICY = "session policy"


def names_of(
    tx: Transaction, policies: PolicySource, caller: Caller, owner: str, fixed: dict[str, str]
) -> Names:
    """Return the names for explaining to `caller` a decision about a resource of the account `owner`."""
    own, theirs = policies.membership(tx, caller.account), policies.membership(tx, owner)
    scps = own.scps if own is not None else ()
    rcps = theirs.rcps if theirs is not None else ()
    known, gone = _of_the_entity(tx, caller)
    for account, levels in ((caller.account, scps), (owner, rcps)):
        known.update(_of_the_organization(tx, account, levels))
    return Names(_levels(scps), _levels(rcps), known, gone, fixed)


def _levels(levels: tuple[Level, ...]) -> tuple[str, ...]:
    return tuple(f"{level.name} ({level.id})" for level in levels)


def _of_the_organization(tx: Transaction, account: str, levels: tuple[Level, ...]) -> dict[str, str]:
    """Return the names of an organization's policies, which their ARNs do not contain."""
    organization = organization_of(tx, account)
    known: dict[str, str] = {}
    for named in (each for level in levels for each in level.policies):
        id = named.name.rpartition("/")[2]
        policy = find(tx, organization.id, id) if organization is not None else None
        if policy is not None:
            known[named.name] = policy.name if policy.aws_managed else f"{policy.name} ({id})"
    return known


def _of_the_entity(tx: Transaction, caller: Caller) -> tuple[dict[str, str], frozenset[str]]:
    """Return names of policies that come from groups, and the ARNs of policies that no longer exist."""
    name = (caller.session_name if caller.kind == "federated" else caller.name).lower()
    known = {_INLINE_SESSION_POLICY: "the session policy passed inline"}
    if caller.kind in ("user", "federated"):
        user = users.get(tx, caller.account, name)
        found = (groups.get(tx, caller.account, each) for each in user.groups) if user is not None else ()
        for group in found:
            if group is not None:
                for policy in [*(inline for inline, _ in group.inline), *group.attached]:
                    known.setdefault(policy, f"{policy} of group {group.name}")
        # What is the user's own as well is his, wherever else it is from.
        for own in [*(inline for inline, _ in user.inline), *user.attached] if user is not None else ():
            known.pop(own, None)
        boundary = user.boundary if user is not None else ""
    else:
        role = roles.get(tx, caller.account, name) if caller.kind == "role-session" else None
        boundary = role.boundary if role is not None else ""
    gone = {boundary} if boundary and document_of(tx, boundary) is None else set()
    return known, frozenset(gone)
