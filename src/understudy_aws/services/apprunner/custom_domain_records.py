"""The records of custom domains, and their statuses over time (apprunner-services.md 2.5)."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta

import msgspec

from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

CREATING = "creating"
PENDING_VALIDATION = "pending_certificate_dns_validation"
BINDING = "binding_certificate"
ACTIVE = "active"
DELETING = "deleting"
WILDCARD = "*."


class CustomDomain(Record, frozen=True, kw_only=True):
    """A domain that a service answers to besides its own; `service` is the service's ARN.

    Its certificate waits for DNS records from `ready` on. `validated` is when they were found, and `active` when the
    domain is led to the service. `deletion` is when it was asked to go, `ended` when it is gone.
    """

    account: str
    region: str
    service: str
    name: str
    www: bool
    created: datetime
    ready: datetime
    validated: datetime | None = None
    active: datetime | None = None
    deletion: datetime | None = None
    ended: datetime | None = None


class ValidationRecord(msgspec.Struct, frozen=True):
    """A CNAME record by which its owner shows that a domain is theirs; both names end with a dot."""

    name: str
    value: str


custom_domains = Table(
    "apprunner/custom-domain",
    CustomDomain,
    key=lambda record: (record.account, record.region, record.service, record.name),
    indexes={
        "service": lambda record: (record.service,),
        "name": lambda record: (record.name,),
        "waiting": lambda record: ("",) if record.validated is None and record.deletion is None else (),
    },
    ordered={"ended": lambda record: record.ended},
)

# AWS tells nothing more of a domain that is gone.
ended_custom_domains = Expiry("removed custom domains", custom_domains, "ended", kept_for=timedelta(0))


def status_of(domain: CustomDomain, now: datetime) -> str:
    """Return the status at a time."""
    if domain.deletion is not None:
        return DELETING
    if now < domain.ready:
        return CREATING
    if domain.active is None:
        return PENDING_VALIDATION
    return BINDING if now < domain.active else ACTIVE


def is_gone(domain: CustomDomain, now: datetime) -> bool:
    """Whether nothing tells of a domain any more."""
    return domain.ended is not None and domain.ended <= now


def names_of(domain: CustomDomain) -> tuple[str, ...]:
    """Return the names that a domain's certificate is for."""
    return (domain.name, f"www.{domain.name}") if domain.www else (domain.name,)


@memoized
def validation_records(domain: CustomDomain) -> tuple[ValidationRecord, ...]:
    """Return the records that must be found: one for each name, and one for a name of App Runner's below it.

    They are the same for an account and a name always, as a certificate's are.
    """
    plain = domain.name.removeprefix(WILDCARD)
    label = base64.b32encode(_digest(domain, "label")).decode().lower()[:24]
    names = [name.removeprefix(WILDCARD) for name in names_of(domain)]
    zone = base64.b32encode(_digest(domain, "zone")).decode().lower()[:10]
    return tuple(
        ValidationRecord(
            f"_{_digest(domain, f'name of {name}').hex()}.{name}.",
            f"_{_digest(domain, f'value of {name}').hex()}.{zone}.acm-validations.aws.",
        )
        for name in (*names, f"2a57j77{label}.{plain}")
    )


def _digest(domain: CustomDomain, what: str) -> bytes:
    return hashlib.blake2b(f"{domain.account} {domain.name} {what}".encode(), digest_size=16).digest()


def validated(domain: CustomDomain, at: datetime, seconds: float) -> CustomDomain:
    """Return a domain whose records were found, and whose certificate is bound after some seconds."""
    return msgspec.structs.replace(domain, validated=at, active=at + timedelta(seconds=seconds))


def domains_of(tx: Transaction, service: str, now: datetime) -> list[CustomDomain]:
    """Return the domains of the service of an ARN, those being removed among them."""
    return [each for each in custom_domains.where(tx, "service", service) if not is_gone(each, now)]


def active_domains(tx: Transaction, now: datetime) -> list[CustomDomain]:
    """Return the domains of all services that are active."""
    return [each for each in custom_domains.scan(tx) if status_of(each, now) == ACTIVE]


def active_hosts(tx: Transaction, service: str, now: datetime) -> tuple[str, ...]:
    """Return the names by which the service of an ARN is reached besides its own; `*.` may begin one."""
    found = (each for each in domains_of(tx, service, now) if status_of(each, now) == ACTIVE)
    return tuple(sorted(name for domain in found for name in names_of(domain)))


def remove_domains(tx: Transaction, service: str) -> None:
    """Remove the domains of a service that is gone."""
    for domain in list(custom_domains.where(tx, "service", service)):
        custom_domains.delete(tx, domain)
