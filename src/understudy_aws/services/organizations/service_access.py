"""Trusted access: the AWS services that have access to an organization, and since when."""

from __future__ import annotations

import re

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import organizations
from understudy_aws.services.organizations.targets import managed, readable, the_service

_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")


@operation("organizations:EnableAWSServiceAccess", on=the_service)
def enable_aws_service_access(call: Call, *, service_principal: str) -> None:
    """Give a service access. It is no error if it has it."""
    organization = managed(call)
    check_principal(service_principal)
    if organization.features != "ALL":
        raise errors.not_all_features()
    if service_principal not in dict(organization.trusted):
        trusted = (*organization.trusted, (service_principal, call.at))
        organizations.put(call.tx, msgspec.structs.replace(organization, trusted=trusted))


def check_principal(name: str) -> None:
    """Raise for what cannot be a service principal."""
    if not _PRINCIPAL.fullmatch(name):
        raise errors.unrecognized_service()


@operation("organizations:DisableAWSServiceAccess", on=the_service)
def disable_aws_service_access(call: Call, *, service_principal: str) -> None:
    """Take access from a service. It is no error if it has none."""
    organization = managed(call)
    trusted = tuple(each for each in organization.trusted if each[0] != service_principal)
    organizations.put(call.tx, msgspec.structs.replace(organization, trusted=trusted))


@operation("organizations:ListAWSServiceAccessForOrganization", on=all_resources)
def list_aws_service_access_for_organization(
    call: Call, *, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the services with access."""
    return listing(
        "EnabledServicePrincipals",
        readable(call).trusted,
        lambda each: {"ServicePrincipal": each[0], "DateEnabled": each[1]},
        key=lambda each: each[0],
        scope="ListAWSServiceAccessForOrganization",
        max_results=max_results,
        next_token=next_token,
    )
