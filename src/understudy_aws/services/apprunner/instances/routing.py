"""Which instances of a service get requests."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from understudy_aws.services.apprunner.service_records import DRAINING, SERVING, service_instances
from understudy_aws.store.database import Transaction


def switch(tx: Transaction, service: str, version: str, *, at: datetime) -> None:
    """Lead requests to the instances of a version; the others finish those they have."""
    for instance in service_instances.where(tx, "by_service", service):
        purpose = SERVING if instance.version == version else DRAINING
        if instance.purpose != purpose:
            service_instances.put(tx, replace(instance, purpose=purpose, changed=at))


def drain_all(tx: Transaction, service: str, *, at: datetime) -> None:
    """Lead no more requests to a service; its instances finish those they have."""
    for instance in service_instances.where(tx, "by_service", service):
        if instance.purpose != DRAINING:
            service_instances.put(tx, replace(instance, purpose=DRAINING, changed=at))
