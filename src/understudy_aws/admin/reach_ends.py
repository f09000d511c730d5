"""What `reach` is asked from and to: interfaces, groups, subnets, addresses and VPC connectors, of all accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network

import msgspec

from understudy_aws.admin.api_ends import api_end, is_api
from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.services.apprunner.vpc_connectors import VpcConnector, vpc_connectors
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.store.database import Transaction

# Of the same private address in so many VPCs at most.
_MOST_MEANT = 5


class Source(msgspec.Struct, frozen=True):
    """Where a connection begins. A `hypothetical` interface is that of an instance that does not run yet.

    `group` is the security group that was asked for, and `block` that of the subnet where the address is not known.
    """

    interface: NetworkInterface
    group: str = ""
    block: str = ""

    @property
    def hypothetical(self) -> bool:
        """Whether there is no such interface yet."""
        return bool(self.block)


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
    return [Source(_interface(tx, text))]


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
    try:
        address = str(ip_address(text))
    except ValueError:
        raise InvalidRequestError(
            f"{text!r} is neither an interface (eni-…) nor a group (sg-…), a subnet (subnet-…), an address or an API "
            "(aws:ec2)."
        ) from None
    for elastic in elastic_ips.where(tx, "ip", address):
        if elastic.interface:
            held_by = network_interfaces.get(tx, elastic.account, elastic.region, elastic.interface)
            return [Destination(address, held_by)]
    having = _having(tx, address)
    near = [each for each in having if each.vpc == source.interface.vpc]
    return [Destination(address, next(iter(near or having), None))]


def is_attached(tx: Transaction, interface: NetworkInterface) -> bool:
    """Whether something is at an interface: a program, or what a service has made it for."""
    program = attached_programs.get(tx, interface.account, interface.region, interface.id)
    return interface.kind != "interface" or (program is not None and not program.ended)


def _of_connector(tx: Transaction, connector: VpcConnector) -> Iterator[Source]:
    """Yield the interfaces that instances of a service with this connector would have, one for each subnet."""
    for id in connector.subnets:
        subnet = subnets.get(tx, connector.account, connector.region, id)
        if subnet is not None and subnet.cidr:
            interface = NetworkInterface(
                account=subnet.account, region=subnet.region, id=f"eni-in-{id}", vpc=subnet.vpc, subnet=id,
                zone=subnet.zone, zone_id=subnet.zone_id, description="", requester="", mac="",
                addresses=(_last_address(subnet),),
                groups=tuple((group, "") for group in connector.security_groups),
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
    addresses = (*interface.addresses, *interface.ipv6_addresses)
    own = {":" in each for each in (*source.interface.addresses, *source.interface.ipv6_addresses)}
    return next((each for each in addresses if (":" in each) in own), addresses[0])


def _interface(tx: Transaction, text: str) -> NetworkInterface:
    """Return the interface of an id or a private address. Raises NotFoundError, InvalidRequestError."""
    if text.startswith("eni-"):
        found = [each for each in network_interfaces.scan(tx) if each.id == text]
    else:
        try:
            found = _having(tx, str(ip_address(text)))
        except ValueError:
            raise InvalidRequestError(
                f"{text!r} is no interface (eni-…), group (sg-…), subnet (subnet-…), address or ARN of an active VPC "
                "connector."
            ) from None
    if not found:
        raise NotFoundError(f"There is no interface {text} here, in any account or Region.")
    if len(found) > 1:
        meant = ", ".join(f"{each.id} in {each.vpc}" for each in found[:_MOST_MEANT])
        raise InvalidRequestError(f"Several interfaces have {text}: {meant}. Name one by its id.")
    return found[0]


def _having(tx: Transaction, address: str) -> list[NetworkInterface]:
    return network_interfaces.where(tx, "ipv6" if ":" in address else "address", address)
