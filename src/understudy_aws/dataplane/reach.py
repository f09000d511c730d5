"""Whether a connection passes from an interface to an address, and if not, what refuses it and what would change that.

Computed from the wanted network alone, hop by hop, in the order in which packets meet routes, network ACLs and security
groups; a first packet of TCP or UDP, and its answer. `tests/node/test_reach.py` holds it against real packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.changes import AddEntry, AddRoute, AddRule, Change
from understudy_aws.dataplane.packets import (
    ANY,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    WITH_PORTS,
    Packet,
    canonical,
    covers,
    host_block,
    touches,
    within,
)
from understudy_aws.dataplane.wanted import (
    Interface,
    Network,
    NetworkAclEntry,
    Route,
    RouteTable,
    SecurityGroupRule,
    Subnet,
    Vpc,
)

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_NEW_RULE = "sgr-new"


class Question(msgspec.Struct, frozen=True):
    """A connection: from an interface to an address, by a protocol's number and, where it has them, a port."""

    interface: str
    address: str
    protocol: str = TCP
    port: int = 443


class Hop(msgspec.Struct, frozen=True):
    """One thing that a packet meets: its id, whether it lets the packet on, and why."""

    at: str
    passes: bool
    why: str


class Outcome(msgspec.Struct, frozen=True):
    """What comes of a connection: what its packets meet, up to what refuses them, and a change that gets past that.

    There is no `change` where none of these kinds helps; `advice` then says what would.
    """

    passes: bool
    hops: tuple[Hop, ...]
    change: Change | None = None
    advice: str = ""


class _Refusal(Exception):
    def __init__(self, hop: Hop, change: Change | None = None, advice: str = "") -> None:
        super().__init__(hop.why)
        self.hop = hop
        self.change = change
        self.advice = advice


def reach(network: Network, asked: Question) -> Outcome:
    """Return what comes of a connection. Raises LookupError for an interface that is not in the network."""
    walk = _Walk(network)
    vpc, interface = walk.find(asked.interface)
    try:
        walk.send(vpc, interface, _first_packet(interface, asked))
    except _Refusal as refusal:
        return Outcome(
            passes=False, hops=(*walk.hops, refusal.hop), change=refusal.change, advice=refusal.advice
        )
    return Outcome(passes=True, hops=tuple(walk.hops))


def _first_packet(interface: Interface, asked: Question) -> Packet:
    version = ip_address(asked.address).version
    source = next((each for each in interface.addresses if ip_address(each).version == version), "")
    if not source:
        raise _Refusal(
            Hop(interface.id, passes=False, why=f"it has no IPv{version} address"),
            advice=f"Give {interface.id} an IPv{version} address.",
        )
    port = asked.port if asked.protocol in WITH_PORTS else ANY
    return Packet(
        source=source,
        destination=str(ip_address(asked.address)),
        protocol=asked.protocol,
        first=port,
        last=port,
    )


class _Walk:
    """Follows packets through a network, and notes what they meet."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.hops: list[Hop] = []
        self._home = {interface.id: (vpc, interface) for vpc in network.vpcs for interface in vpc.interfaces}
        self._vpcs = {vpc.id: vpc for vpc in network.vpcs}

    def find(self, interface: str) -> tuple[Vpc, Interface]:
        """Return an interface and its VPC. Raises LookupError."""
        return self._home[interface]

    def send(self, vpc: Vpc, interface: Interface, packet: Packet) -> None:
        """Follow a packet from its interface to where it goes, and its answer back. Raises _Refusal."""
        self._groups(vpc, interface, packet, egress=True)
        self._route(vpc, interface, packet, self._subnet(vpc, interface))

    def _route(self, vpc: Vpc, interface: Interface, packet: Packet, subnet: Subnet) -> None:
        table = next(each for each in vpc.route_tables if each.id == subnet.route_table)
        target = self._target(vpc, table, packet)
        if target == "local":
            self._local(vpc, interface, subnet, packet)
        elif target.startswith("nat-"):
            self._translated(vpc, interface, subnet, target, packet)
        elif target.startswith("pcx-"):
            self._peered(vpc, subnet, target, packet)
        elif target.startswith(("igw-", "eigw-")):
            self._outside(vpc, interface, subnet, target, packet)
        else:
            raise _Refusal(
                Hop(target, passes=False, why="packets through it can't be followed"),
                advice=f"{target} is nothing whose packets are known here.",
            )

    def _target(self, vpc: Vpc, table: RouteTable, packet: Packet) -> str:
        """Return what the table of routes leads a packet to; the longest prefix wins."""
        address = ip_address(packet.destination)
        found = [(ip_network(cidr).prefixlen, "local") for cidr in vpc.cidrs if within(address, cidr)]
        found += [
            # Of the same length, a route wins over the local one only when it is another block.
            (ip_network(route.destination).prefixlen, route.target)
            for route in table.routes
            if within(address, route.destination)
        ]
        what = "the answer's " if packet.answer else ""
        if not found:
            target = self._way_to(vpc, table, packet)
            raise _Refusal(
                Hop(table.id, passes=False, why=f"it has no route for {what}{packet.destination}"),
                AddRoute(table.id, Route(destination=host_block(packet.destination), target=target))
                if target
                else None,
                "" if target else _no_way(vpc, packet),
            )
        length, target = max(found, key=lambda each: each[0])
        if not target or (target != "local" and not self._is_there(vpc, target)):
            raise _Refusal(
                Hop(table.id, passes=False, why=f"its route for {what}{packet.destination} is a black hole"),
                advice=f"Give the route of {table.id} for {packet.destination} a target that is there.",
            )
        self.hops.append(
            Hop(table.id, passes=True, why=f"{what}{packet.destination} by /{length} through {target}")
        )
        return target

    def _is_there(self, vpc: Vpc, target: str) -> bool:
        return (
            target in {vpc.internet_gateway, vpc.egress_only_gateway}
            or any(gateway.id == target for gateway in vpc.nat_gateways)
            or any(peering.id == target for peering in self._network.peerings)
            or target in self._home
        )

    def _way_to(self, vpc: Vpc, table: RouteTable, packet: Packet) -> str:
        """Return a target that would lead a packet nearer to where it goes; empty when there is none."""
        address = ip_address(packet.destination)
        for peering in self._network.peerings:
            if vpc.id in {peering.requester, peering.accepter}:
                other = self._vpcs.get(peering.accepter if vpc.id == peering.requester else peering.requester)
                if other is not None and any(within(address, cidr) for cidr in other.cidrs):
                    return peering.id
        home = next((each for each in vpc.interfaces if packet.source in each.addresses), None)
        public = home is not None and packet.source in dict(home.public)
        if vpc.internet_gateway and (public or packet.version == 6):
            return vpc.internet_gateway
        for gateway in vpc.nat_gateways:
            subnet = self._subnet(vpc, self._home[gateway.interface][1])
            if packet.version == 4 and subnet.route_table != table.id:
                return gateway.id
        return ""

    # Where a packet may go.

    def _local(self, vpc: Vpc, interface: Interface, subnet: Subnet, packet: Packet) -> None:
        other = next((each for each in vpc.interfaces if packet.destination in each.addresses), None)
        if other is None:
            raise _Refusal(
                Hop(vpc.id, passes=False, why=f"no interface that runs has {packet.destination}"),
                advice=f"Nothing is attached to an interface with {packet.destination}.",
            )
        self._over_border(vpc, subnet, self._subnet(vpc, other), packet)
        if packet.answer:
            return
        self._arrive(vpc, other, packet)
        if other.id != interface.id:
            self._answer(vpc, other, packet)

    def _arrive(self, vpc: Vpc, interface: Interface, packet: Packet) -> None:
        if not interface.filtered:
            raise _Refusal(
                Hop(
                    interface.id,
                    passes=False,
                    why="it belongs to a gateway, which takes no connections itself",
                ),
                advice="Connect to something else.",
            )
        if not interface.accepts_connections:
            raise _Refusal(
                Hop(interface.id, passes=False, why="it takes no connections, as App Runner's do not"),
                advice="Nothing can be initiated towards it; let it connect to you.",
            )
        self._groups(vpc, interface, packet, egress=False)

    def _answer(self, vpc: Vpc, interface: Interface, packet: Packet) -> None:
        """Follow the answer from where the packet arrived; groups let it out, since they keep track."""
        self._route(vpc, interface, packet.reversed(), self._subnet(vpc, interface))

    def _peered(self, vpc: Vpc, subnet: Subnet, target: str, packet: Packet) -> None:
        peering = next(each for each in self._network.peerings if each.id == target)
        other_vpc = self._vpcs[peering.accepter if vpc.id == peering.requester else peering.requester]
        self._acl(vpc, subnet, packet, egress=True)
        self.hops.append(Hop(target, passes=True, why=f"to {other_vpc.id}"))
        if not any(within(ip_address(packet.destination), cidr) for cidr in other_vpc.cidrs):
            raise _Refusal(
                Hop(
                    other_vpc.id,
                    passes=False,
                    why=f"{packet.destination} is in none of its blocks; a peering leads no further",
                ),
                advice="A peering connection reaches the blocks of the other VPC alone.",
            )
        other = next((each for each in other_vpc.interfaces if packet.destination in each.addresses), None)
        if other is None:
            raise _Refusal(
                Hop(other_vpc.id, passes=False, why=f"no interface that runs has {packet.destination}"),
                advice=f"Nothing is attached to an interface with {packet.destination}.",
            )
        self._acl(other_vpc, self._subnet(other_vpc, other), packet, egress=False)
        if not packet.answer:
            self._arrive(other_vpc, other, packet)
            self._answer(other_vpc, other, packet)

    def _translated(
        self, vpc: Vpc, interface: Interface, subnet: Subnet, target: str, packet: Packet
    ) -> None:
        gateway = next(each for each in vpc.nat_gateways if each.id == target)
        own = self._home[gateway.interface][1]
        own_subnet = self._subnet(vpc, own)
        if packet.version != 4:
            raise _Refusal(
                Hop(target, passes=False, why="it translates IPv4 alone"),
                advice="Use an egress-only internet gateway for IPv6.",
            )
        self._over_border(vpc, subnet, own_subnet, packet)
        if packet.answer:
            # The answer to a packet that came in directly does not fit any connection of the gateway.
            raise _Refusal(
                Hop(target, passes=False, why="the answer leaves by another way than the packet came"),
                advice=f"Give the subnet of {interface.id} a route to where the packet came from.",
            )
        self.hops.append(Hop(target, passes=True, why=f"from {own.addresses[0]} from here on"))
        self._route(vpc, own, replace(packet, source=own.addresses[0]), own_subnet)
        # The answer comes back to the gateway, which sends it on.
        self._over_border(vpc, own_subnet, subnet, packet.reversed())

    def _outside(self, vpc: Vpc, interface: Interface, subnet: Subnet, target: str, packet: Packet) -> None:
        self._acl(vpc, subnet, packet, egress=True)
        if packet.version == 4:
            public = dict(interface.public).get(packet.source, "")
            if not public:
                raise _Refusal(
                    Hop(target, passes=False, why=f"{packet.source} has no public address"),
                    advice=f"Associate an Elastic IP address with {interface.id}, or route through a NAT gateway.",
                )
            self.hops.append(Hop(target, passes=True, why=f"from {public} from here on"))
            packet = replace(packet, source=public)
        else:
            self.hops.append(Hop(target, passes=True, why="to the internet"))
        if not packet.answer:
            self._from_outside(packet)
            self._acl(vpc, subnet, _inward(packet.reversed(), interface), egress=False)

    def _from_outside(self, packet: Packet) -> None:
        """Follow a packet from the internet into the VPC that has its destination."""
        for vpc in self._network.vpcs:
            for interface in vpc.interfaces:
                inside = _inside(interface, packet.destination)
                if not inside:
                    continue
                gateway = vpc.internet_gateway
                if not gateway:
                    raise _Refusal(
                        Hop(vpc.id, passes=False, why="it has no internet gateway"),
                        advice=f"Attach an internet gateway to {vpc.id}.",
                    )
                self.hops.append(Hop(gateway, passes=True, why=f"to {inside}"))
                arrived = replace(packet, destination=inside)
                self._acl(vpc, self._subnet(vpc, interface), arrived, egress=False)
                self._arrive(vpc, interface, arrived)
                self._answer(vpc, interface, arrived)
                return
        raise _Refusal(
            Hop("internet", passes=False, why=f"{packet.destination} is nobody's here"),
            advice="The real internet is not connected: only public addresses of VPCs on this machine are reached.",
        )

    # What may refuse it.

    def _groups(self, vpc: Vpc, interface: Interface, packet: Packet, *, egress: bool) -> None:
        if not interface.filtered:
            return
        groups = [each for each in vpc.security_groups if each.id in interface.groups]
        for group in groups:
            for rule in group.egress if egress else group.ingress:
                if self._admits(rule, packet, egress=egress):
                    self.hops.append(Hop(group.id, passes=True, why=f"{_way(egress)} by {rule.id}"))
                    return
        named = ", ".join(sorted(interface.groups))
        first = min(interface.groups) if interface.groups else ""
        peer = packet.destination if egress else packet.source
        rule = SecurityGroupRule(
            id=_NEW_RULE,
            protocol=packet.protocol,
            from_port=packet.first,
            to_port=packet.last,
            cidr=host_block(peer),
        )
        raise _Refusal(
            Hop(
                named,
                passes=False,
                why=f"no rule lets {_service(packet)} {'out to' if egress else 'in from'} {peer}",
            ),
            AddRule(first, egress, rule) if first else None,
        )

    def _admits(self, rule: SecurityGroupRule, packet: Packet, *, egress: bool) -> bool:
        peer = ip_address(packet.destination if egress else packet.source)
        if rule.group:
            members = (each for _, each in self._home.values() if rule.group in each.groups)
            known = any(str(peer) in canonical(each.addresses) for each in members)
        else:
            blocks = (
                self._network.prefix_lists.get(rule.prefix_list, ()) if rule.prefix_list else (rule.cidr,)
            )
            known = any(within(peer, block) for block in blocks)
        return known and covers(rule.protocol, rule.from_port, rule.to_port, packet)

    def _over_border(self, vpc: Vpc, subnet: Subnet, other: Subnet, packet: Packet) -> None:
        """Ask the network ACLs of two subnets of a VPC, unless they are one."""
        if subnet.id != other.id:
            self._acl(vpc, subnet, packet, egress=True)
            self._acl(vpc, other, packet, egress=False)

    def _acl(self, vpc: Vpc, subnet: Subnet, packet: Packet, *, egress: bool) -> None:
        acl = next(each for each in vpc.network_acls if each.id == subnet.network_acl)
        peer = ip_address(packet.destination if egress else packet.source)
        entries = sorted(acl.egress if egress else acl.ingress, key=lambda each: each.number)
        refusing = 0
        for entry in entries:
            if not within(peer, entry.cidr):
                continue
            if entry.allow and covers(entry.protocol, entry.from_port, entry.to_port, packet):
                return
            if not entry.allow and touches(entry, packet):
                refusing = entry.number
                break
        what = "the answer" if packet.answer else _service(packet)
        decides = f"entry {refusing} denies it" if refusing else "no entry allows it"
        why = f"{what} {'out to' if egress else 'in from'} {peer}: {decides}"
        number = _free_number(entries, refusing)
        change = None
        if number:
            change = AddEntry(
                acl.id,
                egress,
                NetworkAclEntry(
                    number=number, protocol=packet.protocol, cidr=host_block(str(peer)), allow=True,
                    from_port=packet.first, to_port=packet.last,
                ),
            )  # fmt: skip
        raise _Refusal(
            Hop(acl.id, passes=False, why=why),
            change,
            "" if change else f"Entry {refusing} of {acl.id} must go: there is no number before it.",
        )

    @staticmethod
    def _subnet(vpc: Vpc, interface: Interface) -> Subnet:
        return next(each for each in vpc.subnets if each.id == interface.subnet)


def _free_number(entries: Sequence[NetworkAclEntry], before: int) -> int:
    """Return a number for an entry that is asked before the one of number `before`, or last; 0 if there is none."""
    taken = {entry.number for entry in entries}
    last = (before or 32767) - 1
    return next((number for number in range(last, 0, -1) if number not in taken), 0)


def _inside(interface: Interface, public: str) -> str:
    """Return the address of an interface that the internet reaches by `public`; empty if it is not its."""
    for private, known in interface.public:
        if known == public:
            return private
    version6 = ip_address(public).version == 6
    return public if version6 and public in canonical(interface.addresses) else ""


def _inward(answer: Packet, interface: Interface) -> Packet:
    """Return an answer as it is once the internet gateway has given it the private address."""
    return replace(answer, destination=_inside(interface, answer.destination) or answer.destination)


def _way(egress: bool) -> str:
    return "out" if egress else "in"


def _service(packet: Packet) -> str:
    name = {TCP: "TCP", UDP: "UDP", ICMP: "ICMP", ICMPV6: "ICMPv6"}.get(
        packet.protocol, f"protocol {packet.protocol}"
    )
    return f"{name} {packet.first}" if packet.first != ANY else name


def _no_way(vpc: Vpc, packet: Packet) -> str:
    if packet.version == 4 and vpc.internet_gateway:
        return "Route through a NAT gateway in a public subnet, or give the interface a public address."
    return f"{vpc.id} has no way there: no gateway and no peering connection leads to {packet.destination}."
