"""Services as answers describe them (apprunner-services.md 2.2, 2.3)."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.arn import parse
from understudy_aws.services.apprunner import auto_scaling_configurations
from understudy_aws.services.apprunner.auto_scaling_records import revisions
from understudy_aws.services.apprunner.ingress_address import ingress_port
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.services.apprunner.service_settings.service_settings import described
from understudy_aws.store.database import Transaction


def describe(tx: Transaction, service: Service) -> dict[str, Any]:
    """Return a service as answers describe it: with the settings it shall have, while an operation goes on."""
    settings = service.asked or service.settings
    assert settings is not None, "a service has settings from the beginning"
    arn = parse(service.asked_scaling or service.scaling)
    scaling = revisions.of_arn(tx, arn) if arn is not None else None
    return {
        **summary(tx, service),
        "DeletedAt": service.deleted,
        **described(settings),
        "AutoScalingConfigurationSummary": (
            auto_scaling_configurations.summary(tx, scaling) if scaling is not None else {}
        ),
    }


def summary(tx: Transaction, service: Service) -> dict[str, Any]:
    """Return a service as lists show it. A private one has no URL (apprunner-services.md 2.3)."""
    return {
        "ServiceName": service.name,
        "ServiceId": service.id,
        "ServiceArn": service.arn,
        "ServiceUrl": url(tx, service) or None,
        "CreatedAt": service.created,
        "UpdatedAt": service.updated,
        "Status": service.status,
    }


def url(tx: Transaction, service: Service) -> str:
    """Return the host of a public service with the port where requests are taken, once that is known."""
    port = ingress_port(tx)
    return f"{service.url}:{port}" if service.url and port else service.url
