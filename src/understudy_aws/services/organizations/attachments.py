"""Attachments of policies to the root, to organizational units and to accounts."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.organizations import entities, errors, policy_records
from understudy_aws.services.organizations.descriptions import policy_summary, target_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import Organization
from understudy_aws.services.organizations.policies import existing_policy
from understudy_aws.services.organizations.policy_records import RCP, RCP_FULL_ACCESS, SCP
from understudy_aws.services.organizations.targets import (
    a_policy,
    a_policy_and_its_target,
    a_target,
    managed,
    readable,
)

# User guide, Quotas; of service control policies it is ten since May 2026.
MOST_ATTACHED = {SCP: 10, RCP: 5, "AISERVICES_OPT_OUT_POLICY": 5, "CHATBOT_POLICY": 5}
_MOST_OF_OTHERS = 10


@operation("organizations:AttachPolicy", on=a_policy_and_its_target)
def attach_policy(call: Call, *, policy_id: str, target_id: str) -> None:
    """Attach a policy to a target. It binds everything at and below the target from the next request on."""
    organization = managed(call)
    policy = existing_policy(call, organization, policy_id)
    target = _existing(call, organization, target_id)
    if policy.type not in organization.enabled:
        raise errors.type_not_enabled()
    if policy.id in target.attached:
        raise errors.duplicate_attachment()
    if len(_of_type(call, organization, target, policy.type)) >= MOST_ATTACHED.get(
        policy.type, _MOST_OF_OTHERS
    ):
        raise errors.constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies to the specified target.",
        )
    entities.put(call.tx, target, attached=(*target.attached, policy.id))


@operation("organizations:DetachPolicy", on=a_policy_and_its_target)
def detach_policy(call: Call, *, policy_id: str, target_id: str) -> None:
    """Detach a policy. One service control policy and RCPFullAWSAccess always stay attached."""
    organization = managed(call)
    policy = existing_policy(call, organization, policy_id)
    target = _existing(call, organization, target_id)
    if policy.id not in target.attached:
        raise errors.policy_not_attached()
    if policy.id == RCP_FULL_ACCESS.id:
        raise errors.invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")
    if policy.type == SCP and len(_of_type(call, organization, target, SCP)) == 1:
        raise errors.constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. "
            "You must have at least one attached at all times.",
        )
    entities.put(call.tx, target, attached=tuple(id for id in target.attached if id != policy.id))


@operation("organizations:ListPoliciesForTarget", on=a_target)
def list_policies_for_target(
    call: Call,
    *,
    target_id: str,
    filter: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the policies of a type that are attached to the target itself."""
    organization = readable(call)
    target = _existing(call, organization, target_id)
    return listing(
        "Policies",
        [existing_policy(call, organization, id) for id in _of_type(call, organization, target, filter)],
        policy_summary,
        key=lambda policy: policy.id,
        scope=f"ListPoliciesForTarget:{target_id}:{filter}",
        max_results=max_results,
        next_token=next_token,
    )


@operation("organizations:ListTargetsForPolicy", on=a_policy)
def list_targets_for_policy(
    call: Call, *, policy_id: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List what a policy is attached to."""
    organization = readable(call)
    policy = existing_policy(call, organization, policy_id)
    return listing(
        "Targets",
        entities.attached_to(call.tx, organization, policy.id),
        target_shown,
        key=entities.id_of,
        scope=f"ListTargetsForPolicy:{policy_id}",
        max_results=max_results,
        next_token=next_token,
    )


def _existing(call: Call, organization: Organization, id: str) -> entities.Entity:
    target = entities.find(call.tx, organization, id)
    if target is None:
        raise errors.not_found("target")
    return target


def _of_type(call: Call, organization: Organization, target: entities.Entity, type: str) -> list[str]:
    return [id for id in target.attached if policy_records.type_of(call.tx, organization.id, id) == type]
