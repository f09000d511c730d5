"""What the settings of a service name: it must be there, and App Runner must be able to use it."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.core.arn import parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import try_to_assume
from understudy_aws.services.apprunner import (
    auto_scaling_records,
    connections,
    errors,
    observability_records,
)
from understudy_aws.services.apprunner.own_images import ACCESS_PRINCIPAL
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.services.apprunner.service_settings.service_settings import ServiceSettings
from understudy_aws.services.apprunner.vpc_connectors import find as find_connector

INSTANCE_PRINCIPAL = "tasks.apprunner.amazonaws.com"


def scaling_of(call: Call, asked: str | None) -> str:
    """Return the full ARN of the auto scaling configuration that a service gets: the default if none is named."""
    if asked is None:
        return auto_scaling_records.default_arn(call.tx, call.account, call.region)
    return auto_scaling_records.revisions.existing_active(call, asked).arn


def require_used_resources(call: Call, service: Service, settings: ServiceSettings) -> ServiceSettings:
    """Return settings with full ARNs. Raises for what is not there or cannot be used (apprunner.md 2.8).

    Roles are assumed through their trust policies, as App Runner will do it for this service.
    """
    if connector := settings.network.connector:
        found = find_connector(call, connector)
        if found is None:
            raise errors.invalid_request(f"The VPC connector doesn't exist. ARN: {connector}")
        if not found.active:
            raise errors.invalid_request(f"The VPC connector is not in an ACTIVE state. ARN: {connector}")
    if settings.observability:
        configuration = observability_records.revisions.existing_active(call, settings.observability)
        settings = replace(settings, observability=configuration.arn)
    if settings.source.connection:
        _require_connection(call, settings.source.connection)
    if settings.instance.role:
        _require_role(call, service, INSTANCE_PRINCIPAL, settings.instance.role, "instance role")
    if settings.source.access_role:
        _require_role(call, service, ACCESS_PRINCIPAL, settings.source.access_role, "access role")
    return settings


def _require_connection(call: Call, text: str) -> None:
    arn = parse(text)
    found = connections.of_arn(call.tx, arn) if arn is not None else None
    if found is None or (found.account, found.region) != (call.account, call.region):
        raise errors.invalid_request(f"The connection doesn't exist. ARN: {text}")
    if found.status != connections.AVAILABLE:
        raise errors.connection_not_available(found.name, found.status, text)


def _require_role(call: Call, service: Service, principal: str, role: str, words: str) -> None:
    assert isinstance(call.gateway, Gateway), "calls are made by the pipeline"
    try:
        try_to_assume(
            call.gateway,
            call.tx,
            principal=principal,
            role_arn=role,
            session_name="AppRunner",
            source_arn=service.arn,
            region=call.region,
            during=call.request_id,
        )
    except ApiError as error:
        raise errors.cannot_assume(words, role) from error
