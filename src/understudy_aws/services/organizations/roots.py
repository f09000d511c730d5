"""The root of an organization, and the policy types enabled in it."""

from __future__ import annotations

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import entities, errors, policy_records
from understudy_aws.services.organizations.descriptions import root_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import (
    Organization,
    everything,
    organizations,
)
from understudy_aws.services.organizations.targets import a_root, managed, readable


@operation("organizations:ListRoots", on=all_resources)
def list_roots(call: Call, *, next_token: str | None = None, max_results: int | None = None) -> Answer:
    """List the root. There is one."""
    return listing(
        "Roots",
        [readable(call)],
        root_shown,
        key=lambda organization: organization.root,
        scope="ListRoots",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:EnablePolicyType", on=a_root)
def enable_policy_type(call: Call, *, root_id: str, policy_type: str) -> Answer:
    """Enable a type. Of the types that limit, a policy that allows everything is attached to everything in the tree.

    At AWS this takes a moment; here it is done with the answer. Raises PolicyTypeAlreadyEnabled.
    """
    organization = _root(call, root_id)
    if organization.features != "ALL":
        raise errors.type_not_available()
    if policy_type in organization.enabled:
        raise errors.type_already_enabled()
    first = policy_records.FIRST_OF_TYPE.get(policy_type)
    for entity in everything(call.tx, organization) if first is not None else ():
        entities.put(call.tx, entity, attached=(*entity.attached, first or ""))
    changed = msgspec.structs.replace(
        organization,
        enabled=(*organization.enabled, policy_type),
        attached=organization.attached if first is None else (*organization.attached, first),
    )
    return {"Root": root_shown(organizations.put(call.tx, changed))}


@operation("organizations:DisablePolicyType", on=a_root)
def disable_policy_type(call: Call, *, root_id: str, policy_type: str) -> Answer:
    """Disable a type. Its policies stay, but they are detached from everything.

    Raises PolicyTypeNotEnabled.
    """
    organization = _root(call, root_id)
    if policy_type not in organization.enabled:
        raise errors.type_not_enabled()
    for entity in everything(call.tx, organization):
        entities.put(call.tx, entity, attached=_without(call, organization, entity.attached, policy_type))
    changed = msgspec.structs.replace(
        organization,
        enabled=tuple(each for each in organization.enabled if each != policy_type),
        attached=_without(call, organization, organization.attached, policy_type),
    )
    return {"Root": root_shown(organizations.put(call.tx, changed))}


def _root(call: Call, id: str) -> Organization:
    organization = managed(call)
    if organization.root != id:
        raise errors.not_found("root")
    return organization


def _without(
    call: Call, organization: Organization, attached: tuple[str, ...], policy_type: str
) -> tuple[str, ...]:
    return tuple(id for id in attached if policy_records.type_of(call.tx, organization.id, id) != policy_type)
