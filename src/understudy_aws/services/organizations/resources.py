"""The kinds of resource that Organizations has."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.arn import Arn
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES, Reference
from understudy_aws.gateway.service import ResourceKind
from understudy_aws.services.iam.references import identifier_of_linked_role
from understudy_aws.services.organizations.delegation import ResourcePolicy, resource_policies
from understudy_aws.services.organizations.handshake_records import Handshake, handshakes
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    OrganizationalUnit,
    members,
    organizational_units,
    organizations,
)
from understudy_aws.services.organizations.policy_records import AWS_MANAGED, Policy, policies
from understudy_aws.services.organizations.tag_lists import resource_keys
from understudy_aws.store.database import Transaction


def _steps(arn: Arn) -> tuple[str, str]:
    """Return the ids of the organization and of the resource: the second and the last part of `ou/o-…/ou-…`."""
    steps = arn.resource.split("/")
    return (steps[1], steps[-1]) if len(steps) > 2 else ("", "")


def _find_root(tx: Transaction, arn: Arn) -> Organization | None:
    found = organizations.get(tx, _steps(arn)[0])
    return found if found is not None and found.root_arn == str(arn) else None


def _find_unit(tx: Transaction, arn: Arn) -> OrganizationalUnit | None:
    found = organizational_units.get(tx, *_steps(arn))
    return found if found is not None and found.arn == str(arn) else None


def _find_account(tx: Transaction, arn: Arn) -> Member | None:
    found = members.get(tx, _steps(arn)[1])
    return found if found is not None and found.arn == str(arn) else None


def _find_policy(tx: Transaction, arn: Arn) -> Policy | None:
    organization, id = _steps(arn)
    found = AWS_MANAGED.get(id) or policies.get(tx, organization, id)
    return found if found is not None and found.arn == str(arn) else None


def _find_handshake(tx: Transaction, arn: Arn) -> Handshake | None:
    found = handshakes.get(tx, _steps(arn)[1])
    return found if found is not None and found.arn == str(arn) else None


def _find_resource_policy(tx: Transaction, arn: Arn) -> ResourcePolicy | None:
    found = resource_policies.get(tx, _steps(arn)[0])
    return found if found is not None and found.arn == str(arn) else None


def _resource_policy_target(policy: ResourcePolicy) -> Target:
    return Target(policy.arn, resource_keys(policy.tags))


def _policy_target(policy: Policy) -> Target:
    return Target(policy.arn, {**resource_keys(policy.tags), "organizations:policytype": policy.type})


def _handshake_target(handshake: Handshake) -> Target:
    return Target(handshake.arn)


def _root_target(organization: Organization) -> Target:
    return Target(organization.root_arn, resource_keys(organization.tags))


def _unit_target(unit: OrganizationalUnit) -> Target:
    return Target(unit.arn, resource_keys(unit.tags))


def _account_target(member: Member) -> Target:
    return Target(member.arn, resource_keys(member.tags))


# An organization is small, so that its tables can be looked through.
_HAS_ATTACHED: Reference[Any] = Reference(
    "has attached",
    # AWS's own are there for ever.
    lambda record: [policy for policy in record.attached if policy not in AWS_MANAGED],
    holds=True,
    ended_by="DetachPolicy",
)


_IS_IN: Reference[Any] = Reference(
    "is in",
    lambda record: (record.parent,),
    holds=True,
)


def _identified_root(tx: Transaction, id: str) -> Organization | None:
    return next((each for each in organizations.scan(tx) if each.root == id), None)


def _identified_unit(tx: Transaction, id: str) -> OrganizationalUnit | None:
    return next((each for each in organizational_units.scan(tx) if each.id == id), None)


def _identified_policy(tx: Transaction, id: str) -> Policy | None:
    return next((each for each in policies.scan(tx) if each.id == id), None)


RESOURCES: tuple[ResourceKind[Any], ...] = (
    ResourceKind(
        name="account",
        table=members,
        find=_find_account,
        target=_account_target,
        references=(
            _IS_IN,
            _HAS_ATTACHED,
            Reference(
                "works by",
                lambda member: (identifier_of_linked_role(member.account, "organizations.amazonaws.com"),),
                holds=True,
                shown=True,
            ),
        ),
        deleted_by="RemoveAccountFromOrganization",
    ),
    ResourceKind(
        name="handshake",
        table=handshakes,
        find=_find_handshake,
        target=_handshake_target,
        references=NO_REFERENCES,
        deleted_by="CancelHandshake",
    ),
    ResourceKind(
        name="ou",
        table=organizational_units,
        find=_find_unit,
        target=_unit_target,
        references=(_IS_IN, _HAS_ATTACHED),
        deleted_by="DeleteOrganizationalUnit",
        identifier=lambda unit: unit.id,
        identified=_identified_unit,
    ),
    ResourceKind(
        name="policy",
        table=policies,
        find=_find_policy,
        target=_policy_target,
        references=NO_REFERENCES,
        deleted_by="DeletePolicy",
        identifier=lambda policy: policy.id,
        identified=_identified_policy,
    ),
    ResourceKind(
        name="resourcepolicy",
        table=resource_policies,
        find=_find_resource_policy,
        target=_resource_policy_target,
        references=NO_REFERENCES,
        deleted_by="DeleteResourcePolicy",
    ),
    ResourceKind(
        name="root",
        table=organizations,
        find=_find_root,
        target=_root_target,
        references=(_HAS_ATTACHED,),
        deleted_by="DeleteOrganization",
        identifier=lambda organization: organization.root,
        identified=_identified_root,
    ),
)
