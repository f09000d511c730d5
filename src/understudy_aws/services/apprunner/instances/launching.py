"""Launching instances of a version: secrets as the instance role, interfaces as the networking role, and records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import StepFailedError
from understudy_aws.services.apprunner.instances.interfaces import connector_of, give_interfaces
from understudy_aws.services.apprunner.instances.own_network import free_address
from understudy_aws.services.apprunner.secret_values import instance_session, secret_values
from understudy_aws.services.apprunner.service_records import (
    STARTING,
    ServiceInstance,
    ServiceVersion,
    VersionSecrets,
    service_instances,
    version_secrets,
)
from understudy_aws.services.ec2.vpc_endpoints.variables import endpoint_variables
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction


async def launch(
    world: World, version: ServiceVersion, number: int, *, operation: str, purpose: str = STARTING
) -> tuple[ServiceInstance, ...]:
    """Launch instances of a version until `operation` has launched so many, and return those. May be repeated.

    They run as soon as the node has their interfaces. Raises StepFailedError: a secret cannot be read, the networking
    role is missing or denied something, no subnet has an address left. Those that got an interface before are there.
    """
    _keep_secrets(world, version)
    with world.database.transaction() as tx:
        launched = instances_of(tx, version.service, operation)
        new = [
            service_instances.put(tx, _new(world, tx, version, operation, purpose))
            for _ in range(number - len(launched))
        ]
    connector = version.settings.network.connector
    if connector:
        try:
            give_interfaces(world, connector, [*launched, *new])
        except StepFailedError:
            _forget(world, new)
            raise
    with world.database.transaction() as tx:
        return tuple(instances_of(tx, version.service, operation))


def instances_of(tx: Transaction, service: str, operation: str) -> list[ServiceInstance]:
    """Return the instances of a service that an operation has launched."""
    found = service_instances.where(tx, "by_service", service)
    return [each for each in found if each.operation == operation]


def _forget(world: World, new: Sequence[ServiceInstance]) -> None:
    """Forget instances for which no interface could be made. Of those no crash can have left one unnoted."""
    with world.database.transaction() as tx:
        for instance in new:
            current = service_instances.get(tx, *service_instances.key(instance))
            if current is not None and not current.interface:
                service_instances.delete(tx, current)


def _endpoints(tx: Transaction, version: ServiceVersion, now: datetime) -> dict[str, str]:
    """Return where services have VPC endpoints with private DNS in the VPC of a version, by variable."""
    connector = connector_of(tx, version.settings.network.connector)
    vpc = vpcs.get(tx, connector.account, connector.region, connector.vpc) if connector is not None else None
    return endpoint_variables(tx, vpc, now) if vpc is not None else {}


def _new(
    world: World, tx: Transaction, version: ServiceVersion, operation: str, purpose: str
) -> ServiceInstance:
    address = ""
    if not version.settings.network.connector:
        try:
            address = free_address(tx)
        except LookupError as error:
            raise StepFailedError("InternalFailure", str(error)) from error
    now = world.clock.now()
    return ServiceInstance(
        account=version.account,
        region=version.region,
        service=version.service,
        id=world.ids.hexadecimal(),
        version=version.id,
        created=now,
        changed=now,
        operation=operation,
        purpose=purpose,
        address=address,
        environment=tuple(_endpoints(tx, version, now).items()),
        credentials=world.ids.bearer_token() if version.settings.instance.role else "",
    )


def _keep_secrets(world: World, version: ServiceVersion) -> None:
    """Fetch the values of a version's secrets when it is launched first, and keep them for its further instances."""
    with world.database.transaction() as tx:
        known = version_secrets.get(tx, version.account, version.region, version.service, version.id)
    if version.secrets and known is None:
        values = _read_secrets(world, version)
        with world.database.transaction() as tx:
            version_secrets.put(
                tx,
                VersionSecrets(
                    account=version.account,
                    region=version.region,
                    service=version.service,
                    version=version.id,
                    values=tuple(values.items()),
                ),
            )


def _read_secrets(world: World, version: ServiceVersion) -> dict[str, str]:
    """Return the secret variables with their values, as the instance role reads them. Raises StepFailedError."""
    role = version.settings.instance.role
    if not role:
        raise StepFailedError(
            "InvalidRequestException", "Secrets are read with the instance role, and the service has none."
        )
    try:
        with instance_session(world.gateway, role_arn=role, service_arn=version.service) as session:
            return secret_values(
                world.gateway, session, dict(version.secrets), account=version.account, region=version.region
            )
    except ApiError as error:
        raise StepFailedError(error.code, error.message) from error
