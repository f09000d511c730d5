"""How App Runner's services do, why the last operation on each failed, and what has happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.requests import ListServiceStates, ListStateChanges
from understudy_aws.admin.service_logs import the_one
from understudy_aws.core.clock import iso_seconds
from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.service_descriptions import url
from understudy_aws.services.apprunner.service_events import event_of, state_changes
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_problems import service_problems
from understudy_aws.services.apprunner.service_records import (
    RUNNING,
    Service,
    service_instances,
    service_versions,
    services,
)
from understudy_aws.store.database import Transaction


def listed(gateway: Gateway, asked: ListServiceStates) -> dict[str, Any]:
    """Return all services that are not deleted, or the one that is named, also a deleted one."""
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        if asked.service:
            found = [the_one(tx, asked.service, asked.region)]
        else:
            found = [
                each
                for each in services.scan(tx)
                if each.deleted is None and asked.region in {"", each.region}
            ]
        return {"services": [_state(tx, each, now) for each in found]}


def changes(gateway: Gateway, asked: ListStateChanges) -> dict[str, Any]:
    """Return the latest state changes, or those after a place, oldest first, and the place where the next begin."""
    if asked.after and not asked.after.replace("-", "").isdecimal():
        raise InvalidRequestError("`after` is `next` of an earlier answer.")
    with gateway.database.transaction() as tx:
        after = (asked.after,) if asked.after else None
        found = list(state_changes.scan(tx, after=after))
    shown = found[: asked.limit] if asked.after else found[-asked.limit :]
    last = shown[-1].number if shown else asked.after
    return {"events": [event_of(each) for each in shown], "next": last}


def _state(tx: Transaction, service: Service, now: datetime) -> dict[str, Any]:
    operations = history.operations_on(tx, service)
    version = service_versions.get(tx, service.account, service.region, service.arn, service.version)
    return {
        "name": service.name,
        "arn": service.arn,
        "account": service.account,
        "region": service.region,
        "status": service.status,
        # One with another status has no instances for another reason.
        "asleep_since": iso_seconds(service.asleep_since)
        if service.status == RUNNING and service.asleep_since is not None
        else None,
        "url": url(tx, service),
        "instances": [
            {"id": each.id, "purpose": each.purpose, "interface": each.interface, "address": each.address}
            for each in service_instances.where(tx, "by_service", service.arn)
        ],
        "version": {"commit": version.commit, "image": version.image} if version is not None else None,
        "operation": _operation(operations[0], now) if operations else None,
        "problems": [
            {"text": each.text, "since": iso_seconds(each.since)}
            for each in service_problems.where(tx, "by_service", service.arn)
        ],
    }


def _operation(operation: DurableOperation, now: datetime) -> dict[str, Any]:
    """Return an operation with the reason why it failed, or of what it waits for."""
    return {
        "id": operation.id,
        "type": history.type_of(operation),
        "status": history.status_of(operation),
        "step": operation.step if operation.ended is None else "",
        "reason": operation.error or (operation.last_error if operation.ended is None else ""),
        "accepted": iso_seconds(operation.accepted),
        "ended": iso_seconds(operation.ended) if operation.ended is not None else None,
        "ended_seconds_ago": None
        if operation.ended is None
        else max(int((now - operation.ended).total_seconds()), 0),
    }
