"""What happens to a service: lines for its log group, and state changes as EventBridge tells them.

Texts and shapes: apprunner-services.md 5.6, 5.8.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from understudy_aws.authn.caller import Caller
from understudy_aws.core.clock import iso_seconds
from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.trail import OWN_SERVICE, Trail, TrailEntry
from understudy_aws.services.apprunner.linked_roles import MANAGEMENT
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

EVENTS = "events"
SOURCE = "aws.apprunner"
_STATUS_CHANGE = "AppRunner Service Status Change"
_OPERATION_CHANGE = "AppRunner Service Operation Status Change"
# How EventBridge calls the types of operations, and what people read.
_NAMES = MappingProxyType(
    {
        history.CREATE: ("CreateService", "Service creation"),
        history.UPDATE: ("UpdateService", "Service update"),
        history.DEPLOY: ("Deployment", "Deployment"),
        history.PAUSE: ("PauseService", "Service pause"),
        history.RESUME: ("ResumeService", "Service resume"),
        history.DELETE: ("DeleteService", "Service deletion"),
    }
)
_WITH_LOGS = frozenset({history.CREATE, history.UPDATE, history.DEPLOY})
_DEPLOYMENTS = _WITH_LOGS


class ServiceLogLine(Record, frozen=True, kw_only=True):
    """A line for the log group of a service, which waits for being delivered into a stream."""

    account: str
    region: str
    service: str
    number: str
    at: datetime
    stream: str
    text: str


class StateChange(Record, frozen=True, kw_only=True):
    """A state change of a service or an operation on it, as EventBridge tells of one. `number` orders them."""

    number: str
    account: str
    region: str
    id: str
    at: datetime
    kind: str
    service: str
    name: str
    detail: dict[str, str]


service_log_lines = Table(
    "apprunner/service-log-line",
    ServiceLogLine,
    key=lambda line: (line.account, line.region, line.service, line.number),
    ordered={"at": lambda line: line.at},
)
state_changes = Table(
    "apprunner/state-change",
    StateChange,
    key=lambda change: (change.number,),
    ordered={"at": lambda change: change.at},
)
# CloudWatch Logs may be kept from taking lines for long; somebody looks within days, or not at all.
old_service_log_lines = Expiry(
    "undelivered lines of services", service_log_lines, "at", kept_for=timedelta(days=3), most=10_000
)
old_state_changes = Expiry(
    "state changes of services", state_changes, "at", kept_for=timedelta(days=30), most=1_000
)


def note_event(tx: Transaction, service: Service, at: datetime, text: str, *, stream: str = EVENTS) -> None:
    """Write a line for a stream of a service's log group."""
    line = ServiceLogLine(
        account=service.account,
        region=service.region,
        service=service.arn,
        number=_next(tx, service_log_lines, at, service.account, service.region, service.arn),
        at=at,
        stream=stream,
        text=text,
    )
    service_log_lines.put(tx, line)


def note_deployment(
    tx: Transaction, service: Service, operation: DurableOperation, at: datetime, text: str
) -> None:
    """Write a line for the stream of a deployment."""
    note_event(tx, service, at, f"[AppRunner] {text}", stream=f"deployment/{operation.id}")


def note_started(
    tx: Transaction, service: Service, operation: DurableOperation, at: datetime, trail: Trail
) -> None:
    """Tell that an operation has begun."""
    name, words = _NAMES[history.type_of(operation)]
    note_event(tx, service, at, f"Service status is set to {service.status}.")
    note_event(tx, service, at, f"{words} started.")
    _change(
        tx,
        trail,
        service,
        at,
        {"operationStatus": f"{name}Started", "message": f"{words} started."},
    )


def note_ended(
    tx: Transaction, service: Service, operation: DurableOperation, at: datetime, trail: Trail
) -> None:
    """Tell that an operation has ended, why it failed if it did, and which status the service has since."""
    type = history.type_of(operation)
    name, words = _NAMES[type]
    if operation.state == "SUCCEEDED":
        outcome, message = "CompletedSuccessfully", f"{words} completed successfully."
    else:
        outcome, message = "Failed", f"{words} failed."
        if type in _WITH_LOGS:
            message += " For details, see service logs."
        if operation.error:
            note_event(tx, service, at, operation.error)
        if type in _DEPLOYMENTS:
            note_event(tx, service, at, f"Deployment with ID : {operation.id} failed.")
            note_deployment(tx, service, operation, at, operation.error or message)
    note_event(tx, service, at, message)
    note_event(tx, service, at, f"Service status is set to {service.status}.")
    severity = "INFO" if operation.state == "SUCCEEDED" else "ERROR"
    _change(
        tx,
        trail,
        service,
        at,
        {"operationStatus": f"{name}{outcome}", "message": message, "severity": severity},
    )


def note_status(tx: Transaction, service: Service, former: str, at: datetime, trail: Trail) -> None:
    """Tell that a service has another status."""
    severity = "ERROR" if service.status.endswith("_FAILED") else "INFO"
    _change(
        tx,
        trail,
        service,
        at,
        {
            "previousServiceStatus": former,
            "currentServiceStatus": service.status,
            "message": f"Service status is set to {service.status}.",
            "severity": severity,
        },
    )


def event_of(change: StateChange) -> dict[str, Any]:
    """Return a state change as EventBridge tells it."""
    return {
        "version": "0",
        "id": change.id,
        "detail-type": change.kind,
        "source": SOURCE,
        "account": change.account,
        "time": iso_seconds(change.at),
        "region": change.region,
        "resources": [change.service],
        "detail": change.detail,
    }


def _change(tx: Transaction, trail: Trail, service: Service, at: datetime, detail: dict[str, str]) -> None:
    """Keep a state change, and write it into the trail too."""
    kind = _OPERATION_CHANGE if "operationStatus" in detail else _STATUS_CHANGE
    number = _next(tx, state_changes, at)
    change = StateChange(
        number=number,
        account=service.account,
        region=service.region,
        id=_uuid(service.id, number),
        at=at,
        kind=kind,
        service=service.arn,
        name=service.name,
        detail={"serviceName": service.name, "serviceId": service.id, "severity": "INFO", **detail},
    )
    state_changes.put(tx, change)
    trail.record(
        tx,
        TrailEntry(
            request_id=change.id,
            at=at,
            service=OWN_SERVICE,
            operation=kind.removeprefix("AppRunner ").replace(" ", ""),
            caller=Caller("service", service.account, MANAGEMENT, ""),
            region=service.region,
            parameters=event_of(change),
            message=f"{service.name}: {detail['message']}",
        ),
    )


def _next(tx: Transaction, table: Table[Any], at: datetime, *prefix: str) -> str:
    """Return a number for the key of a record that sorts after those of earlier times, and of the same one."""
    micros, place = int(at.timestamp() * 1_000_000), 0
    while table.get(tx, *prefix, f"{micros:020d}-{place:04d}") is not None:
        place += 1
    return f"{micros:020d}-{place:04d}"


def _uuid(service: str, number: str) -> str:
    """Return an id of an event, which follows from what it tells."""
    digits = (number.replace("-", "") + service)[-32:]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
