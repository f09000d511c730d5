"""What an account's place in its organization means for decisions: the levels of policies, and its path."""

from __future__ import annotations

from typing import Any

from understudy_aws.gateway.membership import Level, Membership
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.organizations import entities
from understudy_aws.services.organizations.organization_records import (
    members,
    organizational_units,
    organizations,
    path,
    units_above,
)
from understudy_aws.services.organizations.policy_records import KINDS, RCP, SCP, find, policies
from understudy_aws.store.database import Transaction

# A record an answer was made from: its table, its key, and itself.
Sources = list[tuple[Any, tuple[str, ...], Any]]


def membership(tx: Transaction, account: str, sources: Sources) -> Membership | None:
    """Return an account's place and the policies that bind it. `sources` gets the records that were read.

    Nothing binds the management account, neither its callers nor its resources (user guide, SCPs, RCPs).
    """
    member = members.get(tx, account)
    sources.append((members, (account,), member))
    if member is None:
        return None
    organization = organizations.get(tx, member.organization)
    assert organization is not None, "its members go with it"
    sources.append((organizations, (organization.id,), organization))
    units = units_above(tx, organization.id, member.parent)
    sources.extend((organizational_units, (unit.organization, unit.id), unit) for unit in units)
    place = path(organization, units)
    trusted = tuple(principal for principal, _ in organization.trusted)
    if account == organization.management:
        return Membership(
            organization.id,
            place,
            management=organization.management,
            trusted=trusted,
            all_features=organization.features == "ALL",
        )
    chain: tuple[entities.Entity, ...] = (organization, *units, member)
    return Membership(
        organization.id,
        place,
        scps=_levels(tx, organization.id, chain, SCP, sources) if SCP in organization.enabled else (),
        rcps=_levels(tx, organization.id, chain, RCP, sources) if RCP in organization.enabled else (),
        management=organization.management,
        trusted=trusted,
        delegated=tuple(principal for principal, _ in member.delegated),
        suspended=member.closed is not None,
        all_features=organization.features == "ALL",
    )


def _levels(
    tx: Transaction, organization: str, chain: tuple[entities.Entity, ...], type: str, sources: Sources
) -> tuple[Level, ...]:
    return tuple(
        Level(
            _called(entity),
            entities.id_of(entity),
            _compiled(tx, organization, entity.attached, type, sources),
        )
        for entity in chain
    )


def _called(entity: entities.Entity) -> str:
    """Return a name such as `organizational unit Prod`. The root has no name of its own."""
    kind = entities.type_of(entity).replace("_", " ").lower()
    return "root of the organization" if kind == "root" else f"{kind} {entities.name_of(entity)}"


def _compiled(
    tx: Transaction, organization: str, attached: tuple[str, ...], type: str, sources: Sources
) -> tuple[NamedPolicy, ...]:
    found = []
    for id in attached:
        policy = find(tx, organization, id)
        assert policy is not None, "a policy that is attached cannot be deleted"
        if not policy.aws_managed:
            sources.append((policies, (organization, id), policy))
        if policy.type == type:
            found.append(NamedPolicy(policy.arn, compile_policy(policy.content, kind=KINDS[type])))
    return tuple(found)
