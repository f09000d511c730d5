"""The network interfaces of instances in a customer's VPC, made as the networking role (apprunner.md 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NoReturn

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import StepFailedError
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.denials import denial_of
from understudy_aws.services.apprunner.network_interfaces import NetworkInterfaces
from understudy_aws.services.apprunner.service_records import ServiceInstance, service_instances
from understudy_aws.services.apprunner.vpc_connectors import VpcConnector, vpc_connectors
from understudy_aws.services.ec2.network_interfaces import Attachment, network_interfaces
from understudy_aws.store.database import Transaction

NO_ADDRESS = "InsufficientFreeAddressesInSubnet"
_NOT_FOUND = "InvalidNetworkInterfaceID.NotFound"
# Who has the interfaces of AWS's services.
_OWNER = "amazon-aws"


def give_interfaces(world: World, connector_arn: str, instances: Iterable[ServiceInstance]) -> None:
    """Give each instance that has none an interface in one of the connector's subnets. May be repeated.

    One that was made before a crash is found by its description. Raises StepFailedError.
    """
    with world.database.transaction() as tx:
        connector = connector_of(tx, connector_arn)
    if connector is None:
        raise StepFailedError("InvalidRequestException", f"The VPC connector {connector_arn} is not active.")
    waiting = [each for each in instances if not each.interface]
    if not waiting:
        return
    with NetworkInterfaces(
        world.gateway, account=connector.account, region=connector.region, source_arn=waiting[0].service
    ) as role:
        made = _made_before(world.gateway, role)
        for instance in waiting:
            id = made.get(_description(instance)) or _create(role, world, connector, instance)
            _attach(world, instance, id)


def delete_interface(world: World, instance: ServiceInstance) -> None:
    """Detach the interface of an instance, and delete it as the networking role. May be repeated. Raises ApiError."""
    if not instance.interface:
        return
    with world.database.transaction() as tx:
        interface = network_interfaces.get(tx, instance.account, instance.region, instance.interface)
        if interface is None:
            return
        if interface.attachment is not None:
            network_interfaces.put(tx, replace(interface, attachment=None))
    with NetworkInterfaces(
        world.gateway, account=instance.account, region=instance.region, source_arn=instance.service
    ) as role:
        try:
            role.delete(instance.interface)
        except ApiError as error:
            if error.code != _NOT_FOUND:
                raise


def delete_unnoted(world: World, instances: Iterable[ServiceInstance]) -> None:
    """Delete interfaces that were made for instances of which a crash kept that from being noted. Raises ApiError."""
    without = [each for each in instances if not each.interface and not each.address]
    if not without:
        return
    first = without[0]
    with NetworkInterfaces(
        world.gateway, account=first.account, region=first.region, source_arn=first.service
    ) as role:
        made = _by_description(role.existing())
        for instance in without:
            if id := made.get(_description(instance)):
                role.delete(id)


def connector_of(tx: Transaction, arn: str) -> VpcConnector | None:
    """Return the active connector of an ARN."""
    return next((each for each in vpc_connectors.where(tx, "by_arn", arn) if each.active), None)


def _made_before(gateway: Gateway, role: NetworkInterfaces) -> Mapping[str, str]:
    """Return the interfaces that App Runner has made and nothing is attached to, by description."""
    try:
        return _by_description(role.existing())
    except ApiError as error:
        _fail(gateway, error)


def _by_description(existing: Answer) -> Mapping[str, str]:
    found = existing["NetworkInterfaces"]
    return {each["Description"]: each["NetworkInterfaceId"] for each in found if not each.get("Attachment")}


def _create(role: NetworkInterfaces, world: World, connector: VpcConnector, instance: ServiceInstance) -> str:
    """Make an interface in the subnet that has the fewest of the service's, or in another one that has room."""
    held = _held(world, instance.service)
    for subnet in sorted(connector.subnets, key=lambda each: held[each]):
        try:
            return role.create(
                subnet=subnet, groups=connector.security_groups, description=_description(instance)
            )
        except ApiError as error:
            if error.code != NO_ADDRESS:
                _fail(world.gateway, error)
    raise StepFailedError(
        NO_ADDRESS,
        f"No address is left in the subnets of the VPC connector {connector.name}: {', '.join(connector.subnets)}.",
    )


def _held(world: World, service: str) -> Counter[str]:
    """Return how many instances of a service are in each subnet."""
    held: Counter[str] = Counter()
    with world.database.transaction() as tx:
        for instance in service_instances.where(tx, "by_service", service):
            interface = network_interfaces.get(tx, instance.account, instance.region, instance.interface)
            if interface is not None:
                held[interface.subnet] += 1
    return held


def _attach(world: World, instance: ServiceInstance, id: str) -> None:
    """Note that an instance has an interface, which is then in use."""
    with world.database.transaction() as tx:
        current = service_instances.get(tx, *service_instances.key(instance))
        interface = network_interfaces.get(tx, instance.account, instance.region, id)
        if current is None or interface is None:
            return
        attachment = Attachment(id=world.ids.ec2("ela-attach"), owner=_OWNER, at=world.clock.now())
        network_interfaces.put(tx, replace(interface, attachment=attachment, outgoing_only=True))
        service_instances.put(tx, replace(current, interface=id))


def _description(instance: ServiceInstance) -> str:
    return f"AWS App Runner instance {instance.id}"


def _fail(gateway: Gateway, error: ApiError) -> NoReturn:
    """Fail the operation with what EC2 or STS says, and which statement, or the lack of one, denied it."""
    denial = denial_of(gateway, error)
    raise StepFailedError(error.code, denial.text, {"cause": denial.cause}) from error
