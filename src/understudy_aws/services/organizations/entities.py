"""The root, organizational units and accounts, by id. Policies are attached to them, and they can be tagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    OrganizationalUnit,
    members,
    organizational_units,
    organizations,
)
from understudy_aws.store.database import Transaction

# An organization stands for its root.
Entity = Organization | OrganizationalUnit | Member

_TABLES: Mapping[type[Entity], Any] = {
    Organization: organizations,
    OrganizationalUnit: organizational_units,
    Member: members,
}
_TYPES: Mapping[type[Entity], str] = {
    Organization: "ROOT",
    OrganizationalUnit: "ORGANIZATIONAL_UNIT",
    Member: "ACCOUNT",
}
ROOT_NAME = "Root"


def find(tx: Transaction, organization: Organization, id: str) -> Entity | None:
    """Return the root, organizational unit or account of that id in an organization, or None."""
    if id == organization.root:
        return organization
    if id.startswith("ou-"):
        return organizational_units.get(tx, organization.id, id)
    member = members.get(tx, id)
    return member if member is not None and member.organization == organization.id else None


def parent(tx: Transaction, organization: Organization, id: str) -> Organization | OrganizationalUnit | None:
    """Return the root or organizational unit of that id, or None."""
    found = find(tx, organization, id)
    return None if isinstance(found, Member) else found


def put(
    tx: Transaction, entity: Entity, *, attached: tuple[str, ...] | None = None, tags: Tags | None = None
) -> None:
    """Store an entity with other attachments or tags."""
    changed: dict[str, Any] = {}
    if attached is not None:
        changed["attached"] = attached
    if tags is not None:
        changed["tags"] = tags
    _TABLES[type(entity)].put(tx, msgspec.structs.replace(entity, **changed))


def id_of(entity: Entity) -> str:
    if isinstance(entity, Organization):
        return entity.root
    return entity.id if isinstance(entity, OrganizationalUnit) else entity.account


def arn_of(entity: Entity) -> str:
    return entity.root_arn if isinstance(entity, Organization) else entity.arn


def name_of(entity: Entity) -> str:
    return ROOT_NAME if isinstance(entity, Organization) else entity.name


def type_of(entity: Entity) -> str:
    """Return ROOT, ORGANIZATIONAL_UNIT or ACCOUNT."""
    return _TYPES[type(entity)]


def attached_to(tx: Transaction, organization: Organization, policy: str) -> list[Entity]:
    """Return what a policy is attached to: the root, then organizational units, then accounts."""
    key = (organization.id, policy)
    return [entity for table in _TABLES.values() for entity in table.where(tx, "by_policy", key)]
