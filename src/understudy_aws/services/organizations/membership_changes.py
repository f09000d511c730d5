"""Accounts joining and leaving an organization."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.services.accounts import accounts
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
# As `email_of` makes them.
_OWN_ADDRESS = re.compile(r"account-(\d{12})@example\.com")


def first_policies(organization: Organization) -> tuple[str, ...]:
    """Return what is attached to a new entity: for each enabled type that limits, the policy that allows everything."""
    return tuple(FIRST_OF_TYPE[each] for each in organization.enabled if each in FIRST_OF_TYPE)


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


def account_with(tx: Transaction, email: str) -> str | None:
    """Return the account of an address, in an organization or in none; None when no account has it."""
    found = members.where(tx, "by_email", email.lower())
    if found:
        return found[0].account
    named = _OWN_ADDRESS.fullmatch(email.lower())
    known = accounts.get(tx, named[1]) if named is not None else None
    return known.id if known is not None else None


def email_is_taken(tx: Transaction, email: str) -> bool:
    """Return whether an account in an organization has this address."""
    return members.count_where(tx, "by_email", email.lower()) > 0
