"""The operations on an organization's policies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.organizations import entities, errors, management_policies, policy_records
from understudy_aws.services.organizations.descriptions import policy_shown, policy_summary
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import Organization
from understudy_aws.services.organizations.policy_records import (
    AWS_MANAGED,
    KINDS,
    RCP,
    SCP,
    Policy,
    policies,
)
from understudy_aws.services.organizations.tag_lists import merged
from understudy_aws.services.organizations.targets import a_policy, managed, readable, the_service

# User guide, Quotas. Blanks count: only the console takes them out.
LARGEST = {SCP: 10_240, RCP: 5_120, "AISERVICES_OPT_OUT_POLICY": 2_500}
MOST_OF_TYPE = {SCP: 10_000}
_LARGEST_OF_OTHERS, _MOST_OF_OTHERS = 10_000, 1_000
MALFORMED = "The provided policy document does not meet the requirements of the specified policy type."


def a_new_policy(call: Call, params: Params) -> Sequence[Target]:
    """Return the target of making a policy. With tags, tagging is needed too."""
    targets = list(the_service(call, params))
    if params.get("tags"):
        targets.append(replace(targets[0], action="organizations:TagResource"))
    return targets


@operation("organizations:CreatePolicy", on=a_new_policy)
def create_policy(
    call: Call,
    *,
    content: str,
    description: str,
    name: str,
    type: str,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a policy, attached to nothing. Its type need not be enabled. Raises MalformedPolicyDocument."""
    organization = managed(call)
    _check_content(content, type)
    _check_name(call, organization, type, name)
    most = MOST_OF_TYPE.get(type, _MOST_OF_OTHERS)
    if policies.count_where(call.tx, "by_type", (organization.id, type)) >= most:
        raise errors.constraint(
            "POLICY_NUMBER_LIMIT_EXCEEDED", f"An organization can have {most} of these policies."
        )
    policy = Policy(
        id=call.ids.organizations("p", 10),
        type=type,
        name=name,
        content=content,
        organization=organization.id,
        management=organization.management,
        description=description,
        tags=merged((), tags),
    )
    return {"Policy": policy_shown(policies.put(call.tx, policy))}


@operation("organizations:UpdatePolicy", on=a_policy)
def update_policy(
    call: Call,
    *,
    policy_id: str,
    name: str | None = None,
    description: str | None = None,
    content: str | None = None,
) -> Answer:
    """Change a policy. A new content is in force at once, wherever it is attached."""
    organization = managed(call)
    policy = _own(call, organization, policy_id)
    if content is not None:
        _check_content(content, policy.type)
    if name is not None and name != policy.name:
        _check_name(call, organization, policy.type, name)
    changed = msgspec.structs.replace(
        policy,
        name=policy.name if name is None else name,
        description=policy.description if description is None else description,
        content=policy.content if content is None else content,
    )
    return {"Policy": policy_shown(policies.put(call.tx, changed))}


@operation("organizations:DescribePolicy", on=a_policy)
def describe_policy(call: Call, *, policy_id: str) -> Answer:
    """Return a policy with its content."""
    return {"Policy": policy_shown(existing_policy(call, readable(call), policy_id))}


@operation("organizations:DeletePolicy", on=a_policy)
def delete_policy(call: Call, *, policy_id: str) -> None:
    """Delete a policy that is attached to nothing."""
    organization = managed(call)
    policy = _own(call, organization, policy_id)
    if entities.attached_to(call.tx, organization, policy.id):
        raise errors.policy_in_use()
    policies.delete(call.tx, policy)


@operation("organizations:ListPolicies", on=the_service)
def list_policies(
    call: Call, *, filter: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the policies of a type without their content, AWS's own included."""
    organization = readable(call)
    own = policies.where(call.tx, "by_type", (organization.id, filter))
    return listing(
        "Policies",
        [*(each for each in AWS_MANAGED.values() if each.type == filter), *own],
        policy_summary,
        key=lambda policy: policy.id,
        scope=f"ListPolicies:{filter}",
        max_results=max_results,
        next_token=next_token,
    )


def existing_policy(call: Call, organization: Organization, id: str) -> Policy:
    """Return the policy of that id, of the organization or of AWS. Raises PolicyNotFound."""
    policy = policy_records.find(call.tx, organization.id, id)
    if policy is None:
        raise errors.not_found("policy")
    return policy


def _own(call: Call, organization: Organization, id: str) -> Policy:
    policy = existing_policy(call, organization, id)
    if policy.aws_managed:
        raise errors.invalid("IMMUTABLE_POLICY", "A policy of AWS's can't be changed or deleted.")
    return policy


def _check_content(content: str, type: str) -> None:
    if len(content) > LARGEST.get(type, _LARGEST_OF_OTHERS):
        raise errors.constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
    if type not in KINDS:
        try:
            management_policies.check(content, type)
        except management_policies.MalformedManagementPolicy as error:
            raise errors.malformed_policy(f"{MALFORMED} {error}") from error
        return
    try:
        review(content, KINDS[type])
    except MalformedPolicy as error:
        # AWS has this one text; what is wrong is told after it.
        told = f"{MALFORMED} {error.message}" if error.message != MALFORMED else MALFORMED
        raise errors.malformed_policy(told) from error


def _check_name(call: Call, organization: Organization, type: str, name: str) -> None:
    named = (each.name for each in AWS_MANAGED.values() if each.type == type)
    own = (each.name for each in policies.where(call.tx, "by_type", (organization.id, type)))
    if name in {*named, *own}:
        raise errors.duplicate_policy()
