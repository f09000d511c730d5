"""Observability configurations: whether services are traced, in revisions of a name (apprunner.md 2.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.observability_records import (
    ObservabilityConfiguration,
    observability_configurations,
    revisions,
)
from understudy_aws.services.apprunner.pages import page_after
from understudy_aws.services.apprunner.revisions import PROVIDED_ID, PROVIDED_NAME
from understudy_aws.services.apprunner.service_uses import in_use
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.store.database import Transaction

# Reference apprunner.md 2.7.
NAMES_PER_REGION = 10
REVISIONS_PER_NAME = 10


def a_new_configuration(call: Call, params: Params) -> Sequence[Target]:
    return revisions.new_target(call, params, "observability_configuration_name")


def a_configuration(call: Call, params: Params) -> Sequence[Target]:
    return revisions.target(call, params["observability_configuration_arn"])


@operation("apprunner:CreateObservabilityConfiguration", on=a_new_configuration)
def create_observability_configuration(
    call: Call,
    *,
    observability_configuration_name: str,
    trace_configuration: Mapping[str, str] | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a revision of a configuration: the first of a new name, or else the next one."""
    require_supported_region(call)
    name = observability_configuration_name
    if name == PROVIDED_NAME:
        raise errors.invalid_request(f"The observability configuration name {name} is reserved.")
    revisions.require_room(call, name, most_names=NAMES_PER_REGION, most_revisions=REVISIONS_PER_NAME)
    made = ObservabilityConfiguration(
        account=call.account,
        region=call.region,
        name=name,
        id=call.ids.hexadecimal(),
        revision=revisions.next_number(call.tx, call.account, call.region, name),
        created=call.at,
        tags=new_tags((), tags or []),
        trace_vendor=(trace_configuration or {}).get("Vendor", ""),
    )
    observability_configurations.put(call.tx, made)
    return {"ObservabilityConfiguration": describe(call.tx, made)}


@operation("apprunner:DescribeObservabilityConfiguration", on=a_configuration)
def describe_observability_configuration(call: Call, *, observability_configuration_arn: str) -> Answer:
    """Describe a revision; by a name alone the latest active one. A deleted one is INACTIVE."""
    require_supported_region(call)
    found = revisions.existing(call, observability_configuration_arn)
    return {"ObservabilityConfiguration": describe(call.tx, found)}


@operation("apprunner:ListObservabilityConfigurations", on=all_resources)
def list_observability_configurations(
    call: Call,
    *,
    observability_configuration_name: str | None = None,
    latest_only: bool | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List active revisions, of one name or all; unless told otherwise only the latest of each name."""
    require_supported_region(call)
    latest = latest_only is not False
    found = revisions.listed(call, observability_configuration_name, latest_only=latest)
    scope = ("ListObservabilityConfigurations", observability_configuration_name, latest)
    shown, token = page_after(found, max_results, next_token, observability_configurations.key, scope)
    return {
        "ObservabilityConfigurationSummaryList": [
            {
                "ObservabilityConfigurationArn": each.arn,
                "ObservabilityConfigurationName": each.name,
                "ObservabilityConfigurationRevision": each.revision,
            }
            for each in shown
        ],
        "NextToken": token,
    }


@operation("apprunner:DeleteObservabilityConfiguration", on=a_configuration)
def delete_observability_configuration(call: Call, *, observability_configuration_arn: str) -> Answer:
    """Delete a revision that no service uses. The one that AWS provides stays."""
    require_supported_region(call)
    found = revisions.existing_active(call, observability_configuration_arn)
    if found.id == PROVIDED_ID:
        raise errors.invalid_request("You can't delete a reserved observability configuration")
    if in_use(call.tx, found.arn):
        raise errors.configuration_in_use(revisions.words)
    return {"ObservabilityConfiguration": describe(call.tx, revisions.delete(call, found))}


def describe(tx: Transaction, configuration: ObservabilityConfiguration) -> dict[str, Any]:
    """Return a revision as answers describe it."""
    vendor = configuration.trace_vendor
    return {
        "ObservabilityConfigurationArn": configuration.arn,
        "ObservabilityConfigurationName": configuration.name,
        "TraceConfiguration": {"Vendor": vendor} if vendor else None,
        "ObservabilityConfigurationRevision": configuration.revision,
        "Latest": revisions.is_latest(tx, configuration),
        "Status": "ACTIVE" if configuration.active else "INACTIVE",
        "CreatedAt": configuration.created,
        "DeletedAt": configuration.deleted,
    }
