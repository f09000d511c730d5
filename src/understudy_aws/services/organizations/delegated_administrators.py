"""Delegated administrators: member accounts that may read the organization, each for some services."""

from __future__ import annotations

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.descriptions import delegated_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import Member, Organization, members
from understudy_aws.services.organizations.service_access import check_principal
from understudy_aws.services.organizations.targets import an_account, managed, readable, the_service


@operation("organizations:RegisterDelegatedAdministrator", on=an_account)
def register_delegated_administrator(call: Call, *, account_id: str, service_principal: str) -> None:
    """Make an account the delegated administrator for a service, which needs trusted access (organizations.md 32.1)."""
    organization = managed(call)
    check_principal(service_principal)
    member = _member(call, organization, account_id)
    if service_principal in dict(member.delegated):
        raise errors.already_registered()
    if member.closed is not None:
        raise errors.constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register a suspended account as a delegated administrator.",
        )
    if service_principal not in dict(organization.trusted):
        raise errors.constraint(
            "SERVICE_ACCESS_NOT_ENABLED",
            "You attempted to register a delegated administrator before you enabled service access. "
            "Call the EnableAWSServiceAccess API first.",
        )
    delegated = (*member.delegated, (service_principal, call.at))
    members.put(call.tx, msgspec.structs.replace(member, delegated=delegated))


@operation("organizations:DeregisterDelegatedAdministrator", on=an_account)
def deregister_delegated_administrator(call: Call, *, account_id: str, service_principal: str) -> None:
    """Take the part of a delegated administrator for a service from an account."""
    organization = managed(call)
    check_principal(service_principal)
    member = _member(call, organization, account_id)
    if service_principal not in dict(member.delegated):
        raise errors.not_registered()
    delegated = tuple(each for each in member.delegated if each[0] != service_principal)
    members.put(call.tx, msgspec.structs.replace(member, delegated=delegated))


@operation("organizations:ListDelegatedAdministrators", on=the_service)
def list_delegated_administrators(
    call: Call,
    *,
    service_principal: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the delegated administrators, of one service or of all."""
    organization = readable(call)
    if service_principal is not None:
        check_principal(service_principal)
    found = members.where(call.tx, "delegated", organization.id)
    return listing(
        "DelegatedAdministrators",
        [each for each in found if service_principal is None or service_principal in dict(each.delegated)],
        lambda member: delegated_shown(call, member),
        key=lambda member: member.account,
        scope=f"ListDelegatedAdministrators:{service_principal}",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:ListDelegatedServicesForAccount", on=an_account)
def list_delegated_services_for_account(
    call: Call, *, account_id: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the services that an account is a delegated administrator for."""
    organization = readable(call)
    member = members.get(call.tx, account_id)
    if member is None or member.organization != organization.id:
        raise errors.not_found("account")
    if not member.delegated:
        raise errors.not_registered()
    return listing(
        "DelegatedServices",
        member.delegated,
        lambda each: {"ServicePrincipal": each[0], "DelegationEnabledDate": each[1]},
        key=lambda each: each[0],
        scope=f"ListDelegatedServicesForAccount:{account_id}",
        max_results=max_results,
        next_token=next_token,
    )


def _member(call: Call, organization: Organization, account: str) -> Member:
    """Return the account. Raises for one that is not in the organization, and for the management account."""
    member = members.get(call.tx, account)
    if member is None or member.organization != organization.id:
        raise errors.not_found("account")
    if account == organization.management:
        raise errors.constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register master account/yourself as delegated administrator for your organization.",
        )
    return member
