"""The steps that launch instances, lead requests to them, and retire the former ones (docs/decisions/0030)."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from understudy_aws.core.arn import parse
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import DurableOperation, NotYetError, StepFailedError
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.auto_scaling_records import revisions
from understudy_aws.services.apprunner.denials import InterfacesStayError
from understudy_aws.services.apprunner.ingress_address import note_ingress
from understudy_aws.services.apprunner.instances import health, launching, retiring, routing
from understudy_aws.services.apprunner.service_events import note_event
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.deployment_plan import DeploymentPlan, plan_of
from understudy_aws.services.apprunner.service_problems import INTERFACES, note_problem, note_solved
from understudy_aws.services.apprunner.service_records import (
    Service,
    ServiceVersion,
    service_versions,
    services,
)
from understudy_aws.services.apprunner.service_urls import host_of
from understudy_aws.store.database import Transaction

_AGAIN_SECONDS = 2.0


class InstanceSteps(msgspec.Struct, frozen=True):
    """Steps about instances. The former ones run and answer until the new ones are healthy."""

    workloads: Workloads

    async def launch(self, operation: DurableOperation, world: World) -> bool:
        """Launch as many instances of the version as the service has at least; answers whether any are needed."""
        with world.database.transaction() as tx:
            service = history.service_of(tx, operation)
            plan = plan_of(service, operation)
            if not plan.launches:
                return False
            version = _version(tx, service, operation)
            number = _least(tx, plan)
        await launching.launch(world, version, number, operation=operation.id)
        return True

    def note_launched(
        self, tx: Transaction, operation: DurableOperation, world: World, launched: bool
    ) -> None:
        if launched:
            service = history.service_of(tx, operation)
            version = _version(tx, service, operation)
            check = version.settings.health_check
            line = f"Performing health check on protocol `{check.protocol}` [Port: '{version.port}']."
            note_event(tx, service, world.clock.now(), line)

    async def withdraw(self, operation: DurableOperation, world: World) -> None:
        """Take back what was launched. The former instances never stopped."""
        try:
            await retiring.withdraw(world, self.workloads, operation.subject, operation=operation.id)
        except InterfacesStayError as error:
            _interfaces_stay(operation, world, error)

    async def wait_until_healthy(self, operation: DurableOperation, world: World) -> str:
        """Wait for the new instances; answers where the node takes requests for them."""
        with world.database.transaction() as tx:
            plan = plan_of(history.service_of(tx, operation), operation)
        if not plan.launches:
            return ""
        await health.wait_until_healthy(world, self.workloads, operation)
        return self.workloads.last.ingress

    def note_healthy(self, tx: Transaction, operation: DurableOperation, world: World, ingress: str) -> None:
        service = history.service_of(tx, operation)
        if plan_of(service, operation).launches:
            note_ingress(tx, ingress)
            line = "Health check is successful. Routing traffic to application."
            note_event(tx, service, world.clock.now(), line)

    def switch(self, tx: Transaction, operation: DurableOperation, world: World, _result: object) -> None:
        """Have the service be what it was asked to be. From here on nothing is undone."""
        service = history.service_of(tx, operation)
        plan = plan_of(service, operation)
        version = service.version
        if plan.launches:
            version = _version(tx, service, operation).id
            routing.switch(tx, service.arn, version, at=world.clock.now())
        services.put(
            tx,
            replace(
                service,
                settings=plan.settings,
                scaling=plan.scaling,
                asked=None,
                asked_scaling="",
                version=version,
                url=host_of(service.id, service.region) if plan.settings.network.public else "",
            ),
        )
        if plan.launches:
            line = "Successfully routed incoming traffic to application."
            note_event(tx, service, world.clock.now(), line)

    async def wait_until_led(self, operation: DurableOperation, world: World) -> None:
        """Wait until the node leads requests to the new instances: nobody finds a service RUNNING that answers 503."""
        await health.wait_until_led(world, self.workloads, operation.subject)

    async def drain(self, operation: DurableOperation, world: World) -> None:
        """Retire the instances that get no more requests. What goes wrong is tried again: there is no way back.

        An interface that the networking role may not delete fails a deletion. Others leave it to be deleted when the
        role may.
        """
        deletion = history.type_of(operation) == history.DELETE
        try:
            await retiring.drain(world, self.workloads, operation.subject)
        except NotYetError:
            raise
        except InterfacesStayError as error:
            if deletion and error.final:
                raise StepFailedError(error.code, error.denial.text) from error
            if deletion:
                raise
            _interfaces_stay(operation, world, error)
        except Exception as error:
            if deletion or history.type_of(operation) == history.PAUSE:
                raise
            raise NotYetError(f"Former instances are not gone: {error}", seconds=_AGAIN_SECONDS) from error
        else:
            with world.database.transaction() as tx:
                note_solved(tx, history.service_of(tx, operation), INTERFACES, world.clock.now())


def _interfaces_stay(operation: DurableOperation, world: World, error: InterfacesStayError) -> None:
    """Tell that interfaces could not be deleted. It is tried again when the operation has ended."""
    with world.database.transaction() as tx:
        service = history.service_of(tx, operation)
        note_problem(tx, service, INTERFACES, error.denial, world.clock.now())


def _version(tx: Transaction, service: Service, operation: DurableOperation) -> ServiceVersion:
    """Return the version that an operation deploys: its own, or of a resumption the one that ran last."""
    id = service.version if history.type_of(operation) == history.RESUME else operation.id
    found = service_versions.get(tx, service.account, service.region, service.arn, id)
    if found is None:
        raise StepFailedError("VersionGone", "The version to deploy is gone.")
    return found


def _least(tx: Transaction, plan: DeploymentPlan) -> int:
    arn = parse(plan.scaling)
    found = revisions.of_arn(tx, arn) if arn is not None else None
    return found.min_size if found is not None else 1
