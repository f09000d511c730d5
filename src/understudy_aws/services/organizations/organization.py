"""The operations on an organization itself."""

from __future__ import annotations

from typing import Literal

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import account_requests, errors, handshakes
from understudy_aws.services.organizations.delegation import resource_policies
from understudy_aws.services.organizations.descriptions import organization_shown
from understudy_aws.services.organizations.membership_changes import email_of, ensure_role, join
from understudy_aws.services.organizations.organization_records import (
    Organization,
    members,
    organization_of,
    organizational_units,
    organizations,
)
from understudy_aws.services.organizations.policy_records import policies
from understudy_aws.services.organizations.targets import joined, managed

MANAGEMENT_NAME = "Management account"


@operation("organizations:CreateOrganization", on=all_resources)
def create_organization(call: Call, *, feature_set: str | None = None) -> Answer:
    """Make an organization managed by the caller's account. No policy type is enabled yet (docs/decisions/0008).

    With all features the account gets its service-linked role, made with the caller's permission. Raises
    AlreadyInOrganization, AccessDeniedForDependency.
    """
    if organization_of(call.tx, call.account) is not None:
        raise errors.already_in_organization()
    features: Literal["ALL", "CONSOLIDATED_BILLING"] = (
        "CONSOLIDATED_BILLING" if feature_set == "CONSOLIDATED_BILLING" else "ALL"
    )
    if features == "ALL":
        ensure_role(call)
    organization = Organization(
        id=call.ids.organizations("o", 10),
        management=call.account,
        root=call.ids.organizations("r", 4),
        created=call.at,
        features=features,
    )
    organizations.put(call.tx, organization)
    join(
        call.tx,
        organization,
        call.account,
        name=MANAGEMENT_NAME,
        email=email_of(call.account),
        method="INVITED",
        at=call.at,
    )
    return {"Organization": organization_shown(call, organization)}


@operation("organizations:DescribeOrganization", on=all_resources)
def describe_organization(call: Call) -> Answer:
    """Describe the organization of the caller's account."""
    return {"Organization": organization_shown(call, joined(call))}


@operation("organizations:DeleteOrganization", on=all_resources)
def delete_organization(call: Call) -> None:
    """Delete an organization without member accounts, and its organizational units and policies."""
    organization = managed(call)
    in_it = members.where(call.tx, "by_organization", organization.id)
    if len(in_it) > 1 or account_requests.under_way(call.tx, organization.id):
        raise errors.not_empty()
    handshakes.withdraw_all(call.tx, organization)
    for unit in list(organizational_units.scan(call.tx, organization.id)):
        organizational_units.delete(call.tx, unit)
    for policy in list(policies.scan(call.tx, organization.id)):
        policies.delete(call.tx, policy)
    members.delete(call.tx, in_it[0])
    delegation = resource_policies.get(call.tx, organization.id)
    if delegation is not None:
        resource_policies.delete(call.tx, delegation)
    organizations.delete(call.tx, organization)
