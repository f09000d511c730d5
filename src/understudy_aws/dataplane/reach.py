"""Whether a connection passes from an interface to an address, and if not, what refuses it and what would change that.

Computed from the wanted network alone, hop by hop, in the order in which packets meet routes, network ACLs and security
groups; a first packet of TCP, UDP or ICMP, and its answer. `tests/node/test_reach.py` holds it against real packets.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.changes import changed
from understudy_aws.dataplane.filters import Filters
from understudy_aws.dataplane.hops import Hop, Outcome, Refusal
from understudy_aws.dataplane.link_local import at_hand, is_of_its_machine, resolvers
from understudy_aws.dataplane.packets import (
    ANY,
    ECHO,
    FIRST_EPHEMERAL,
    LAST_EPHEMERAL,
    TCP,
    WITH_PORTS,
    Packet,
    Ports,
    canonical,
    within,
)
from understudy_aws.dataplane.routes import Routes
from understudy_aws.dataplane.wanted import Interface, Network, Subnet, Vpc
from understudy_aws.dataplane.world import arrival_in_the_world

# So many things can refuse a connection one after another: groups, lists and routes on every side, and back.
_MOST_REFUSALS = 12
_STANDS_FOR_IPV4 = "64:ff9b::/96"


INTERNET = "internet"
"""Where a connection begins that comes from the internet, by the gateway of whichever VPC has its destination."""

NO_PUBLIC_ADDRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"


class Question(msgspec.Struct, frozen=True):
    """A connection: from an interface to an address, by a protocol's number and, where it has them, a port.

    interface   where it begins: an interface, an internet gateway or a peering connection that it comes in by, or
                `INTERNET`
    last_port   the end of a range of ports that begins with `port`; 0 for that port alone
    sent_from   the ports that it may be sent from, to which the answer goes
    source      the address it comes from; one of the interface's where it is empty
    until       a gateway or a peering connection: what gets there has arrived
    """

    interface: str
    address: str
    protocol: str = TCP
    port: int = 443
    last_port: int = 0
    sent_from: Ports = (FIRST_EPHEMERAL, LAST_EPHEMERAL)
    source: str = ""
    until: str = ""


def reach(network: Network, asked: Question) -> Outcome:
    """Return what comes of a connection. Raises LookupError for a beginning that is not in the network."""
    begins_outside = asked.interface.startswith(("igw-", "pcx-"))
    # What came in by a gateway is answered through it.
    walk = _Walk(network, asked.interface if begins_outside else asked.until)
    try:
        walk.begin(asked)
    except Refusal as refusal:
        return Outcome(
            passes=False, hops=(*walk.hops, refusal.hop), change=refusal.change, advice=refusal.advice
        )
    return Outcome(passes=True, hops=tuple(walk.hops))


def refusals(network: Network, asked: Question) -> tuple[list[Outcome], bool]:
    """Return what refuses a connection, one after another: each as it is once what the ones before suggest is done.

    Also whether the connection passes in the end.
    """
    found: list[Outcome] = []
    while len(found) < _MOST_REFUSALS:
        outcome = reach(network, asked)
        if outcome.passes:
            return found, True
        found.append(outcome)
        if outcome.change is None:
            break
        network = changed(network, outcome.change)
    return found, False


def _packet(source: str, asked: Question) -> Packet:
    first, last = ECHO[asked.protocol][0] if asked.protocol in ECHO else ANY, ANY
    if asked.protocol in WITH_PORTS:
        first, last = asked.port, asked.last_port or asked.port
    elif asked.protocol in ECHO:
        last = 0
    return Packet(
        source=source,
        destination=str(ip_address(asked.address)),
        protocol=asked.protocol,
        first=first,
        last=last,
        sent_from=asked.sent_from,
    )


def _source_of(interface: Interface, asked: Question) -> str:
    """Return the address that an interface sends from. Raises Refusal."""
    version = ip_address(asked.address).version
    source = asked.source or next(
        (each for each in interface.addresses if ip_address(each).version == version), ""
    )
    if is_of_its_machine(interface, str(ip_address(asked.address))):
        return source or asked.address
    if not source:
        raise Refusal(
            Hop(interface.id, passes=False, why=f"it has no IPv{version} address", code="NO_PATH"),
            advice=f"Give {interface.id} an IPv{version} address.",
        )
    return source


class _Walk:
    """Follows packets through a network, and notes what they meet."""

    def __init__(self, network: Network, until: str) -> None:
        self._network = network
        self._until = until
        self.hops: list[Hop] = []
        self._home = {interface.id: (vpc, interface) for vpc in network.vpcs for interface in vpc.interfaces}
        self._vpcs = {vpc.id: vpc for vpc in network.vpcs}
        self._filters = Filters(network, self._home)
        self._routes = Routes(network, self._home, until)

    def begin(self, asked: Question) -> None:
        """Follow a packet from where it begins to where it goes, and its answer back. Raises Refusal, LookupError."""
        if asked.interface == INTERNET:
            self._to_public(_packet(asked.source, asked))
        elif asked.interface.startswith("igw-"):
            self._from_outside(_packet(asked.source, asked), asked.interface)
        elif asked.interface.startswith("pcx-"):
            packet = _packet(asked.source, asked)
            self._into(self._beyond(asked.interface, packet), packet)
        else:
            vpc, interface = self._home[asked.interface]
            packet = _packet(_source_of(interface, asked), asked)
            # Whoever asks about a gateway means blocks of addresses beyond it, the first of which may be anything.
            answering = at_hand(vpc, interface, packet) if not asked.until else None
            if answering is not None:
                self.hops.append(answering)
                return
            self._groups(vpc, interface, packet, egress=True)
            self._route(vpc, interface, packet, self._subnet(vpc, interface))

    def _route(self, vpc: Vpc, interface: Interface, packet: Packet, subnet: Subnet) -> None:
        table = next(each for each in vpc.route_tables if each.id == subnet.route_table)
        hop = self._routes.hop(vpc, table, packet)
        self.hops.append(hop)
        target = hop.target
        if target.startswith("vpce-") and target == self._until:
            self._arrived(vpc, subnet, target, packet)
        elif target == "local":
            self._local(vpc, interface, subnet, packet)
        elif target.startswith("nat-"):
            self._translated(vpc, interface, subnet, target, packet)
        elif target.startswith("pcx-"):
            self._peered(vpc, subnet, target, packet)
        elif target.startswith(("igw-", "eigw-")):
            self._outside(vpc, interface, subnet, target, packet)
        else:
            raise Refusal(
                Hop(
                    target,
                    passes=False,
                    why="packets through it can't be followed",
                    code="UNSUPPORTED_COMPONENT",
                    vpc=vpc.id,
                    packet=packet,
                ),
                advice=f"{target} is nothing whose packets are known here.",
            )

    # Where a packet may go.

    def _local(self, vpc: Vpc, interface: Interface, subnet: Subnet, packet: Packet) -> None:
        other = self._having(vpc, packet)
        self._over_border(vpc, subnet, self._subnet(vpc, other), packet)
        if packet.answer:
            return
        self._arrive(vpc, other, packet)
        if other.id != interface.id:
            self._answer(vpc, other, packet)

    def _having(self, vpc: Vpc, packet: Packet) -> Interface:
        """Return the interface that a packet is for. Raises Refusal."""
        for interface in vpc.interfaces:
            if packet.destination in interface.addresses:
                return interface
        why = f"no interface that runs has {packet.destination}"
        advice = f"Nothing is attached to an interface with {packet.destination}."
        if packet.destination in resolvers(vpc):
            why, advice = (
                "its resolver answers its own VPC alone",
                "Ask the resolver of the VPC it comes from.",
            )
        raise Refusal(
            Hop(
                vpc.id,
                passes=False,
                why=why,
                code="NO_POSSIBLE_DESTINATION",
                vpc=vpc.id,
                packet=packet,
            ),
            advice=advice,
        )

    def _arrive(self, vpc: Vpc, interface: Interface, packet: Packet) -> None:
        why = advice = ""
        if not interface.filtered:
            why = "it belongs to a gateway, which takes no connections itself"
            advice = "Connect to something else."
        elif not interface.accepts_connections:
            why = "it takes no connections, as App Runner's do not"
            advice = "Nothing can be initiated towards it; let it connect to you."
        if why:
            hop = Hop(
                interface.id, passes=False, why=why, code="NO_PATH", vpc=vpc.id, subnet=interface.subnet,
                interface=interface.id, packet=packet,
            )  # fmt: skip
            raise Refusal(hop, advice=advice)
        self._groups(vpc, interface, packet, egress=False)

    def _answer(self, vpc: Vpc, interface: Interface, packet: Packet) -> None:
        """Follow the answer from where the packet arrived; groups let it out, since they keep track."""
        self._route(vpc, interface, packet.reversed(), self._subnet(vpc, interface))

    def _arrived(self, vpc: Vpc, subnet: Subnet, target: str, packet: Packet) -> None:
        """Note that a packet leaves a subnet for where it was to go, and follow its answer back in."""
        self._acl(vpc, subnet, packet, egress=True)
        self.hops.append(Hop(target, passes=True, why=f"to {packet.destination}", vpc=vpc.id, packet=packet))
        if not packet.answer:
            self._acl(vpc, subnet, packet.reversed(), egress=False)

    def _peered(self, vpc: Vpc, subnet: Subnet, target: str, packet: Packet) -> None:
        peering = next(each for each in self._network.peerings if each.id == target)
        other_vpc = self._vpcs[peering.accepter if vpc.id == peering.requester else peering.requester]
        if not any(within(ip_address(packet.destination), cidr) for cidr in other_vpc.cidrs):
            self._acl(vpc, subnet, packet, egress=True)
            why = (
                f"{packet.destination} is in none of the blocks of {other_vpc.id}; a peering leads no further"
            )
            hop = Hop(
                target, passes=False, why=why, code="PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", vpc=vpc.id,
                target=other_vpc.id, packet=packet,
            )  # fmt: skip
            table = next(each for each in vpc.route_tables if each.id == subnet.route_table)
            advice = "A peering connection reaches the blocks of the other VPC alone."
            raise self._routes.refusal(vpc, table, packet, hop, advice, but=target)
        if target == self._until:
            self._arrived(vpc, subnet, target, packet)
            return
        self._acl(vpc, subnet, packet, egress=True)
        self.hops.append(
            Hop(target, passes=True, why=f"to {other_vpc.id}", vpc=vpc.id, target=other_vpc.id, packet=packet)
        )
        self._into(other_vpc, packet)

    def _beyond(self, peering: str, packet: Packet) -> Vpc:
        """Return the VPC of a peering connection that a packet comes into by it. Raises LookupError."""
        found = next(each for each in self._network.peerings if each.id == peering)
        ends = [self._vpcs[found.requester], self._vpcs[found.accepter]]
        address = ip_address(packet.destination)
        vpc = next((vpc for vpc in ends if any(within(address, cidr) for cidr in vpc.cidrs)), ends[0])
        self.hops.append(
            Hop(peering, passes=True, why=f"to {vpc.id}", vpc=vpc.id, target=vpc.id, packet=packet)
        )
        return vpc

    def _into(self, vpc: Vpc, packet: Packet) -> None:
        """Follow a packet that comes into a VPC by a peering connection."""
        interface = self._having(vpc, packet)
        self._acl(vpc, self._subnet(vpc, interface), packet, egress=False)
        if not packet.answer:
            self._arrive(vpc, interface, packet)
            self._answer(vpc, interface, packet)

    def _translated(
        self, vpc: Vpc, interface: Interface, subnet: Subnet, target: str, packet: Packet
    ) -> None:
        gateway = next(each for each in vpc.nat_gateways if each.id == target)
        own = self._home[gateway.interface][1]
        own_subnet = self._subnet(vpc, own)
        table = next(each for each in vpc.route_tables if each.id == subnet.route_table)
        if packet.version != 4:
            why, advice = "it translates IPv4 alone", "Use an egress-only internet gateway for IPv6."
            address = ip_address(packet.destination)
            if within(address, _STANDS_FOR_IPV4):
                address = IPv4Address(int(address) & 0xFFFFFFFF)
                why, advice = "NAT64 is not done here", f"Connect to {address} from an IPv4 address."
            hop = Hop(target, passes=False, why=why, code="PROTOCOL_RESTRICTION", vpc=vpc.id, packet=packet)
            raise self._routes.refusal(vpc, table, packet, hop, advice, but=target)
        self._over_border(vpc, subnet, own_subnet, packet)
        if packet.answer:
            # The answer to a packet that came in directly does not fit any connection of the gateway.
            why = "the answer leaves by another way than the packet came"
            hop = Hop(
                target, passes=False, why=why, code="NGW_REQUIRES_SOURCE_IN_VPC", vpc=vpc.id, packet=packet
            )
            advice = f"Give the subnet of {interface.id} a route to where the packet came from."
            raise self._routes.refusal(vpc, table, packet, hop, advice, but=target)
        leaving = replace(packet, source=own.addresses[0])
        why = f"from {leaving.source} from here on"
        self.hops.append(
            Hop(target, passes=True, why=why, vpc=vpc.id, subnet=own.subnet, packet=packet, leaving=leaving)
        )
        self._route(vpc, own, leaving, own_subnet)
        # The answer comes back to the gateway, which sends it on.
        answer = packet.reversed()
        self.hops.append(
            Hop(
                target,
                passes=True,
                why=f"the answer to {packet.source}",
                vpc=vpc.id,
                subnet=own.subnet,
                packet=leaving.reversed(),
                leaving=answer,
            )
        )
        self._over_border(vpc, own_subnet, subnet, answer)

    def _outside(self, vpc: Vpc, interface: Interface, subnet: Subnet, target: str, packet: Packet) -> None:
        self._acl(vpc, subnet, packet, egress=True)
        leaving = packet
        if packet.version == 4:
            public = dict(interface.public).get(packet.source, "")
            if not public:
                hop = Hop(
                    target, passes=False, why=f"{packet.source} has no public address", vpc=vpc.id,
                    code=NO_PUBLIC_ADDRESS, packet=packet,
                )  # fmt: skip
                advice = (
                    f"Associate an Elastic IP address with {interface.id}, or route through a NAT gateway."
                )
                table = next(each for each in vpc.route_tables if each.id == subnet.route_table)
                raise self._routes.refusal(vpc, table, packet, hop, advice, but=target)
            leaving = replace(packet, source=public)
        why = f"from {leaving.source} from here on" if packet.version == 4 else "to the internet"
        self.hops.append(
            Hop(target, passes=True, why=why, vpc=vpc.id, target="internet", packet=packet, leaving=leaving)
        )
        if not packet.answer:
            if target != self._until:
                self._from_outside(leaving)
            self._acl(vpc, subnet, _inward(leaving.reversed(), interface), egress=False)

    def _to_public(self, packet: Packet) -> None:
        """Follow a packet from the internet to an interface. Raises Refusal, also for a private address."""
        having = [
            (vpc, interface)
            for vpc, interface in self._home.values()
            if packet.destination in canonical(interface.addresses)
        ]
        if having and not _inside(having[0][1], packet.destination):
            vpc, interface = having[0]
            why = f"{packet.destination} is a private address, which no packet from the internet is for"
            code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
            hop = Hop(interface.id, passes=False, why=why, code=code, vpc=vpc.id, packet=packet)
            public = next((public for _, public in interface.public), "")
            advice = (
                f"Connect to {public}." if public else f"Associate an Elastic IP address with {interface.id}."
            )
            raise Refusal(hop, advice=advice)
        self._from_outside(packet)

    def _from_outside(self, packet: Packet, by: str = "") -> None:
        """Follow a packet from the internet into the VPC that has its destination, or that of the gateway `by`."""
        for vpc in self._network.vpcs:
            for interface in vpc.interfaces:
                inside = _inside(interface, packet.destination)
                if not inside or by not in {"", vpc.internet_gateway}:
                    continue
                gateway = vpc.internet_gateway
                if not gateway:
                    hop = Hop(vpc.id, passes=False, why="it has no internet gateway", packet=packet)
                    raise Refusal(hop, advice=f"Attach an internet gateway to {vpc.id}.")
                arrived = replace(packet, destination=inside)
                self.hops.append(
                    Hop(gateway, passes=True, why=f"to {inside}", vpc=vpc.id, packet=packet, leaving=arrived)
                )
                self._acl(vpc, self._subnet(vpc, interface), arrived, egress=False)
                self._arrive(vpc, interface, arrived)
                self._answer(vpc, interface, arrived)
                return
        if not by:
            self.hops.append(arrival_in_the_world(packet, self._network))
            return
        hop = Hop(
            by, passes=False, why=f"{packet.destination} is nobody's here",
            code="IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", packet=packet,
        )  # fmt: skip
        raise Refusal(hop, advice=f"No interface in the VPC of {by} has {packet.destination}.")

    # What may refuse it.

    def _groups(self, vpc: Vpc, interface: Interface, packet: Packet, *, egress: bool) -> None:
        hop = self._filters.through_groups(vpc, interface, packet, egress=egress)
        if hop is not None:
            self.hops.append(hop)

    def _over_border(self, vpc: Vpc, subnet: Subnet, other: Subnet, packet: Packet) -> None:
        """Ask the network ACLs of two subnets of a VPC, unless they are one."""
        if subnet.id != other.id:
            self._acl(vpc, subnet, packet, egress=True)
            self._acl(vpc, other, packet, egress=False)

    def _acl(self, vpc: Vpc, subnet: Subnet, packet: Packet, *, egress: bool) -> None:
        self.hops.append(self._filters.through_acl(vpc, subnet, packet, egress=egress))

    @staticmethod
    def _subnet(vpc: Vpc, interface: Interface) -> Subnet:
        return next(each for each in vpc.subnets if each.id == interface.subnet)


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
