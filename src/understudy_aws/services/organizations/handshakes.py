"""Handshakes: invitations, by which an existing account joins an organization, and approvals of all features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.accounts import accounts
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.all_features import accepted, pending_features
from understudy_aws.services.organizations.descriptions import handshake_shown
from understudy_aws.services.organizations.handshake_records import (
    OPEN_FOR,
    TOLD_FOR,
    Handshake,
    State,
    handshakes,
)
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.membership_changes import account_with, email_of, ensure_role, join
from understudy_aws.services.organizations.organization_records import (
    Organization,
    organization_of,
    organizations,
)
from understudy_aws.services.organizations.tag_lists import merged
from understudy_aws.services.organizations.targets import a_handshake, an_invited_account, managed, readable
from understudy_aws.store.database import Transaction


def an_account_to_invite(call: Call, params: Params) -> Sequence[Target]:
    """Return the account to invite. With tags, tagging is needed too."""
    targets = list(an_invited_account(call, params))
    if params.get("tags"):
        targets.append(replace(targets[0], action="organizations:TagResource"))
    return targets


@operation("organizations:InviteAccountToOrganization", on=an_account_to_invite)
def invite_account_to_organization(
    call: Call,
    *,
    target: dict[str, str],
    notes: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Invite an account. Raises DuplicateHandshake, HandshakeConstraintViolation."""
    organization = managed(call)
    if pending_features(call.tx, organization, call.at) is not None:
        raise errors.handshake_constraint(
            "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
            "You can't issue new invitations while your organization is enabling all features.",
        )
    if target["Type"] not in ("ACCOUNT", "EMAIL"):
        raise errors.invalid("INVALID_PARTY_TYPE_TARGET", "Only an account can be invited.")
    by_email = target["Type"] == "EMAIL"
    account = account_with(call.tx, target["Id"]) if by_email else target["Id"]
    if account is None or accounts.get(call.tx, account) is None:
        raise errors.invalid("INVALID_PATTERN_TARGET_ID", "You specified an account that doesn't exist.")
    _check_is_free(call, account)
    for earlier in handshakes.where(call.tx, "by_account", account):
        if earlier.organization == organization.id and _state(call, earlier) == "OPEN":
            raise errors.duplicate_handshake()
    handshake = Handshake(
        id=call.ids.organizations("h", 32),
        organization=organization.id,
        management=organization.management,
        account=account,
        requested=call.at,
        expires=call.at + OPEN_FOR,
        notes=notes or "",
        tags=merged((), tags),
        email=target["Id"] if by_email else "",
    )
    return {"Handshake": handshake_shown(call, handshakes.put(call.tx, handshake))}


@operation("organizations:AcceptHandshake", on=a_handshake)
def accept_handshake(call: Call, *, handshake_id: str) -> Answer:
    """Join the organization that invited the caller's account. The account is put under the root.

    The account gets its service-linked role, made with the caller's permission.
    """
    handshake = _existing(call, handshake_id)
    if handshake.account != call.account:
        raise errors.management_only()
    _check_can_become(call, handshake, "ACCEPTED")
    organization = organizations.get(call.tx, handshake.organization)
    assert organization is not None, "an organization withdraws its invitations when it ends"
    if handshake.action != "INVITE":
        ensure_role(call)
        accepted(call.tx, organization, handshake)
        return _become(call, handshake, "ACCEPTED")
    _check_is_free(call, call.account)
    if organization.features == "ALL":
        ensure_role(call)
    join(
        call.tx,
        organization,
        call.account,
        name=f"Account {call.account}",
        email=email_of(call.account),
        method="INVITED",
        at=call.at,
        tags=handshake.tags,
    )
    return _become(call, handshake, "ACCEPTED")


@operation("organizations:DeclineHandshake", on=a_handshake)
def decline_handshake(call: Call, *, handshake_id: str) -> Answer:
    """Decline an invitation, as the invited account."""
    handshake = _existing(call, handshake_id)
    if handshake.account != call.account:
        raise errors.management_only()
    _check_can_become(call, handshake, "DECLINED")
    return _become(call, handshake, "DECLINED")


@operation("organizations:CancelHandshake", on=a_handshake)
def cancel_handshake(call: Call, *, handshake_id: str) -> Answer:
    """Cancel an invitation, as the account that sent it."""
    handshake = _existing(call, handshake_id)
    if handshake.management != call.account:
        raise errors.management_only()
    _check_can_become(call, handshake, "CANCELED")
    return _become(call, handshake, "CANCELED")


@operation("organizations:DescribeHandshake", on=a_handshake)
def describe_handshake(call: Call, *, handshake_id: str) -> Answer:
    """Describe an invitation to one of its two accounts."""
    return {"Handshake": handshake_shown(call, _existing(call, handshake_id))}


@operation("organizations:ListHandshakesForAccount", on=all_resources)
def list_handshakes_for_account(
    call: Call,
    *,
    filter: Mapping[str, str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the recent invitations of the caller's account."""
    found = handshakes.where(call.tx, "by_account", call.account)
    return _listing(call, found, "ListHandshakesForAccount", filter, next_token, max_results)


@operation("organizations:ListHandshakesForOrganization", on=all_resources)
def list_handshakes_for_organization(
    call: Call,
    *,
    filter: Mapping[str, str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the recent invitations that the organization sent."""
    found = handshakes.where(call.tx, "by_organization", readable(call).id)
    return _listing(call, found, "ListHandshakesForOrganization", filter, next_token, max_results)


def withdraw_all(tx: Transaction, organization: Organization) -> None:
    """Cancel all open invitations of an organization that is being deleted."""
    for handshake in handshakes.where(tx, "by_organization", organization.id):
        if handshake.state in ("OPEN", "REQUESTED"):
            handshakes.put(tx, msgspec.structs.replace(handshake, state="CANCELED"))


def _listing(  # noqa: PLR0917 - what both lists are given
    call: Call,
    found: Sequence[Handshake],
    operation_name: str,
    filter: Mapping[str, str] | None,
    next_token: str | None,
    max_results: int | None,
) -> Answer:
    wanted = filter or {}
    if len(wanted) > 1:
        raise errors.invalid("MAX_LIMIT_EXCEEDED_FILTER", "You can specify only one filter parameter.")
    shown = [
        each
        for each in found
        if each.expires + TOLD_FOR > call.at
        and wanted.get("ActionType", each.action) == each.action
        and wanted.get("ParentHandshakeId", each.parent) == each.parent
    ]
    return listing(
        "Handshakes",
        shown,
        lambda handshake: handshake_shown(call, handshake),
        key=lambda handshake: handshake.id,
        scope=f"{operation_name}:{sorted(wanted.items())}",
        max_results=max_results,
        next_token=next_token,
    )


def _existing(call: Call, id: str) -> Handshake:
    """Return the handshake if the caller's account is one of its parties. Raises HandshakeNotFound."""
    handshake = handshakes.get(call.tx, id)
    if handshake is None or call.account not in (handshake.account, handshake.management):
        raise errors.not_found("handshake")
    return handshake


def _state(call: Call, handshake: Handshake) -> State:
    is_open = handshake.state in ("OPEN", "REQUESTED")
    return "EXPIRED" if is_open and handshake.expires <= call.at else handshake.state


def _check_can_become(call: Call, handshake: Handshake, state: State) -> None:
    now = _state(call, handshake)
    if now == state:
        raise errors.handshake_already(state)
    # What others must approve first can be canceled and not yet accepted.
    if now != "OPEN" and (now, state) != ("REQUESTED", "CANCELED"):
        raise errors.handshake_transition(now)


def _check_is_free(call: Call, account: str) -> None:
    if organization_of(call.tx, account) is not None:
        raise errors.handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization."
        )


def _become(call: Call, handshake: Handshake, state: State) -> Answer:
    changed = handshakes.put(call.tx, msgspec.structs.replace(handshake, state=state))
    return {"Handshake": handshake_shown(call, changed)}
