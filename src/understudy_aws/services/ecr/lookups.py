"""Finds the repositories that requests name, and what callers must be allowed to act on (registry.md 24.4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from understudy_aws.core.arn import Arn, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.tag_keys import requested_tags, tag_keys
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.ecr import errors
from understudy_aws.services.ecr.records import Repository, arn_of, repositories
from understudy_aws.store.database import Transaction

Keys = dict[str, str | list[str]]


def of_arn(tx: Transaction, arn: Arn) -> Repository | None:
    """Return the repository of an ARN, in whatever account and Region."""
    found = repositories.get(tx, arn.account, arn.region, arn.resource.removeprefix("repository/"))
    return found if found is not None and found.arn == str(arn) else None


def existing(call: Call, registry: str | None, name: str) -> Repository:
    """Return a repository of a registry, the caller's own unless one is named. Raises RepositoryNotFoundException."""
    account = registry or call.account
    found = repositories.get(call.tx, account, call.region, name)
    if found is None:
        raise errors.no_such_repository(name, account)
    return found


def by_arn(call: Call, text: str) -> Repository:
    """Return the caller's repository of an ARN. Raises InvalidParameterException or RepositoryNotFoundException."""
    arn = parse(text)
    if arn is None or arn.service != "ecr" or not arn.resource.startswith("repository/"):
        raise errors.invalid_parameter("at 'resourceArn': it is no ARN of a repository")
    found = of_arn(call.tx, arn)
    if found is None or (found.account, found.region) != (call.account, call.region):
        raise errors.no_such_repository(arn.resource.removeprefix("repository/"), arn.account)
    return found


def repository_keys(repository: Repository) -> Keys:
    """Return the condition keys of a repository itself."""
    return {
        **tag_keys("aws:resourcetag", repository.tags),
        **tag_keys("ecr:resourcetag", repository.tags),
    }


def a_repository(call: Call, params: Params) -> Sequence[Target]:
    """Return the repository that a request names, with its policy."""
    return [_target(call, params.get("registry_id"), params["repository_name"])]


def the_repositories(call: Call, params: Params) -> Sequence[Target]:
    """Return the repositories that a request names, or all of its registry."""
    names = params.get("repository_names") or ("*",)
    return [_target(call, params.get("registry_id"), name) for name in names]


def a_new_repository(call: Call, params: Params) -> Sequence[Target]:
    """Return the repository about to be made. With tags, `ecr:TagResource` is needed too."""
    tags: Keys = dict(requested_tags(params, "repository"))
    arn = arn_of(call.account, call.region, params["repository_name"])
    targets = [Target(arn, tags)]
    if tags:
        targets.append(Target(arn, tags, action="ecr:TagResource"))
    return targets


def a_tagged_repository(call: Call, params: Params) -> Sequence[Target]:
    """Return the repository whose tags a request is about, with the tags it names."""
    keys: Keys = dict(requested_tags(params, "repository"))
    arn = parse(params["resource_arn"])
    found = of_arn(call.tx, arn) if arn is not None and arn.service == "ecr" else None
    if found is not None:
        keys |= repository_keys(found)
    return [
        Target(params["resource_arn"], keys, policy=repository_policy(found) if found is not None else None)
    ]


def named_in_refusals(_operation: str, resource: str) -> str:
    """Return how a refusal names a resource: by its ARN, and everything as `*` (registry.md 24.4)."""
    return resource


def with_resource(document: str) -> str:
    """Return a repository's policy with the resource that its statements leave out: the repository has no other."""
    policy: Any = json.loads(document)
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    for each in statements if isinstance(statements, list) else [statements]:
        if isinstance(each, dict):
            each.setdefault("Resource", "*")
    return json.dumps(policy)


def _target(call: Call, registry: str | None, name: str) -> Target:
    account = registry or call.account
    found = repositories.get(call.tx, account, call.region, name)
    if found is None:
        return Target(arn_of(account, call.region, name))
    return Target(found.arn, repository_keys(found), policy=repository_policy(found))


def repository_policy(repository: Repository) -> NamedPolicy | None:
    """Return the policy of a repository, if it has one."""
    return _compiled(repository.policy) if repository.policy else None


@lru_cache(maxsize=64)
def _compiled(document: str) -> NamedPolicy:
    return NamedPolicy("repository policy", compile_policy(with_resource(document), kind="resource"))
