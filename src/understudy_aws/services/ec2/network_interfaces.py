"""Network interfaces: the record and its deletion.

`network_interface_changes` makes and changes them, `network_interface_descriptions` describes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import ipv6_number_of, known
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips, free_again
from understudy_aws.services.ec2.flow_logs.records import remove_flow_logs
from understudy_aws.services.ec2.network_interface_permission_records import interface_permissions
from understudy_aws.services.ec2.route_tables import BLACKHOLE, set_state
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized


class PublicAddress(Record, frozen=True, kw_only=True):
    """An Elastic IP address that one private address of an interface has to the outside.

    `dns_name` is empty when the VPC gives no host names.
    """

    private_ip: str
    ip: str
    allocation: str
    association: str
    dns_name: str = ""


ATTACHING, ATTACHED, DETACHING = "attaching", "attached", "detaching"


class Attachment(Record, frozen=True, kw_only=True):
    """What an interface is attached to; `owner` is the account that has it, or `amazon-aws`.

    `status` is `attached`; `attaching` as long as this machine can't make the network of the interface, and `detaching`
    until it has taken that down.
    """

    id: str
    owner: str
    at: datetime
    device_index: int = 1
    delete_on_termination: bool = False
    status: str = ATTACHED


class ConnectionTracking(Record, frozen=True, kw_only=True):
    """After how many seconds idle connections of an interface are forgotten; 0 where nobody has set it."""

    tcp_established: int = 0
    udp_stream: int = 0
    udp: int = 0


class NetworkInterface(Record, frozen=True, kw_only=True):
    """An interface in a subnet.

    `addresses` are its private IPv4 addresses, the primary one first; one in a subnet with IPv6 alone has none.
    `ipv6_addresses` are its IPv6 addresses in canonical form, the first of which is the primary one if `primary_ipv6`.
    `ipv4_prefixes` and `ipv6_prefixes` are the blocks delegated to it. `groups` are pairs of id and name; a group's
    name never changes. `private_dns_name` is empty when the VPC gives no host names. `kind` is its InterfaceType; one
    that a service has made for a resource of its own is `requester_managed`, and only the service can change it. Nobody
    connects to one that is `outgoing_only`, as those of App Runner's instances are, whatever its groups say.
    """

    account: str
    region: str
    id: str
    vpc: str
    subnet: str
    zone: str
    zone_id: str
    description: str
    requester: str
    mac: str
    addresses: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    private_dns_name: str = ""
    source_dest_check: bool = True
    tags: dict[str, str] = {}
    kind: str = "interface"
    requester_managed: bool = False
    outgoing_only: bool = False
    attachment: Attachment | None = None
    public_addresses: tuple[PublicAddress, ...] = ()
    ipv6_addresses: tuple[str, ...] = ()
    ipv4_prefixes: tuple[str, ...] = ()
    ipv6_prefixes: tuple[str, ...] = ()
    primary_ipv6: bool = False
    connection_tracking: ConnectionTracking | None = None


# The bitmap of the addresses that the interfaces of a subnet hold.
HELD = "held"
# How long the prefixes of blocks are that an interface can be given (EC2 user guide, "Prefix delegation").
IPV4_PREFIX_LENGTH, IPV6_PREFIX_LENGTH = 28, 80


def bit_of(number: int) -> int:
    """Return the place of an IPv4 address in the bitmap of its subnet.

    No subnet is larger than a /16, so that the last sixteen bits of an address are its own in its subnet.
    """
    return number & 0xFFFF


def _held(interface: NetworkInterface) -> tuple[str, int]:
    """Return the subnet of an interface, and the bits of the addresses that it holds there."""
    bits = 0
    for ip in interface.addresses:
        _, _, third, fourth = ip.split(".")
        bits |= 1 << (int(third) << 8 | int(fourth))
    for prefix in interface.ipv4_prefixes:
        block = known(prefix)
        bits |= (1 << block.size) - 1 << bit_of(block.network)
    return interface.subnet, bits


def _ipv6_held(interface: NetworkInterface) -> Sequence[str]:
    """Return the IPv6 addresses of an interface, and the blocks delegated to it."""
    return interface.ipv6_addresses + interface.ipv6_prefixes


def _ipv6_parts(interface: NetworkInterface) -> Sequence[int]:
    """Return in which parts of its subnet, each as large as a delegated block, an interface holds something."""
    return [part_of(ipv6_number_of(text.partition("/")[0])) for text in _ipv6_held(interface)]


def part_of(number: int) -> int:
    """Return the part, as large as a delegated block, that an IPv6 address is in."""
    return number >> (128 - IPV6_PREFIX_LENGTH)


network_interfaces = Table(
    "ec2/network-interface",
    NetworkInterface,
    key=lambda interface: (interface.account, interface.region, interface.id),
    indexes={
        "subnet": lambda interface: (interface.subnet,),
        # Interfaces of several VPCs may have the same one.
        "address": lambda interface: interface.addresses,
        "ipv6": _ipv6_held,
        "ipv6_part": lambda interface: frozenset(_ipv6_parts(interface)),
        # The interfaces of a subnet that hold something of its IPv6 block.
        "ipv6_subnet": lambda interface: (interface.subnet,) if _ipv6_held(interface) else (),
        "attachment": lambda interface: () if interface.attachment is None else (interface.attachment.id,),
        "group": lambda interface: [group for group, _ in interface.groups],
    },
    bitmaps={HELD: _held},
)

INTERFACE_REFERENCES: References = (
    Reference("is in", lambda interface: (interface.subnet,), index="subnet", holds=True),
    Reference("is in", lambda interface: (interface.vpc,), implied=True),
    Reference(
        "is a member of",
        lambda interface: [group for group, _ in interface.groups],
        index="group",
        holds=True,
        ended_by="ModifyNetworkInterfaceAttribute",
    ),
    # The address says so itself.
    Reference(
        "has", lambda interface: [each.allocation for each in interface.public_addresses], implied=True
    ),
)


def an_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface that the request names."""
    return [target_of_interface(call, params["network_interface_id"])]


@operation("ec2:DeleteNetworkInterface", on=an_interface)
def delete_network_interface(call: Call, *, network_interface_id: str) -> Answer | None:
    """Delete an interface that is attached to nothing, which frees its addresses. Raises InvalidParameterValue."""
    interface = find_interface(call, network_interface_id)
    if interface.attachment is not None:
        raise errors.interface_in_use(interface.id)
    remove(call.tx, interface)
    return None


def remove(tx: Transaction, interface: NetworkInterface) -> None:
    """Delete an interface, its flow logs and the permissions for it.

    Its Elastic IP addresses are free again, and routes to it are black holes.
    """
    for each in interface.public_addresses:
        held = elastic_ips.get(tx, interface.account, interface.region, each.allocation)
        if held is not None:
            elastic_ips.put(tx, free_again(held))
    for permission in interface_permissions.where(tx, "interface", interface.id):
        interface_permissions.delete(tx, permission)
    set_state(tx, interface.id, BLACKHOLE)
    remove_flow_logs(tx, interface.id)
    network_interfaces.delete(tx, interface)


def find_interface(call: Call, id: str) -> NetworkInterface:
    """Return the interface of this id.

    Raises InvalidNetworkInterfaceId.Malformed, InvalidNetworkInterfaceID.NotFound.
    """
    found = network_interfaces.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("eni", id)
    return found


def changeable_interface(call: Call, id: str) -> NetworkInterface:
    """Return an interface that its owner may change. Raises AuthFailure for one that a service manages."""
    interface = find_interface(call, id)
    if interface.requester_managed:
        raise errors.not_yours()
    return interface


@memoized
def interface_arn(interface: NetworkInterface) -> str:
    return ec2(interface.region, interface.account, f"network-interface/{interface.id}")


@memoized
def interface_target(interface: NetworkInterface) -> Target:
    """Return an interface's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(interface.tags)
    keys["ec2:availabilityzone"] = interface.zone
    keys["ec2:networkinterfaceid"] = interface.id
    keys["ec2:subnet"] = ec2(interface.region, interface.account, f"subnet/{interface.subnet}")
    keys["ec2:vpc"] = ec2(interface.region, interface.account, f"vpc/{interface.vpc}")
    return Target(interface_arn(interface), keys)


def target_of_interface(call: Call, id: str) -> Target:
    """Return the target of an interface, which need not exist."""
    found = network_interfaces.get(call.tx, call.account, call.region, id)
    return interface_target(found) if found is not None else unknown(call, "network-interface", id)
