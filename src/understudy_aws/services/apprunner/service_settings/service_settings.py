"""All that a request says of a service: checked, merged with what the service was, and described with AWS's defaults.

Whether roles, connections, connectors and configurations exist is not looked at here; `references` names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.service_settings import health_checks, networks, sources
from understudy_aws.services.apprunner.service_settings.health_checks import HealthCheck, health_check
from understudy_aws.services.apprunner.service_settings.instances import Instance, instance
from understudy_aws.services.apprunner.service_settings.networks import Network, network
from understudy_aws.services.apprunner.service_settings.sources import Source, source


class ServiceSettings(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a service is. `observability` is the ARN of its configuration, empty where it is not traced."""

    source: Source
    instance: Instance = Instance()
    health_check: HealthCheck = HealthCheck()
    network: Network = Network()
    observability: str = ""
    kms_key: str = ""


def new_settings(request: Mapping[str, Any], *, account: str, at: datetime) -> ServiceSettings:
    """Return what a CreateService asks for, its members by AWS's names. Raises InvalidRequestException."""
    key = (request.get("EncryptionConfiguration") or {}).get("KmsKey") or ""
    made = source(None, request["SourceConfiguration"], account=account, at=at)
    return _with(ServiceSettings(source=made, kms_key=key), request)


def changed_settings(
    former: ServiceSettings, request: Mapping[str, Any], *, account: str, at: datetime
) -> ServiceSettings:
    """Return what an UpdateService makes of a service: members that are not sent stay. Raises."""
    asked = request.get("SourceConfiguration")
    made = source(former.source, asked, account=account, at=at) if asked is not None else former.source
    return _with(msgspec.structs.replace(former, source=made), request)


def described(settings: ServiceSettings) -> dict[str, Any]:
    """Return the members of a service's description that follow from its settings."""
    shown: dict[str, Any] = {
        "SourceConfiguration": sources.described(settings.source),
        "InstanceConfiguration": {"Cpu": settings.instance.cpu, "Memory": settings.instance.memory},
        "HealthCheckConfiguration": health_checks.described(settings.health_check),
        "NetworkConfiguration": networks.described(settings.network),
        "ObservabilityConfiguration": {"ObservabilityEnabled": bool(settings.observability)},
    }
    if settings.instance.role:
        shown["InstanceConfiguration"]["InstanceRoleArn"] = settings.instance.role
    if settings.observability:
        shown["ObservabilityConfiguration"]["ObservabilityConfigurationArn"] = settings.observability
    if settings.kms_key:
        shown["EncryptionConfiguration"] = {"KmsKey": settings.kms_key}
    return shown


def references(settings: ServiceSettings) -> dict[str, str]:
    """Return the ARNs that must lead to something, by the member that names each; those that are not given left out."""
    named = {
        "AccessRoleArn": settings.source.access_role,
        "ConnectionArn": settings.source.connection,
        "InstanceRoleArn": settings.instance.role,
        "VpcConnectorArn": settings.network.connector,
        "ObservabilityConfigurationArn": settings.observability,
        "KmsKey": settings.kms_key,
    }
    return {name: arn for name, arn in named.items() if arn}


def _with(settings: ServiceSettings, request: Mapping[str, Any]) -> ServiceSettings:
    """Return settings with the members of a request that both operations have."""
    asked = request.get("InstanceConfiguration") or {}
    observability = request.get("ObservabilityConfiguration")
    return msgspec.structs.replace(
        settings,
        instance=instance(
            settings.instance,
            cpu=asked.get("Cpu"),
            memory=asked.get("Memory"),
            role=asked.get("InstanceRoleArn"),
        ),
        health_check=health_check(settings.health_check, request.get("HealthCheckConfiguration") or {}),
        network=network(settings.network, request.get("NetworkConfiguration") or {}),
        observability=settings.observability if observability is None else _observability(observability),
    )


def _observability(asked: Mapping[str, Any]) -> str:
    """Return the ARN of the configuration that a service is traced with, or an empty text. Raises for half of it."""
    arn = asked.get("ObservabilityConfigurationArn") or ""
    if asked["ObservabilityEnabled"] and not arn:
        raise errors.invalid_request(
            "ObservabilityConfigurationArn is required when ObservabilityEnabled is true."
        )
    if arn and not asked["ObservabilityEnabled"]:
        raise errors.invalid_request(
            "ObservabilityConfigurationArn is only valid when ObservabilityEnabled is true."
        )
    return arn
