"""Records of an organization, its organizational units and its member accounts, which make a tree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from understudy_aws.core import arn as arns
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class Organization(Record, frozen=True, kw_only=True):
    """An organization and its root. `attached` and `tags` are the root's. `enabled` are the enabled policy types.

    `trusted` are the service principals with trusted access, each with the time since when. `features` is the
    feature set: `ALL`, or `CONSOLIDATED_BILLING`, with which there are neither policies nor trusted access.
    """

    id: str
    management: str
    root: str
    created: datetime
    enabled: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    tags: Tags = ()
    trusted: tuple[tuple[str, datetime], ...] = ()
    features: Literal["ALL", "CONSOLIDATED_BILLING"] = "ALL"

    @property
    def arn(self) -> str:
        return arns.organizations(self.management, f"organization/{self.id}")

    @property
    def root_arn(self) -> str:
        return arns.organizations(self.management, f"root/{self.id}/{self.root}")


organizations = Table(
    "organizations/organization",
    Organization,
    key=lambda record: (record.id,),
    indexes={"by_policy": lambda record: tuple((record.id, policy) for policy in record.attached)},
)


class OrganizationalUnit(Record, frozen=True, kw_only=True):
    """An organizational unit. `parent` is the id of another one or of the root."""

    organization: str
    management: str
    id: str
    name: str
    parent: str
    created: datetime
    attached: tuple[str, ...] = ()
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return arns.organizations(self.management, f"ou/{self.organization}/{self.id}")


organizational_units = Table(
    "organizations/organizational-unit",
    OrganizationalUnit,
    key=lambda unit: (unit.organization, unit.id),
    indexes={
        "by_parent": lambda unit: ((unit.organization, unit.parent),),
        "by_policy": lambda unit: tuple((unit.organization, policy) for policy in unit.attached),
    },
)


class Member(Record, frozen=True, kw_only=True):
    """An account in an organization. The management account is one too.

    `delegated` are the service principals that it is a delegated administrator for, each with the time since when.
    `closed` is when it was closed.
    """

    account: str
    organization: str
    management: str
    name: str
    email: str
    parent: str
    joined: datetime
    joined_method: Literal["INVITED", "CREATED"] = "INVITED"
    attached: tuple[str, ...] = ()
    tags: Tags = ()
    delegated: tuple[tuple[str, datetime], ...] = ()
    closed: datetime | None = None

    @property
    def arn(self) -> str:
        return arns.organizations(self.management, f"account/{self.organization}/{self.account}")


members = Table(
    "organizations/member",
    Member,
    key=lambda member: (member.account,),
    indexes={
        "by_organization": lambda member: (member.organization,),
        "by_email": lambda member: (member.email.lower(),),
        "by_parent": lambda member: ((member.organization, member.parent),),
        "delegated": lambda member: (member.organization,) if member.delegated else (),
        "closed": lambda member: (member.organization,) if member.closed else (),
        "by_policy": lambda member: tuple((member.organization, policy) for policy in member.attached),
    },
)


def organization_of(tx: Transaction, account: str) -> Organization | None:
    """Return the organization of an account, or None."""
    member = members.get(tx, account)
    return None if member is None else organizations.get(tx, member.organization)


def units_above(tx: Transaction, organization: str, parent: str) -> list[OrganizationalUnit]:
    """Return the organizational units from the root down to `parent`. There are none when that is the root."""
    chain: list[OrganizationalUnit] = []
    unit = organizational_units.get(tx, organization, parent)
    while unit is not None:
        chain.append(unit)
        unit = organizational_units.get(tx, organization, unit.parent)
    return chain[::-1]


def path(organization: Organization, units: list[OrganizationalUnit]) -> str:
    """Return a path such as `o-…/r-…/ou-…/`, the form of `aws:PrincipalOrgPaths`."""
    return "/".join((organization.id, organization.root, *(unit.id for unit in units), ""))


def everything(tx: Transaction, organization: Organization) -> Iterator[OrganizationalUnit | Member]:
    """Yield all organizational units and accounts of an organization. They may be changed meanwhile."""
    yield from list(organizational_units.scan(tx, organization.id))
    yield from members.where(tx, "by_organization", organization.id)


def role_usage(tx: Transaction, account: str, region: str) -> list[str]:
    """Return the account's membership, which uses the organizations role. It is global: it counts in us-east-1."""
    member = members.get(tx, account)
    return [member.arn] if member is not None and region == "us-east-1" else []
