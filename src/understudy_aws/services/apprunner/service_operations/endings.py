"""What a service is when an operation on it has ended (docs/decisions/0030)."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.services.apprunner.custom_domain_records import remove_domains
from understudy_aws.services.apprunner.service_events import note_ended, note_status
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_problems import forget_problems
from understudy_aws.services.apprunner.service_records import (
    CREATE_FAILED,
    DELETE_FAILED,
    DELETED,
    PAUSED,
    RUNNING,
    Service,
    service_versions,
    services,
)
from understudy_aws.services.apprunner.service_uses import note_uses
from understudy_aws.store.database import Transaction

_AFTER_SUCCESS = {history.PAUSE: PAUSED, history.DELETE: DELETED}
_AFTER_FAILURE = {history.RESUME: PAUSED, history.DELETE: DELETE_FAILED, history.CREATE: CREATE_FAILED}


def ended(tx: Transaction, operation: DurableOperation, world: World) -> None:
    """Give a service the status that its operation leads to, in the transaction that ends the operation."""
    service = services.get(tx, operation.account, operation.details["region"], operation.details["service"])
    if service is None or service.operation != operation.id:
        # A reset took it away.
        return
    now = world.clock.now()
    former = service.status
    status = _status(service, operation)
    service = replace(service, status=status, operation="", updated=now)
    if service.settings is not None:
        # Those it runs with: the new ones, or after a failure the former.
        service = replace(service, asked=None, asked_scaling="")
    if status == DELETED:
        service = replace(service, deleted=now)
        forget_problems(tx, service)
        remove_domains(tx, service.arn)
        for version in service_versions.where(tx, "by_service", service.arn):
            service_versions.delete(tx, version)
    services.put(tx, service)
    note_uses(tx, service)
    note_ended(tx, service, operation, now, world.gateway.trail)
    note_status(tx, service, former, now, world.gateway.trail)


def _status(service: Service, operation: DurableOperation) -> str:
    type = history.type_of(operation)
    if operation.state == "SUCCEEDED":
        return _AFTER_SUCCESS.get(type, RUNNING)
    if type == history.UPDATE and service.settings is None:
        return CREATE_FAILED
    return _AFTER_FAILURE.get(type, RUNNING)
