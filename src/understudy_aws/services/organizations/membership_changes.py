"""Accounts joining and leaving an organization."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.services.iam.service_linked_roles import ensure_service_linked_role
from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    members,
)
from understudy_aws.services.organizations.policy_records import FIRST_OF_TYPE
from understudy_aws.store.database import Transaction

PRINCIPAL = "organizations.amazonaws.com"


def first_policies(organization: Organization) -> tuple[str, ...]:
    """Return what is attached to a new entity: for each enabled type the policy that allows everything."""
    return tuple(FIRST_OF_TYPE[each] for each in organization.enabled)


def join(
    tx: Transaction,
    organization: Organization,
    account: str,
    *,
    name: str,
    email: str,
    method: Literal["INVITED", "CREATED"],
    at: datetime,
    tags: Tags = (),
) -> Member:
    """Put an account into an organization, under its root."""
    member = Member(
        account=account,
        organization=organization.id,
        management=organization.management,
        name=name,
        email=email,
        parent=organization.root,
        joined=at,
        joined_method=method,
        attached=first_policies(organization),
        tags=tags,
    )
    return members.put(tx, member)


def ensure_role(call: Call) -> None:
    """Make the service-linked role of the caller's account with its permission (user guide, Service-linked roles).

    Raises AccessDeniedForDependency.
    """
    try:
        ensure_service_linked_role(call, PRINCIPAL)
    except ApiError as error:
        if error.code != "AccessDenied":
            raise
        raise errors.dependency_denied(error.message) from error


def email_of(account: str) -> str:
    """Return an address for an account that was made without one. At AWS every account has one."""
    return f"account-{account}@example.com"


def email_is_taken(tx: Transaction, email: str) -> bool:
    """Return whether an account in an organization has this address."""
    return members.count_where(tx, "by_email", email.lower()) > 0
