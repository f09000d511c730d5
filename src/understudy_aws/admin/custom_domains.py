"""Custom domains of App Runner's services, and their validation without DNS records (apprunner-services.md 2.5)."""

from __future__ import annotations

from typing import Any

from understudy_aws.admin.errors import ConflictError, NotFoundError
from understudy_aws.admin.requests import ValidateCustomDomain
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.custom_domain_records import (
    PENDING_VALIDATION,
    CustomDomain,
    custom_domains,
    is_gone,
    status_of,
    validated,
    validation_records,
)
from understudy_aws.store.database import Transaction


def listed(gateway: Gateway) -> dict[str, Any]:
    """Return all custom domains, with the records that they wait for."""
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        return {
            "domains": [
                {
                    "name": each.name,
                    "service": each.service,
                    "status": status_of(each, now),
                    "records": [
                        {"name": record.name, "value": record.value} for record in validation_records(each)
                    ],
                }
                for each in custom_domains.scan(tx)
                if not is_gone(each, now)
            ]
        }


def validate(gateway: Gateway, asked: ValidateCustomDomain) -> dict[str, Any]:
    """Take a domain's records as found. Raises NotFoundError, ConflictError while it waits for nothing."""
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        domain = _the_one(tx, asked.name)
        was = status_of(domain, now)
        if domain.validated is None:
            if was != PENDING_VALIDATION:
                raise ConflictError(f"{domain.name} is {was}, and waits for no records.")
            seconds = gateway.latency.custom_domain_seconds(domain.name)
            domain = custom_domains.put(tx, validated(domain, now, seconds))
    gateway.database.flush()
    return {
        "name": domain.name,
        "service": domain.service,
        "status": status_of(domain, gateway.clock.now()),
        "was": was,
    }


def _the_one(tx: Transaction, name: str) -> CustomDomain:
    # A name is associated once.
    for domain in custom_domains.where(tx, "name", name.lower().removesuffix(".")):
        if domain.ended is None:
            return domain
    raise NotFoundError(f"No service has the custom domain {name}.")
