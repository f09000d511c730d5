"""Custom domains of App Runner's services, and their validation without DNS records (apprunner-services.md 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy_aws.admin.errors import ConflictError, NotFoundError
from understudy_aws.admin.requests import ValidateCustomDomain
from understudy_aws.core.deferred import deferred
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.custom_domain_records import (
    PENDING_VALIDATION,
    CustomDomain,
    custom_domains,
    is_gone,
    names_of,
    status_of,
    validated,
    validation_records,
)
from understudy_aws.services.iam import certificates
from understudy_aws.store.database import Transaction

if TYPE_CHECKING:
    from cryptography import x509
else:
    x509 = deferred("cryptography.x509")


def listed(gateway: Gateway, certificate: str) -> dict[str, Any]:
    """Return all custom domains, with the records that they wait for.

    Where the user has given a `certificate`, a PEM file, that is served for every name and none is made: each domain
    tells which of its names it is not for.
    """
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        found = [each for each in custom_domains.scan(tx) if not is_gone(each, now)]
    certified = _names_in(certificate) if certificate and found else ()
    return {
        "certificate": certificate,
        "domains": [
            {
                "name": each.name,
                "service": each.service,
                "status": status_of(each, now),
                "records": [
                    {"name": record.name, "value": record.value} for record in validation_records(each)
                ],
                "not_in_certificate": _missing(names_of(each), certified) if certificate else [],
            }
            for each in found
        ],
    }


def _names_in(file: str) -> Sequence[str]:
    """Return the names of a certificate; none where it can't be read any more."""
    try:
        found = certificates.read(Path(file).read_text("ascii", "replace"))
        if found is None:
            return ()
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ()
    return names.value.get_values_for_type(x509.DNSName)


def _missing(names: Sequence[str], certified: Sequence[str]) -> list[str]:
    """Return the names that a certificate for others is not for; a wildcard is for the next level (RFC 6125 6.4.3)."""
    known = {each.lower() for each in certified}
    return [each for each in names if known.isdisjoint({each, f"*.{each.partition('.')[2]}"})]


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
