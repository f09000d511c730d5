"""Which route a packet takes out of a subnet, and which other one would lead it on."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from understudy_aws.dataplane.changes import AddRoute, DeleteRoute
from understudy_aws.dataplane.hops import Hop, Refusal
from understudy_aws.dataplane.packets import Packet, host_block, within
from understudy_aws.dataplane.wanted import Interface, Network, Route, RouteTable, Vpc


class Routes:
    """The routes of a network. What is called `until` is there, whether the network has it or not."""

    def __init__(self, network: Network, home: Mapping[str, tuple[Vpc, Interface]], until: str) -> None:
        self._network = network
        self._home = home
        self._until = until
        self._vpcs = {vpc.id: vpc for vpc in network.vpcs}

    def hop(self, vpc: Vpc, table: RouteTable, packet: Packet) -> Hop:
        """Return the hop of the route that a packet takes; the longest prefix wins. Raises Refusal."""
        address = ip_address(packet.destination)
        found = [(cidr, "local") for cidr in vpc.cidrs if within(address, cidr)]
        found += [
            # Of the same length, a route wins over the local one only when it is another block.
            (route.destination, route.target)
            for route in table.routes
            if within(address, route.destination)
        ]
        what = "the answer's " if packet.answer else ""
        if not found:
            hop = Hop(
                table.id, passes=False, why=f"it has no route for {what}{packet.destination}",
                code="NO_ROUTE_TO_DESTINATION", vpc=vpc.id, packet=packet,
            )  # fmt: skip
            raise self.refusal(vpc, table, packet, hop, _no_way(vpc, packet))
        destination, target = max(found, key=lambda each: ip_network(each[0]).prefixlen)
        if target.startswith("vpce-") and target != self._until:
            hop = Hop(
                table.id, passes=False, why=f"its route for {what}{packet.destination} leads to {target}",
                code="BAD_STATE_ROUTE", vpc=vpc.id, route=destination, target=target, packet=packet,
            )  # fmt: skip
            raise Refusal(
                hop, advice=f"{target} is a gateway endpoint, and nobody serves here what is behind those."
            )
        if not target or (target != "local" and not self._is_there(vpc, target)):
            hop = Hop(
                table.id, passes=False, why=f"its route for {what}{packet.destination} is a black hole",
                code="BAD_STATE_ROUTE", vpc=vpc.id, route=destination, target=target, packet=packet,
            )  # fmt: skip
            advice = f"Give the route of {table.id} for {packet.destination} a target that is there."
            refusal = self.refusal(vpc, table, packet, hop, advice)
            if refusal.change is None and any(cidr != destination for cidr, _ in found):
                # No longer route leads into a VPC's own blocks: the local one must count again.
                refusal = Refusal(hop, DeleteRoute(table.id, destination))
            raise refusal
        length = ip_network(destination).prefixlen
        return Hop(
            table.id,
            passes=True,
            why=f"{what}{packet.destination} by /{length} through {target}",
            vpc=vpc.id,
            route=destination,
            target=target,
            packet=packet,
        )

    def refusal(
        self, vpc: Vpc, table: RouteTable, packet: Packet, hop: Hop, advice: str, *, but: str = ""
    ) -> Refusal:
        """Return the refusal of a hop that another route would get past, if there is one but through `but`."""
        target = self._way_to(vpc, table, packet)
        if not target or target == but:
            return Refusal(hop, advice=advice)
        return Refusal(
            hop, AddRoute(table.id, Route(destination=host_block(packet.destination), target=target))
        )

    def _is_there(self, vpc: Vpc, target: str) -> bool:
        return (
            target in {vpc.internet_gateway, vpc.egress_only_gateway, self._until}
            or any(gateway.id == target for gateway in vpc.nat_gateways)
            or any(peering.id == target for peering in self._network.peerings)
            or target in self._home
        )

    def _way_to(self, vpc: Vpc, table: RouteTable, packet: Packet) -> str:
        """Return a target that would lead a packet nearer to where it goes; empty when there is none."""
        address = ip_address(packet.destination)
        if any(within(address, cidr) for cidr in vpc.cidrs):
            return ""
        for peering in self._network.peerings:
            if vpc.id in {peering.requester, peering.accepter}:
                other = self._vpcs.get(peering.accepter if vpc.id == peering.requester else peering.requester)
                if other is not None and any(within(address, cidr) for cidr in other.cidrs):
                    return peering.id
        home = next((each for each in vpc.interfaces if packet.source in each.addresses), None)
        public = home is not None and packet.source in dict(home.public)
        if vpc.internet_gateway and (public or packet.version == 6):
            return vpc.internet_gateway
        if vpc.egress_only_gateway and packet.version == 6 and not packet.answer:
            return vpc.egress_only_gateway
        for gateway in vpc.nat_gateways:
            place = self._home[gateway.interface][1].subnet
            subnet = next(each for each in vpc.subnets if each.id == place)
            if packet.version == 4 and not packet.answer and subnet.route_table != table.id:
                return gateway.id
        return ""


def _no_way(vpc: Vpc, packet: Packet) -> str:
    if packet.version == 4 and vpc.internet_gateway:
        return (
            "Route through a NAT gateway in a public subnet, or, if the interface has a public address, through "
            f"{vpc.internet_gateway}."
        )
    return f"{vpc.id} has no way there: no gateway and no peering connection leads to {packet.destination}."
