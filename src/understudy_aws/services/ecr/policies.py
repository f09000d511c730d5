"""The policies of repositories: who may use one, and which images shall go (registry.md 24.1, 24.4)."""

from __future__ import annotations

import json

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.ecr import errors
from understudy_aws.services.ecr.lookups import a_repository, existing, with_resource
from understudy_aws.services.ecr.records import Repository, repositories

_LONGEST = 10_240


@operation("ecr:SetRepositoryPolicy", on=a_repository)
def set_repository_policy(
    call: Call,
    *,
    repository_name: str,
    policy_text: str,
    registry_id: str | None = None,
    force: bool | None = None,
) -> Answer:
    """Give a repository this policy in the place of the one it has."""
    del force  # whoever sets a policy by which it can set no other one is not kept from it here
    found = existing(call, registry_id, repository_name)
    if len(policy_text) > _LONGEST:
        raise errors.malformed_policy(f"It can have at most {_LONGEST} characters.")
    try:
        review(with_resource(policy_text), "resource", is_service=call.gateway.is_service_principal)
    except (ValueError, RecursionError) as error:
        raise errors.malformed_policy("It is no JSON.") from error
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error)) from error
    return _policy(repositories.put(call.tx, replace(found, policy=policy_text)))


@operation("ecr:GetRepositoryPolicy", on=a_repository)
def get_repository_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Answer:
    """Return the policy of a repository."""
    return _policy(_with_policy(call, registry_id, repository_name))


@operation("ecr:DeleteRepositoryPolicy", on=a_repository)
def delete_repository_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Answer:
    """Take the policy of a repository away."""
    found = _with_policy(call, registry_id, repository_name)
    repositories.put(call.tx, replace(found, policy=""))
    return _policy(found)


@operation("ecr:PutLifecyclePolicy", on=a_repository)
def put_lifecycle_policy(
    call: Call, *, repository_name: str, lifecycle_policy_text: str, registry_id: str | None = None
) -> Answer:
    """Keep which images of a repository shall go. No image goes by it here."""
    found = existing(call, registry_id, repository_name)
    _check_lifecycle(lifecycle_policy_text)
    return _lifecycle(repositories.put(call.tx, replace(found, lifecycle_policy=lifecycle_policy_text)))


@operation("ecr:GetLifecyclePolicy", on=a_repository)
def get_lifecycle_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Answer:
    """Return which images of a repository shall go."""
    return _lifecycle(_with_lifecycle(call, registry_id, repository_name))


@operation("ecr:DeleteLifecyclePolicy", on=a_repository)
def delete_lifecycle_policy(call: Call, *, repository_name: str, registry_id: str | None = None) -> Answer:
    """Forget which images of a repository shall go."""
    found = _with_lifecycle(call, registry_id, repository_name)
    repositories.put(call.tx, replace(found, lifecycle_policy=""))
    return _lifecycle(found)


def _with_policy(call: Call, registry: str | None, name: str) -> Repository:
    found = existing(call, registry, name)
    if not found.policy:
        raise errors.no_policy(found.name, found.account)
    return found


def _with_lifecycle(call: Call, registry: str | None, name: str) -> Repository:
    found = existing(call, registry, name)
    if not found.lifecycle_policy:
        raise errors.no_lifecycle_policy(found.name, found.account)
    return found


def _check_lifecycle(text: str) -> None:
    """Raise unless a text is JSON with rules, each of which says what it selects and what becomes of it."""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        policy = None
    rules = policy.get("rules") if isinstance(policy, dict) else None
    if not isinstance(rules, list) or not rules:
        raise errors.invalid_parameter(
            "at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: it has no "
            "rules'"
        )
    for rule in rules:
        if not isinstance(rule, dict) or not {"rulePriority", "selection", "action"} <= rule.keys():
            raise errors.invalid_parameter(
                "at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: a rule "
                "needs rulePriority, selection and action'"
            )


def _policy(repository: Repository) -> Answer:
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "policyText": repository.policy,
    }


def _lifecycle(repository: Repository) -> Answer:
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "lifecyclePolicyText": repository.lifecycle_policy,
    }
