"""Services: CreateService, UpdateService, DeleteService and what tells of them (apprunner-services.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.ingress_connection_records import connections_of
from understudy_aws.services.apprunner.linked_roles import MANAGEMENT, ensure_linked_role
from understudy_aws.services.apprunner.pages import key_after, page, page_after
from understudy_aws.services.apprunner.service_descriptions import describe, summary
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.used_resources import (
    require_used_resources,
    scaling_of,
)
from understudy_aws.services.apprunner.service_records import (
    CREATE_FAILED,
    DELETED,
    IN_PROGRESS,
    PAUSED,
    RUNNING,
    Service,
    services,
)
from understudy_aws.services.apprunner.service_settings.service_settings import (
    changed_settings,
    new_settings,
)
from understudy_aws.services.apprunner.service_targets import (
    a_changed_service,
    a_new_service,
    a_service,
    find_service,
)
from understudy_aws.services.apprunner.service_urls import host_of
from understudy_aws.services.apprunner.sleep_tag import require_seconds
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags

# Reference apprunner.md 2.7.
SERVICES_PER_REGION = 30

# More than are kept of one service.
_MOST_OPERATIONS = 999_999_999

Structure = Mapping[str, Any]


@operation("apprunner:CreateService", on=a_new_service)
def create_service(
    call: Call,
    *,
    service_name: str,
    source_configuration: Structure,
    instance_configuration: Structure | None = None,
    tags: list[dict[str, str]] | None = None,
    encryption_configuration: Structure | None = None,
    health_check_configuration: Structure | None = None,
    auto_scaling_configuration_arn: str | None = None,
    network_configuration: Structure | None = None,
    observability_configuration: Structure | None = None,
) -> Answer:
    """Make a service, and begin to deploy it. The first of an account makes the management role (apprunner.md 4.1)."""
    require_supported_region(call)
    if services.where(call.tx, "by_name", (call.account, call.region, service_name)):
        raise errors.name_taken(service_name)
    if sum(1 for each in services.scan(call.tx, call.account, call.region) if each.deleted is None) >= (
        SERVICES_PER_REGION
    ):
        raise errors.too_many("services", SERVICES_PER_REGION)
    asked = {
        "SourceConfiguration": source_configuration,
        "InstanceConfiguration": instance_configuration,
        "EncryptionConfiguration": encryption_configuration,
        "HealthCheckConfiguration": health_check_configuration,
        "NetworkConfiguration": network_configuration,
        "ObservabilityConfiguration": observability_configuration,
    }
    settings = new_settings(asked, account=call.account, at=call.at)
    kept_tags = new_tags((), tags or [])
    require_seconds(tags or [])
    id = call.ids.hexadecimal()
    with errors.not_found_as_invalid_request():
        scaling = scaling_of(call, auto_scaling_configuration_arn)
    service = Service(
        account=call.account,
        region=call.region,
        name=service_name,
        id=id,
        status=IN_PROGRESS,
        created=call.at,
        updated=call.at,
        asked=settings,
        asked_scaling=scaling,
        url=host_of(id, call.region) if settings.network.public else "",
        tags=kept_tags,
    )
    with errors.not_found_as_invalid_request():
        service = replace(service, asked=require_used_resources(call, service, settings))
    ensure_linked_role(call, MANAGEMENT)
    service, begun = history.begin_operation(call, history.CREATE, service)
    return {"Service": describe(call.tx, service), "OperationId": begun.id}


@operation("apprunner:DescribeService", on=a_service)
def describe_service(call: Call, *, service_arn: str) -> Answer:
    """Describe a service; a deleted one for a while."""
    require_supported_region(call)
    found = find_service(call, service_arn)
    if found is None:
        raise errors.no_such_resource(service_arn)
    return {"Service": describe(call.tx, found)}


@operation("apprunner:ListServices", on=all_resources)
def list_services(call: Call, *, next_token: str | None = None, max_results: int | None = None) -> Answer:
    """List the services of a Region that are not deleted."""
    require_supported_region(call)
    after = key_after(next_token, "ListServices")
    there = (
        each
        for each in services.scan(call.tx, call.account, call.region, after=after)
        if each.deleted is None
    )
    shown, token = page(there, max_results, services.key, "ListServices")
    return {"ServiceSummaryList": [summary(call.tx, each) for each in shown], "NextToken": token}


@operation("apprunner:UpdateService", on=a_changed_service)
def update_service(
    call: Call,
    *,
    service_arn: str,
    source_configuration: Structure | None = None,
    instance_configuration: Structure | None = None,
    auto_scaling_configuration_arn: str | None = None,
    health_check_configuration: Structure | None = None,
    network_configuration: Structure | None = None,
    observability_configuration: Structure | None = None,
) -> Answer:
    """Begin to change a service; members that are not sent stay. What could not be created is tried anew."""
    require_supported_region(call)
    service = existing(call, service_arn)
    if service.status not in {RUNNING, CREATE_FAILED}:
        raise errors.wrong_state("updated", service.status)
    asked = {
        "SourceConfiguration": source_configuration,
        "InstanceConfiguration": instance_configuration,
        "HealthCheckConfiguration": health_check_configuration,
        "NetworkConfiguration": network_configuration,
        "ObservabilityConfiguration": observability_configuration,
    }
    named = [auto_scaling_configuration_arn, *asked.values()]
    if service.status == RUNNING and all(each is None for each in named):
        raise errors.nothing_to_update()
    former = service.settings or service.asked
    assert former is not None, "a service has settings from the beginning"
    settings = changed_settings(former, asked, account=call.account, at=call.at)
    settings = require_used_resources(call, service, settings)
    scaling = service.scaling or service.asked_scaling
    if auto_scaling_configuration_arn is not None:
        scaling = scaling_of(call, auto_scaling_configuration_arn)
    ensure_linked_role(call, MANAGEMENT)
    service = replace(
        service,
        asked=settings,
        asked_scaling=scaling,
        # Its URL follows when it runs, but for what was never reached by one.
        url=_first_url(service, public=settings.network.public),
    )
    creation = service.settings is None
    service, begun = history.begin_operation(
        call, history.UPDATE, service, {"creation": True} if creation else {}
    )
    return {"Service": describe(call.tx, service), "OperationId": begun.id}


@operation("apprunner:DeleteService", on=a_service)
def delete_service(call: Call, *, service_arn: str) -> Answer:
    """Begin to delete a service. It is described as DELETED for a while when that is done."""
    require_supported_region(call)
    service = existing(call, service_arn)
    if service.status == IN_PROGRESS:
        raise errors.wrong_state("deleted", service.status)
    for connection in connections_of(call.tx, service.arn):
        raise errors.has_ingress_connection(service.arn, connection.arn)
    service, begun = history.begin_operation(call, history.DELETE, service)
    return {"Service": describe(call.tx, service), "OperationId": begun.id}


@operation("apprunner:PauseService", on=a_service)
def pause_service(call: Call, *, service_arn: str) -> Answer:
    """Begin to stop all instances of a service. Of one that is paused nothing is begun."""
    return _paused_or_resumed(call, service_arn, history.PAUSE, "paused", taken=RUNNING, done=PAUSED)


@operation("apprunner:ResumeService", on=a_service)
def resume_service(call: Call, *, service_arn: str) -> Answer:
    """Begin to run the version of a paused service that ran last. Of one that runs nothing is begun."""
    return _paused_or_resumed(call, service_arn, history.RESUME, "resumed", taken=PAUSED, done=RUNNING)


@operation("apprunner:StartDeployment", on=a_service)
def start_deployment(call: Call, *, service_arn: str) -> Answer:
    """Begin to deploy what the source of a running service has now."""
    require_supported_region(call)
    service = existing(call, service_arn)
    if service.status != RUNNING:
        raise errors.cannot_deploy()
    _, begun = history.begin_operation(call, history.DEPLOY, service)
    return {"OperationId": begun.id}


@operation("apprunner:ListOperations", on=a_service)
def list_operations(
    call: Call, *, service_arn: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """List the operations on a service, newest first."""
    require_supported_region(call)
    found = find_service(call, service_arn)
    if found is None:
        raise errors.no_such_resource(service_arn)
    newest_first = history.operations_on(call.tx, found)
    # Later operations must not move the pages: a place is counted from the oldest, and pages go down.
    places = {each.id: _MOST_OPERATIONS - number for number, each in enumerate(reversed(newest_first))}

    def key(each: DurableOperation) -> tuple[str]:
        return (f"{places[each.id]:09d}",)

    scope = ("ListOperations", service_arn)
    shown, token = page_after(newest_first, max_results, next_token, key, scope)
    return {"OperationSummaryList": [history.describe(each) for each in shown], "NextToken": token}


def existing(call: Call, arn: str) -> Service:
    """Return the caller's service of that ARN. Raises for none, and for a deleted one."""
    found = find_service(call, arn)
    if found is None or found.status == DELETED:
        raise errors.no_such_resource(arn)
    return found


def _paused_or_resumed(call: Call, arn: str, type: str, doing: str, *, taken: str, done: str) -> Answer:
    require_supported_region(call)
    service = existing(call, arn)
    if service.status == done:
        return {"Service": describe(call.tx, service)}
    if service.status != taken:
        raise errors.wrong_state(doing, service.status)
    service, begun = history.begin_operation(call, type, service)
    return {"Service": describe(call.tx, service), "OperationId": begun.id}


def _first_url(service: Service, *, public: bool) -> str:
    if service.settings is not None:
        return service.url
    return host_of(service.id, service.region) if public else ""
