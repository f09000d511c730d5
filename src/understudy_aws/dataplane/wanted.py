"""What the network of this machine should be, in EC2's terms: the value that a driver makes true.

Everything is a plain value without times, tags or accounts. Blocks and addresses are text, as EC2 shows them. A driver
reads the whole value and knows no history.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

WATCHED_SECONDS = 1
"""The interval of flows that are counted for whoever watches, and for no flow log."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the wanted network."""


class SecurityGroupRule(Value, frozen=True, kw_only=True):
    """What a security group lets through.

    `protocol` is `-1` for all, or a number; `from_port` and `to_port` are the ports of TCP and UDP, the type and the
    code of ICMP, -1 for any. One of the others says with whom: `cidr`, or the `group` whose interfaces are meant, or
    the blocks of a `prefix_list`.
    """

    id: str
    protocol: str
    from_port: int = -1
    to_port: int = -1
    cidr: str = ""
    group: str = ""
    prefix_list: str = ""


class SecurityGroup(Value, frozen=True, kw_only=True):
    """A security group with its rules for packets to its interfaces and from them."""

    id: str
    ingress: tuple[SecurityGroupRule, ...] = ()
    egress: tuple[SecurityGroupRule, ...] = ()


class NetworkAclEntry(Value, frozen=True, kw_only=True):
    """A numbered entry of a network ACL, which allows or drops; ports are as in `SecurityGroupRule`."""

    number: int
    protocol: str
    cidr: str
    allow: bool
    from_port: int = -1
    to_port: int = -1


class NetworkAcl(Value, frozen=True, kw_only=True):
    """A network ACL: its entries for packets into its subnets and out of them, in order of their numbers."""

    id: str
    ingress: tuple[NetworkAclEntry, ...] = ()
    egress: tuple[NetworkAclEntry, ...] = ()


class Route(Value, frozen=True, kw_only=True):
    """A route: packets to a block go to a target, an id such as `nat-…`; without one they are lost."""

    destination: str
    target: str = ""


class RouteTable(Value, frozen=True, kw_only=True):
    """A route table; that a VPC reaches its own blocks need not be said."""

    id: str
    routes: tuple[Route, ...] = ()


class Subnet(Value, frozen=True, kw_only=True):
    """A subnet: its blocks, and what decides about packets from it and over its border.

    With `dns64` who asks the resolver from it is told IPv6 addresses that stand for IPv4 ones.
    """

    id: str
    cidrs: tuple[str, ...]
    route_table: str
    network_acl: str
    dns64: bool = False


class IdleTimeouts(Value, frozen=True, kw_only=True):
    """After how many seconds idle connections are forgotten: of TCP, of UDP, and of UDP with more than one answer.

    0 is AWS's own.
    """

    tcp_established: int = 0
    udp: int = 0
    udp_stream: int = 0


class Interface(Value, frozen=True, kw_only=True):
    """A network interface that something is attached to.

    `addresses` are its private addresses without a length, IPv4 and IPv6; `public` are pairs of a private address and
    its public one. `flow_intervals` are the aggregation intervals, in seconds, of the flow logs that have its packets,
    and `flow_place` goes with what is recorded for them.
    `filtered` is false for interfaces that AWS's own devices have: no group applies to them. One that
    never `accepts_connections` lets in answers alone, whatever its groups say. `local` are further addresses, which
    only who is attached to it can reach: what is served there is for nobody else.
    """

    id: str
    subnet: str
    mac: str
    addresses: tuple[str, ...]
    groups: tuple[str, ...] = ()
    source_dest_check: bool = True
    filtered: bool = True
    accepts_connections: bool = True
    local: tuple[str, ...] = ()
    public: tuple[tuple[str, str], ...] = ()
    flow_intervals: tuple[int, ...] = ()
    flow_place: str = ""
    idle_timeouts: IdleTimeouts = IdleTimeouts()


class NatGateway(Value, frozen=True, kw_only=True):
    """A NAT gateway, which has an interface of its own in a subnet."""

    id: str
    interface: str


class Hosts(Value, frozen=True, kw_only=True):
    """Addresses of an IPv4 block that interfaces have: bit n of `bits`, in hexadecimal digits, is its nth address."""

    block: str
    bits: str


class Endpoint(Value, frozen=True, kw_only=True):
    """An interface endpoint: at its interfaces, which are among the VPC's, AWS's API for a service is reached.

    `names` are those that private DNS resolves to them.
    """

    id: str
    service: str
    interfaces: tuple[str, ...]
    names: tuple[str, ...] = ()


class Dns(Value, frozen=True, kw_only=True):
    """What the resolver of a VPC answers by itself; without `support` there is no resolver.

    `hosts` has the private IPv4 addresses that are named `ip-10-0-1-5.<domain>`, by domain, and `names` the addresses
    of all other names; `*.` begins one that stands for all below it. `reverse` has the names of addresses other than
    hosts. Names are in lower case, without the last dot. Nobody else is asked about names in `domains`, and about
    other names the resolver of this machine, if the VPC `forwards`.
    """

    support: bool = True
    forwards: bool = False
    domains: tuple[str, ...] = ()
    hosts: Mapping[str, tuple[Hosts, ...]] = {}
    names: Mapping[str, tuple[str, ...]] = {}
    reverse: Mapping[str, str] = {}


class Vpc(Value, frozen=True, kw_only=True):
    """A VPC with everything in it."""

    id: str
    cidrs: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    network_acls: tuple[NetworkAcl, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    internet_gateway: str = ""
    egress_only_gateway: str = ""
    nat_gateways: tuple[NatGateway, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    dns: Dns = Dns()


class Peering(Value, frozen=True, kw_only=True):
    """An active peering connection between two VPCs."""

    id: str
    requester: str
    accepter: str


class Network(Value, frozen=True, kw_only=True):
    """Everything that should be on this machine.

    `prefix_lists` holds the blocks of each. `names` are those that the resolver of every VPC knows, with their
    addresses, as in `Dns`. For whoever computes what comes of packets, `world` says whether they get out to the real
    internet, and `machine` which blocks are this machine's own, where none get; a node finds out by itself.
    Flows are told `flow_seconds` after the first packet of a window, or 0: when the window's
    interval ends.
    """

    vpcs: tuple[Vpc, ...] = ()
    peerings: tuple[Peering, ...] = ()
    prefix_lists: Mapping[str, tuple[str, ...]] = {}
    names: Mapping[str, tuple[str, ...]] = {}
    world: bool = False
    machine: tuple[str, ...] = ()
    flow_seconds: int = 0


def all_counted(network: Network) -> Network:
    """Return a network in which the packets of all interfaces are counted by flow, not of the logged ones alone."""
    return replace(network, vpcs=tuple(_all_counted(vpc) for vpc in network.vpcs))


def _all_counted(vpc: Vpc) -> Vpc:
    return replace(
        vpc,
        interfaces=tuple(
            each if each.flow_intervals else replace(each, flow_intervals=(WATCHED_SECONDS,))
            for each in vpc.interfaces
        ),
    )
