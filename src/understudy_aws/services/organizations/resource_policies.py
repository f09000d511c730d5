"""The operations on the resource policy of an organization."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.delegation import ResourcePolicy, resource_policies
from understudy_aws.services.organizations.organization_records import Organization, organization_of
from understudy_aws.services.organizations.tag_lists import merged, resource_keys
from understudy_aws.services.organizations.targets import managed, readable, the_service


def the_resource_policy(call: Call, params: Params) -> Sequence[Target]:
    """Return the resource policy, or what it would be called. With tags, tagging is needed too."""
    asked = the_service(call, params)[0]
    organization = organization_of(call.tx, call.account)
    found = resource_policies.get(call.tx, organization.id) if organization is not None else None
    target = Target(
        found.arn if found is not None else "*",
        {**(resource_keys(found.tags) if found is not None else {}), **asked.keys},
        account=call.account,
    )
    return [target, replace(target, action="organizations:TagResource")] if params.get("tags") else [target]


@operation("organizations:PutResourcePolicy", on=the_resource_policy)
def put_resource_policy(call: Call, *, content: str, tags: list[dict[str, str]] | None = None) -> Answer:
    """Set the resource policy. Raises InvalidInput."""
    organization = _own(call)
    _check(content)
    earlier = resource_policies.get(call.tx, organization.id)
    if earlier is not None and tags:
        raise errors.invalid("INVALID_PATTERN", "Tags can be given only when the resource policy is made.")
    policy = (
        ResourcePolicy(
            organization=organization.id,
            management=organization.management,
            id=call.ids.organizations("rp", 8),
            content=content,
            tags=merged((), tags),
        )
        if earlier is None
        else msgspec.structs.replace(earlier, content=content)
    )
    return {"ResourcePolicy": _shown(resource_policies.put(call.tx, policy))}


@operation("organizations:DescribeResourcePolicy", on=all_resources)
def describe_resource_policy(call: Call) -> Answer:
    """Return the resource policy with its content."""
    return {"ResourcePolicy": _shown(_existing(call, readable(call)))}


@operation("organizations:DeleteResourcePolicy", on=the_resource_policy)
def delete_resource_policy(call: Call) -> None:
    """Delete the resource policy: member accounts can manage nothing any more."""
    resource_policies.delete(call.tx, _existing(call, _own(call)))


def _own(call: Call) -> Organization:
    """Return the organization that the account manages: the policy itself lets nobody change it."""
    organization = managed(call)
    if organization.management != call.account:
        raise errors.management_only()
    return organization


def _existing(call: Call, organization: Organization) -> ResourcePolicy:
    found = resource_policies.get(call.tx, organization.id)
    if found is None:
        raise errors.no_resource_policy()
    return found


def _shown(policy: ResourcePolicy) -> dict[str, Any]:
    return {"ResourcePolicySummary": {"Id": policy.id, "Arn": policy.arn}, "Content": policy.content}


def _check(content: str) -> None:
    try:
        review(content, "resource")
    except MalformedPolicy as error:
        raise errors.invalid(
            "INVALID_RESOURCE_POLICY_JSON", f"The provided policy document is invalid. {error.message}"
        ) from error
    statements = json.loads(content)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if not action.lower().startswith("organizations:"):
                raise errors.invalid(
                    "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
                    "You specified an action in the resource policy that isn't supported.",
                )
