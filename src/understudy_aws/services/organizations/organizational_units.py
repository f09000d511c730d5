"""Organizational units."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.organizations import entities, errors
from understudy_aws.services.organizations.descriptions import unit_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.membership_changes import first_policies
from understudy_aws.services.organizations.organization_records import (
    Organization,
    OrganizationalUnit,
    members,
    organizational_units,
    units_above,
)
from understudy_aws.services.organizations.tag_lists import merged
from understudy_aws.services.organizations.targets import a_parent, an_organizational_unit, managed, readable

# User guide, Quotas: five levels below the root.
DEEPEST = 5
UNITS_PER_ORGANIZATION = 2000


def a_parent_of_a_new_unit(call: Call, params: Params) -> Sequence[Target]:
    """Return the parent of the new unit. With tags, tagging is needed too."""
    targets = list(a_parent(call, params))
    if params.get("tags"):
        targets.append(replace(targets[0], action="organizations:TagResource"))
    return targets


@operation("organizations:CreateOrganizationalUnit", on=a_parent_of_a_new_unit)
def create_organizational_unit(
    call: Call, *, parent_id: str, name: str, tags: list[dict[str, str]] | None = None
) -> Answer:
    """Make a unit under the root or another unit. Raises ParentNotFound, DuplicateOrganizationalUnit."""
    organization = managed(call)
    existing_parent(call, organization, parent_id)
    chain = units_above(call.tx, organization.id, parent_id)
    if len(chain) >= DEEPEST:
        raise errors.constraint("OU_DEPTH_LIMIT_EXCEEDED", f"A tree of OUs can be {DEEPEST} levels deep.")
    _check_name(call, organization, parent_id, name)
    if sum(1 for _ in organizational_units.scan(call.tx, organization.id)) >= UNITS_PER_ORGANIZATION:
        raise errors.constraint(
            "OU_NUMBER_LIMIT_EXCEEDED", f"An organization can have {UNITS_PER_ORGANIZATION} OUs."
        )
    suffix = organization.root.removeprefix("r-")
    unit = OrganizationalUnit(
        organization=organization.id,
        management=organization.management,
        id=call.ids.organizations(f"ou-{suffix}", 8),
        name=name,
        parent=parent_id,
        created=call.at,
        attached=first_policies(organization),
        tags=merged((), tags),
    )
    organizational_units.put(call.tx, unit)
    return {"OrganizationalUnit": unit_shown(call, organization, unit)}


@operation("organizations:UpdateOrganizationalUnit", on=an_organizational_unit)
def update_organizational_unit(call: Call, *, organizational_unit_id: str, name: str | None = None) -> Answer:
    """Rename a unit. Its id, its policies and its contents stay."""
    organization = managed(call)
    unit = _existing(call, organization, organizational_unit_id)
    if name is not None and name != unit.name:
        _check_name(call, organization, unit.parent, name)
        unit = organizational_units.put(call.tx, msgspec.structs.replace(unit, name=name))
    return {"OrganizationalUnit": unit_shown(call, organization, unit)}


@operation("organizations:DeleteOrganizationalUnit", on=an_organizational_unit)
def delete_organizational_unit(call: Call, *, organizational_unit_id: str) -> None:
    """Delete an empty unit. Policies attached to it are detached."""
    organization = managed(call)
    unit = _existing(call, organization, organizational_unit_id)
    below = (organization.id, unit.id)
    if organizational_units.count_where(call.tx, "by_parent", below) or members.count_where(
        call.tx, "by_parent", below
    ):
        raise errors.unit_not_empty()
    organizational_units.delete(call.tx, unit)


@operation("organizations:DescribeOrganizationalUnit", on=an_organizational_unit)
def describe_organizational_unit(call: Call, *, organizational_unit_id: str) -> Answer:
    """Describe a unit."""
    organization = readable(call)
    unit = _existing(call, organization, organizational_unit_id)
    return {"OrganizationalUnit": unit_shown(call, organization, unit)}


@operation("organizations:ListOrganizationalUnitsForParent", on=a_parent)
def list_organizational_units_for_parent(
    call: Call, *, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the units directly below the root or a unit."""
    organization = readable(call)
    existing_parent(call, organization, parent_id)
    return listing(
        "OrganizationalUnits",
        organizational_units.where(call.tx, "by_parent", (organization.id, parent_id)),
        lambda unit: unit_shown(call, organization, unit),
        key=lambda unit: unit.id,
        scope=f"ListOrganizationalUnitsForParent:{parent_id}",
        max_results=max_results,
        next_token=next_token,
    )


def existing_parent(
    call: Call, organization: Organization, id: str, *, called: str = "parent"
) -> Organization | OrganizationalUnit:
    """Return the root or unit of that id. Raises ParentNotFound, or the error that `called` names."""
    found = entities.parent(call.tx, organization, id)
    if found is None:
        raise errors.not_found(called)
    return found


def _existing(call: Call, organization: Organization, id: str) -> OrganizationalUnit:
    unit = organizational_units.get(call.tx, organization.id, id)
    if unit is None:
        raise errors.not_found("organizational unit")
    return unit


def _check_name(call: Call, organization: Organization, parent: str, name: str) -> None:
    siblings = organizational_units.where(call.tx, "by_parent", (organization.id, parent))
    if any(sibling.name == name for sibling in siblings):
        raise errors.duplicate_unit()
