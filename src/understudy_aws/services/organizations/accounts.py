"""Accounts of an organization: listed, moved, closed and removed."""

from __future__ import annotations

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import entities, errors
from understudy_aws.services.organizations.descriptions import account_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    members,
    organizational_units,
)
from understudy_aws.services.organizations.organizational_units import existing_parent
from understudy_aws.services.organizations.targets import (
    a_child,
    a_parent,
    an_account,
    an_account_and_its_parents,
    joined,
    managed,
    readable,
)


@operation("organizations:DescribeAccount", on=an_account)
def describe_account(call: Call, *, account_id: str) -> Answer:
    """Describe an account of the organization."""
    organization = readable(call)
    return {"Account": account_shown(call, organization, _existing(call, organization, account_id))}


@operation("organizations:ListAccounts", on=all_resources)
def list_accounts(call: Call, *, next_token: str | None = None, max_results: int | None = None) -> Answer:
    """List all accounts of the organization."""
    organization = readable(call)
    return listing(
        "Accounts",
        members.where(call.tx, "by_organization", organization.id),
        lambda member: account_shown(call, organization, member),
        key=lambda member: member.account,
        scope="ListAccounts",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:ListAccountsForParent", on=a_parent)
def list_accounts_for_parent(
    call: Call, *, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the accounts directly below the root or a unit."""
    organization = readable(call)
    existing_parent(call, organization, parent_id)
    return listing(
        "Accounts",
        members.where(call.tx, "by_parent", (organization.id, parent_id)),
        lambda member: account_shown(call, organization, member),
        key=lambda member: member.account,
        scope=f"ListAccountsForParent:{parent_id}",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:ListChildren", on=a_parent)
def list_children(
    call: Call,
    *,
    parent_id: str,
    child_type: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the ids of the accounts, or of the units, directly below the root or a unit."""
    organization = readable(call)
    existing_parent(call, organization, parent_id)
    place = (organization.id, parent_id)
    ids = (
        [member.account for member in members.where(call.tx, "by_parent", place)]
        if child_type == "ACCOUNT"
        else [unit.id for unit in organizational_units.where(call.tx, "by_parent", place)]
    )
    return listing(
        "Children",
        ids,
        lambda child: {"Id": child, "Type": child_type},
        key=str,
        scope=f"ListChildren:{parent_id}:{child_type}",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:ListParents", on=a_child)
def list_parents(
    call: Call, *, child_id: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the parent of an account or a unit. There is one."""
    organization = readable(call)
    child = entities.find(call.tx, organization, child_id)
    if child is None or isinstance(child, Organization):
        raise errors.not_found("child")
    kind = "ROOT" if child.parent == organization.root else "ORGANIZATIONAL_UNIT"
    return listing(
        "Parents",
        [child.parent],
        lambda parent: {"Id": parent, "Type": kind},
        key=str,
        scope=f"ListParents:{child_id}",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:MoveAccount", on=an_account_and_its_parents)
def move_account(call: Call, *, account_id: str, source_parent_id: str, destination_parent_id: str) -> None:
    """Put an account under another parent; the policies attached to itself go along.

    An account that is not below the source is not found, as AWS has it. Raises DuplicateAccount when it is
    where it shall go.
    """
    organization = managed(call)
    member = _existing(call, organization, account_id)
    existing_parent(call, organization, source_parent_id, called="source parent")
    existing_parent(call, organization, destination_parent_id, called="destination parent")
    if member.parent != source_parent_id:
        raise errors.not_found("account")
    if source_parent_id == destination_parent_id:
        raise errors.duplicate_account()
    members.put(call.tx, msgspec.structs.replace(member, parent=destination_parent_id))


@operation("organizations:RemoveAccountFromOrganization", on=an_account)
def remove_account_from_organization(call: Call, *, account_id: str) -> None:
    """Let an account stand alone; no policy of the organization binds it from then on."""
    organization = managed(call)
    member = _existing(call, organization, account_id)
    if member.account == organization.management:
        raise errors.master_cannot_leave()
    if member.delegated:
        raise errors.constraint(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "You attempted to remove an account from the organization that is registered as a delegated administrator. "
            "You must first deregister it for all services.",
        )
    members.delete(call.tx, member)


@operation("organizations:LeaveOrganization", on=all_resources)
def leave_organization(call: Call) -> None:
    """Leave the organization, as a member account."""
    organization = joined(call)
    if call.account == organization.management:
        raise errors.master_cannot_leave()
    members.delete(call.tx, _existing(call, organization, call.account))


def _existing(call: Call, organization: Organization, account: str) -> Member:
    member = members.get(call.tx, account)
    if member is None or member.organization != organization.id:
        raise errors.not_found("account")
    return member
