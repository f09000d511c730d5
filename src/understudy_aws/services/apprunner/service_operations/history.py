"""The operations on services: how they begin, and how lists tell of them (apprunner-services.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.durable_operations import (
    DurableOperation,
    StepFailedError,
    begin,
    durable_operations,
)
from understudy_aws.services.apprunner.service_records import IN_PROGRESS, Service, services
from understudy_aws.services.apprunner.service_uses import note_uses
from understudy_aws.store.database import Transaction

CREATE = "CREATE_SERVICE"
UPDATE = "UPDATE_SERVICE"
DEPLOY = "START_DEPLOYMENT"
PAUSE = "PAUSE_SERVICE"
RESUME = "RESUME_SERVICE"
DELETE = "DELETE_SERVICE"

# The kind of durable operation of each type.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        CREATE: "apprunner:CreateService",
        UPDATE: "apprunner:UpdateService",
        DEPLOY: "apprunner:StartDeployment",
        PAUSE: "apprunner:PauseService",
        RESUME: "apprunner:ResumeService",
        DELETE: "apprunner:DeleteService",
    }
)
_TYPES = {kind: type for type, kind in KINDS.items()}

# Of a service that runs, what failed is rolled back.
_ROLLED_BACK = frozenset({UPDATE, DEPLOY})


def begin_operation(
    call: Call, type: str, service: Service, details: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Service, DurableOperation]:
    """Begin an operation on a service, in the transaction of the request; the service is in progress from now on."""
    return begin_by_itself(call.tx, type, service, details, id=call.ids.hexadecimal(), at=call.at)


def begin_by_itself(
    tx: Transaction,
    type: str,
    service: Service,
    details: Mapping[str, Any] = MappingProxyType({}),
    *,
    id: str,
    at: datetime,
) -> tuple[Service, DurableOperation]:
    """Begin an operation that nobody asked for, as a deployment of what is new."""
    operation = begin(
        tx,
        KINDS[type],
        account=service.account,
        id=id,
        subject=service.arn,
        details={"region": service.region, "service": service.id, **details},
        at=at,
    )
    changed = services.put(tx, replace(service, status=IN_PROGRESS, operation=operation.id, updated=at))
    note_uses(tx, changed)
    return changed, operation


def service_of(tx: Transaction, operation: DurableOperation) -> Service:
    """Return the service that an operation is on. Raises StepFailedError when it is gone, as after a reset."""
    found = services.get(tx, operation.account, operation.details["region"], operation.details["service"])
    if found is None:
        raise StepFailedError("ServiceGone", "The service is gone.")
    return found


def type_of(operation: DurableOperation) -> str:
    """Return the type of an operation on a service: `CREATE_SERVICE`."""
    return _TYPES[operation.kind]


def operations_on(tx: Transaction, service: Service) -> list[DurableOperation]:
    """Return the operations on a service, newest first."""
    found = durable_operations.where(tx, "by_subject", service.arn)
    return sorted(found, key=lambda each: (each.accepted, each.id), reverse=True)


def status_of(operation: DurableOperation) -> str:
    """Return AWS's status of an operation."""
    rolls_back = type_of(operation) in _ROLLED_BACK and not operation.details.get("creation")
    match operation.state:
        case "PENDING":
            return "PENDING"
        case "RUNNING":
            return "IN_PROGRESS"
        case "SUCCEEDED":
            return "SUCCEEDED"
        case "UNDOING":
            return "ROLLBACK_IN_PROGRESS" if rolls_back else "IN_PROGRESS"
        case "FAILED":
            return "ROLLBACK_SUCCEEDED" if rolls_back else "FAILED"
        case _:
            return "ROLLBACK_FAILED" if rolls_back else "FAILED"


def describe(operation: DurableOperation) -> dict[str, Any]:
    """Return an operation as lists show it."""
    return {
        "Id": operation.id,
        "Type": type_of(operation),
        "Status": status_of(operation),
        "TargetArn": operation.subject,
        # It is told from when the operation is asked for, and stays the same.
        "StartedAt": operation.accepted,
        "EndedAt": operation.ended,
        "UpdatedAt": operation.ended or max(operation.planned, operation.started or operation.planned),
    }
