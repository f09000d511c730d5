"""Auto scaling configurations: how many instances services have, in revisions of a name (apprunner.md 2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import apprunner
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.auto_scaling_records import (
    KIND,
    AutoScalingConfiguration,
    DefaultAutoScaling,
    auto_scaling_configurations,
    auto_scaling_defaults,
    default_arn,
    revisions,
)
from understudy_aws.services.apprunner.pages import page_after
from understudy_aws.services.apprunner.service_uses import in_use, services_using
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.services.apprunner.targets import resource_tags
from understudy_aws.store.database import Transaction

# Reference apprunner.md 2.7.
NAMES_PER_REGION = 10
REVISIONS_PER_NAME = 5
MOST_INSTANCES = 25


def a_new_configuration(call: Call, params: Params) -> Sequence[Target]:
    return revisions.new_target(call, params, "auto_scaling_configuration_name")


def a_configuration(call: Call, params: Params) -> Sequence[Target]:
    return revisions.target(call, params["auto_scaling_configuration_arn"])


def what_is_deleted(call: Call, params: Params) -> Sequence[Target]:
    """Return the revision that goes, or with DeleteAllRevisions each one of the name."""
    arn = params["auto_scaling_configuration_arn"]
    named = revisions.read(arn)
    if not params.get("delete_all_revisions") or named is None or named.revision is not None:
        return revisions.target(call, arn)
    found = revisions.active(call.tx, call.account, call.region, named.name)
    if not found or (named.account, named.region) != (call.account, call.region):
        return [Target(arn)]
    return [Target(each.arn, resource_tags(each.tags)) for each in found]


@operation("apprunner:CreateAutoScalingConfiguration", on=a_new_configuration)
def create_auto_scaling_configuration(
    call: Call,
    *,
    auto_scaling_configuration_name: str,
    max_concurrency: int | None = None,
    min_size: int | None = None,
    max_size: int | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a revision of a configuration: the first of a new name, or else the next one."""
    require_supported_region(call)
    name = auto_scaling_configuration_name
    revisions.require_room(call, name, most_names=NAMES_PER_REGION, most_revisions=REVISIONS_PER_NAME)
    made = AutoScalingConfiguration(
        account=call.account,
        region=call.region,
        name=name,
        id=call.ids.hexadecimal(),
        revision=revisions.next_number(call.tx, call.account, call.region, name),
        created=call.at,
        tags=new_tags((), tags or []),
        max_concurrency=100 if max_concurrency is None else max_concurrency,
        min_size=1 if min_size is None else min_size,
        max_size=MOST_INSTANCES if max_size is None else max_size,
    )
    if made.min_size > made.max_size:
        raise errors.invalid_request("MinSize must be less than or equal to MaxSize.")
    if made.max_size > MOST_INSTANCES:
        raise errors.too_many("instances of a service", MOST_INSTANCES)
    auto_scaling_configurations.put(call.tx, made)
    return {"AutoScalingConfiguration": describe(call.tx, made)}


@operation("apprunner:DescribeAutoScalingConfiguration", on=a_configuration)
def describe_auto_scaling_configuration(call: Call, *, auto_scaling_configuration_arn: str) -> Answer:
    """Describe a revision; by a name alone the latest active one. A deleted one is inactive."""
    require_supported_region(call)
    found = revisions.existing(call, auto_scaling_configuration_arn)
    return {"AutoScalingConfiguration": describe(call.tx, found)}


@operation("apprunner:ListAutoScalingConfigurations", on=all_resources)
def list_auto_scaling_configurations(
    call: Call,
    *,
    auto_scaling_configuration_name: str | None = None,
    latest_only: bool | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List active revisions, of one name or all; unless told otherwise only the latest of each name."""
    require_supported_region(call)
    latest = latest_only is not False
    found = revisions.listed(call, auto_scaling_configuration_name, latest_only=latest)
    scope = ("ListAutoScalingConfigurations", auto_scaling_configuration_name, latest)
    shown, token = page_after(found, max_results, next_token, auto_scaling_configurations.key, scope)
    return {
        "AutoScalingConfigurationSummaryList": [summary(call.tx, each) for each in shown],
        "NextToken": token,
    }


@operation("apprunner:DeleteAutoScalingConfiguration", on=what_is_deleted)
def delete_auto_scaling_configuration(
    call: Call, *, auto_scaling_configuration_arn: str, delete_all_revisions: bool | None = None
) -> Answer:
    """Delete a revision, or all of a name. The default and what services use stay."""
    require_supported_region(call)
    if delete_all_revisions:
        return {"AutoScalingConfiguration": _delete_all(call, auto_scaling_configuration_arn)}
    found = revisions.existing_active(call, auto_scaling_configuration_arn)
    _require_free(call.tx, found)
    return {"AutoScalingConfiguration": describe(call.tx, revisions.delete(call, found))}


@operation("apprunner:UpdateDefaultAutoScalingConfiguration", on=a_configuration)
def update_default_auto_scaling_configuration(call: Call, *, auto_scaling_configuration_arn: str) -> Answer:
    """Make a revision the one that new services get which name none. Services that are there keep theirs."""
    require_supported_region(call)
    found = revisions.existing_active(call, auto_scaling_configuration_arn)
    if default_arn(call.tx, call.account, call.region) != found.arn:
        new = DefaultAutoScaling(account=call.account, region=call.region, configuration=found.arn)
        auto_scaling_defaults.put(call.tx, new)
    return {"AutoScalingConfiguration": describe(call.tx, found)}


@operation("apprunner:ListServicesForAutoScalingConfiguration", on=a_configuration)
def list_services_for_auto_scaling_configuration(
    call: Call,
    *,
    auto_scaling_configuration_arn: str,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List the ARNs of the services that use a revision."""
    require_supported_region(call)
    found = revisions.existing(call, auto_scaling_configuration_arn)
    scope = ("ListServicesForAutoScalingConfiguration", auto_scaling_configuration_arn)
    services = services_using(call.tx, found.arn)
    shown, token = page_after(services, max_results, next_token, lambda arn: (arn,), scope)
    return {"ServiceArnList": shown, "NextToken": token}


def summary(tx: Transaction, configuration: AutoScalingConfiguration) -> dict[str, Any]:
    """Return a revision as lists and services show it. Its status is in lower case (apprunner.md 2.4)."""
    default = default_arn(tx, configuration.account, configuration.region)
    return {
        "AutoScalingConfigurationArn": configuration.arn,
        "AutoScalingConfigurationName": configuration.name,
        "AutoScalingConfigurationRevision": configuration.revision,
        "Status": "active" if configuration.active else "inactive",
        "CreatedAt": configuration.created,
        "HasAssociatedService": in_use(tx, configuration.arn),
        "IsDefault": default == configuration.arn,
    }


def describe(tx: Transaction, configuration: AutoScalingConfiguration) -> dict[str, Any]:
    """Return a revision as answers describe it."""
    return {
        **summary(tx, configuration),
        "Latest": revisions.is_latest(tx, configuration),
        "MaxConcurrency": configuration.max_concurrency,
        "MinSize": configuration.min_size,
        "MaxSize": configuration.max_size,
        "DeletedAt": configuration.deleted,
    }


def _delete_all(call: Call, arn: str) -> dict[str, Any]:
    """Delete all revisions of a name, or none. The answer tells of the name alone (apprunner.md 2.4)."""
    named = revisions.read(arn)
    if named is None:
        raise errors.not_an_arn_of(revisions.words, arn)
    if named.revision is not None:
        raise errors.invalid_request(
            "You cannot specify full auto scaling configuration ARN and DeleteAllRevisions as true at same time"
        )
    own = (named.account, named.region) == (call.account, call.region)
    found = revisions.active(call.tx, call.account, call.region, named.name) if own else []
    if not found:
        raise errors.no_such_resource(arn)
    for each in found:
        _require_free(call.tx, each)
    for each in found:
        revisions.delete(call, each)
    return {
        "AutoScalingConfigurationArn": apprunner(call.region, call.account, f"{KIND}/{named.name}"),
        "AutoScalingConfigurationName": named.name,
        "Status": "inactive",
    }


def _require_free(tx: Transaction, configuration: AutoScalingConfiguration) -> None:
    """Raise for the default, and for what a service uses (apprunner.md 2.8)."""
    if default_arn(tx, configuration.account, configuration.region) == configuration.arn:
        raise errors.invalid_request("You can't delete a reserved auto scaling configuration")
    if in_use(tx, configuration.arn):
        raise errors.configuration_in_use(revisions.words)
