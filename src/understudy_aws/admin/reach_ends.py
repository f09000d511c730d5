"""What `reach` is asked from and to: interfaces, groups, subnets, addresses, connectors, services, of all accounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network

import msgspec

from understudy_aws.admin.api_ends import api_end, is_api
from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.service_logs import the_one
from understudy_aws.dataplane.reach import INTERNET
from understudy_aws.services.apprunner.instances import own_network
from understudy_aws.services.apprunner.service_records import Service, ServiceInstance, service_instances
from understudy_aws.services.apprunner.vpc_connectors import VpcConnector, vpc_connectors
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips
from understudy_aws.services.ec2.network_insights.pieces import is_public
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.store.database import Transaction

_GLOBAL6 = ip_network("2000::/3")
_HOST_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.[A-Za-z][\w-]+\.?")
_NAME = "Where a name leads depends on who looks it up, and when: name an address."
# Of the same private address in so many VPCs at most.
_MOST_MEANT = 5


class Source(msgspec.Struct, frozen=True):
    """Where a connection begins. A `hypothetical` interface is that of an instance that does not run yet.

    `group` is the security group that was asked for, and `block` that of the subnet where the address is not known.
    `own` is an instance in App Runner's own network, whose interface has no record.
    """

    interface: NetworkInterface
    group: str = ""
    block: str = ""
    own: ServiceInstance | None = None

    @property
    def hypothetical(self) -> bool:
        """Whether there is no such interface yet."""
        return bool(self.block)

    @property
    def outside(self) -> bool:
        """Whether it is an address on the internet, and no interface."""
        return self.interface.id == INTERNET


class Destination(msgspec.Struct, frozen=True):
    """An address that a connection goes to, and the interface that has it if there is one.

    `group` is the security group that was asked for.
    """

    address: str
    interface: NetworkInterface | None = None
    group: str = ""


def sources(tx: Transaction, text: str) -> list[Source]:
    """Return where connections begin. Raises NotFoundError, InvalidRequestError."""
    found = vpc_connectors.where(tx, "by_arn", text)
    if found and found[0].active:
        return list(_of_connector(tx, found[0]))
    if text.startswith("sg-"):
        return [Source(each, group=text) for each in _members(tx, text)]
    if text.startswith("subnet-"):
        return [Source(each) for each in _in_subnet(tx, text)]
    if text.startswith("eni-"):
        return [Source(_interface(tx, text))]
    address = _address(text)
    return list(_of_service(tx, _service(tx, text))) if address is None else [_at(tx, address)]


def destinations(tx: Transaction, text: str, source: Source, now: datetime) -> list[Destination]:
    """Return what a connection from a source goes to. Raises NotFoundError, InvalidRequestError."""
    if is_api(text):
        return [Destination(*api_end(tx, text, source.interface, now))]
    if text.startswith("sg-"):
        return [
            Destination(_address_for(source, each), each, text)
            for each in _members(tx, text)
            if each.id != source.interface.id
        ]
    if text.startswith("subnet-"):
        held = _in_subnet(tx, text)
        return [
            Destination(_address_for(source, each), each) for each in held if each.id != source.interface.id
        ]
    if text.startswith("eni-"):
        interface = _interface(tx, text)
        return [Destination(_address_for(source, interface), interface)]
    if ":vpcconnector/" in text:
        raise InvalidRequestError(
            f"{text} is a VPC connector, and nothing can be reached through one: its interfaces begin connections and "
            "accept none. Requests come to a service by its URL. A connector can be FROM, not TO."
        )
    address = _address(text)
    if address is None:
        raise InvalidRequestError(
            f"{text!r} is neither an interface (eni-…) nor a group (sg-…), a subnet (subnet-…), an address or an API "
            f"(aws:ec2).{_why_not(tx, text)}"
        )
    held_by = _with_public(tx, address)
    if held_by is not None:
        return [Destination(address, held_by)]
    having = _having(tx, address)
    if source.outside and not having:
        raise InvalidRequestError(f"{address} is no interface's here: both are on the internet.")
    near = [each for each in having if each.vpc == source.interface.vpc]
    return [Destination(address, next(iter(near or having), None))]


def is_attached(tx: Transaction, interface: NetworkInterface) -> bool:
    """Whether something is at an interface: a program, or what a service has made it for."""
    program = attached_programs.get(tx, interface.account, interface.region, interface.id)
    return interface.kind != "interface" or (program is not None and not program.ended)


def _at(tx: Transaction, address: str) -> Source:
    """Return the interface that has an address, public or private, or else the internet."""
    held_by = _with_public(tx, address)
    if held_by is None and not _having(tx, address) and _is_on_the_internet(address):
        return Source(_on_the_internet(address))
    return Source(held_by or _interface(tx, address))


def _of_service(tx: Transaction, service: Service) -> Iterator[Source]:
    """Yield where a service's connections begin: at its instances, or where its next one would be."""
    instances = service_instances.where(tx, "by_service", service.arn)
    for instance in instances:
        interface = network_interfaces.get(tx, instance.account, instance.region, instance.interface)
        if interface is not None:
            # Its instances come and go, and its group stays.
            yield Source(interface, group=interface.groups[0][0])
        elif instance.address:
            yield Source(_in_own_network(instance), own=instance)
    if any(each.interface or each.address for each in instances):
        return
    settings = service.settings or service.asked
    if settings is not None and settings.network.connector:
        for connector in vpc_connectors.where(tx, "by_arn", settings.network.connector):
            yield from _of_connector(tx, connector)
        return
    instance = ServiceInstance(
        account=service.account, region=service.region, service=service.arn, id="0" * 32, version="",
        created=service.created, address=own_network.free_address(tx),
    )  # fmt: skip
    yield Source(_in_own_network(instance), block=own_network.PRIVATE, own=instance)


def _in_own_network(instance: ServiceInstance) -> NetworkInterface:
    return NetworkInterface(
        account=instance.account, region=instance.region, id=own_network.interface_of(instance), vpc=own_network.VPC,
        subnet=own_network.SUBNET, zone="", zone_id="", description="", requester="", mac="",
        addresses=(instance.address,), groups=(), outgoing_only=True,
    )  # fmt: skip


def _on_the_internet(address: str) -> NetworkInterface:
    addresses = ((), (address,)) if ":" in address else ((address,), ())
    return NetworkInterface(
        account="", region="", id=INTERNET, vpc="", subnet="", zone="", zone_id="", description="", requester="",
        mac="", groups=(), addresses=addresses[0], ipv6_addresses=addresses[1],
    )  # fmt: skip


def _is_on_the_internet(address: str) -> bool:
    return ip_address(address) in _GLOBAL6 if ":" in address else is_public(address)


def _of_connector(tx: Transaction, connector: VpcConnector) -> Iterator[Source]:
    """Yield the interfaces that instances of a service with this connector would have, one for each subnet."""
    for id in connector.subnets:
        subnet = subnets.get(tx, connector.account, connector.region, id)
        if subnet is not None and subnet.cidr:
            interface = NetworkInterface(
                account=subnet.account, region=subnet.region, id=f"eni-in-{id}", vpc=subnet.vpc, subnet=id,
                zone=subnet.zone, zone_id=subnet.zone_id, description="", requester="", mac="",
                addresses=(_last_address(subnet),),
                groups=tuple((group, "") for group in connector.security_groups), outgoing_only=True,
            )  # fmt: skip
            yield Source(interface, group=connector.security_groups[0], block=subnet.cidr)


def _last_address(subnet: Subnet) -> str:
    return str(ip_network(subnet.cidr)[-2])


def _members(tx: Transaction, group: str) -> list[NetworkInterface]:
    return _some(network_interfaces.where(tx, "group", group), group)


def _in_subnet(tx: Transaction, subnet: str) -> list[NetworkInterface]:
    """Return the interfaces of a subnet that groups apply to; those of gateways take no connections."""
    held = network_interfaces.where(tx, "subnet", subnet)
    return _some((each for each in held if each.groups), subnet)


def _some(found: Iterable[NetworkInterface], of: str) -> list[NetworkInterface]:
    interfaces = list(found)
    if not interfaces:
        raise NotFoundError(
            f"There is no interface in {of}, so nothing begins or ends there. `understudy attach` makes one as long as "
            "a program runs, and `aws ec2 create-network-interface` one that stays."
        )
    return interfaces


def _address_for(source: Source, interface: NetworkInterface) -> str:
    """Return the address of an interface that a source can connect to: IPv4 unless one of them has IPv6 alone."""
    if source.outside and source.interface.addresses:
        return next((each.ip for each in interface.public_addresses), interface.addresses[0])
    addresses = (*interface.addresses, *interface.ipv6_addresses)
    own = {":" in each for each in (*source.interface.addresses, *source.interface.ipv6_addresses)}
    return next((each for each in addresses if (":" in each) in own), addresses[0])


def _interface(tx: Transaction, text: str) -> NetworkInterface:
    """Return the interface of an id or a private address. Raises NotFoundError, InvalidRequestError."""
    if text.startswith("eni-"):
        found = [each for each in network_interfaces.scan(tx) if each.id == text]
    else:
        found = _having(tx, str(ip_address(text)))
    if not found:
        raise NotFoundError(f"There is no interface {text} here, in any account or Region.")
    if len(found) > 1:
        meant = ", ".join(f"{each.id} in {each.vpc}" for each in found[:_MOST_MEANT])
        raise InvalidRequestError(f"Several interfaces have {text}: {meant}. Name one by its id.")
    return found[0]


def _service(tx: Transaction, text: str) -> Service:
    """Return the service of a name, an ARN, an id or a URL. Raises InvalidRequestError."""
    try:
        service = the_one(tx, text)
    except NotFoundError:
        raise InvalidRequestError(
            f"{text!r} is no interface (eni-…), group (sg-…), subnet (subnet-…), address, service or ARN of an active "
            "VPC connector."
        ) from None
    if service.deleted is not None:
        raise NotFoundError(f"The service {service.name} is deleted.")
    return service


def _why_not(tx: Transaction, text: str) -> str:
    """Return what to name instead of a service or a name, as a sentence; empty for anything else."""
    try:
        service = the_one(tx, text)
    except (NotFoundError, InvalidRequestError):
        return f" {_NAME}" if _HOST_NAME.fullmatch(text) else ""
    return f" {service.name} is a service: requests come to it by its URL, and its interfaces accept no connections."


def _address(text: str) -> str | None:
    """Return an address in its one form; None for what is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _with_public(tx: Transaction, address: str) -> NetworkInterface | None:
    """Return the interface that the internet reaches by an IPv4 address, an Elastic IP address or another one."""
    for elastic in elastic_ips.where(tx, "ip", address):
        if elastic.interface:
            return network_interfaces.get(tx, elastic.account, elastic.region, elastic.interface)
    having = (
        each
        for each in network_interfaces.scan(tx)
        if any(public.ip == address for public in each.public_addresses)
    )
    return next(having, None)


def _having(tx: Transaction, address: str) -> list[NetworkInterface]:
    return network_interfaces.where(tx, "ipv6" if ":" in address else "address", address)
