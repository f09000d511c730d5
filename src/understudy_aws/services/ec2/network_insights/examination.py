"""Whether some packet gets from one end of a path to the other, and back (network-insights.md 14.2).

A path leaves much open: ports, addresses, the way. It is reachable when any packet that fits gets through. So packets
are tried, one for each piece of what the rules tell apart, until one passes; `dataplane/reach.py` follows each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.hops import Hop, Outcome
from understudy_aws.dataplane.packets import TCP, UDP
from understudy_aws.dataplane.reach import Question, reach, refusals
from understudy_aws.dataplane.wanted import Interface, Network
from understudy_aws.services.ec2.internet_gateways import InternetGateway
from understudy_aws.services.ec2.network_insights.ends import Ends, Impossible
from understudy_aws.services.ec2.network_insights.pieces import (
    ANY_PORT,
    Range,
    address_of,
    address_pieces,
    answered_port_pieces,
    blocks_of,
    is_public,
    port_pieces,
    public_ranges,
    range_of,
)
from understudy_aws.services.ec2.network_insights.records import NetworkInsightsPath
from understudy_aws.services.ec2.network_interfaces import NetworkInterface
from understudy_aws.services.ec2.peering.records import VpcPeeringConnection
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint
from understudy_aws.store.database import Transaction

# So many packets are tried at most. A path between two interfaces takes as many as their rules name ranges of ports.
_MOST_TRIED = 1024
# Of one that nothing gets through, so many are explained, and the shortest explanation is told.
_MOST_EXPLAINED = 64
# What another port may get past.
_OF_PORTS = frozenset({"ENI_SG_RULES_MISMATCH", "SUBNET_ACL_RESTRICTION"})
# An address of documentation (RFC 5737), which stands for the public one that an interface would have.
_HYPOTHETICAL = "198.51.100.1"


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: the hops of a packet that got through, or what refuses the one that got farthest.

    `sources` and `destinations` are the blocks that the addresses of such a packet stand for.
    """

    network: Network = Network()
    found: bool = False
    hops: tuple[Hop, ...] = ()
    refused: tuple[Hop, ...] = ()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()


def examine(
    tx: Transaction,
    path: NetworkInsightsPath,
    now: datetime,
    *,
    through: Sequence[str],
    around: Sequence[str],
) -> Examined:
    """Try packets until one gets through; one that does meets what is in `through` and nothing that is in `around`."""
    try:
        return _Examination(path, Ends(tx, path, now)).run(through, around)
    except Impossible as reason:
        return Examined(refused=(reason.hop,))


class _Examination:
    def __init__(self, path: NetworkInsightsPath, ends: Ends) -> None:
        self._path = path
        self._ends = ends
        self._network = ends.network
        self._at_source, self._at_destination = ends.at_source, ends.at_destination
        self._source, self._destination = ends.source, ends.destination

    def run(self, through: Sequence[str], around: Sequence[str]) -> Examined:
        farthest: tuple[Question, Outcome] | None = None
        filtered: Hop | None = None
        for source, destination, question, outcome in islice(self._tried(), _MOST_TRIED):
            if outcome.passes:
                filtered = self._filtered(outcome, through, around)
                if filtered is None:
                    return Examined(
                        network=self._network, found=True, hops=outcome.hops,
                        sources=tuple(blocks_of(source)), destinations=tuple(blocks_of(destination)),
                    )  # fmt: skip
            elif farthest is None or len(outcome.hops) > len(farthest[1].hops):
                farthest = question, outcome
        if filtered is not None:
            return Examined(network=self._network, refused=(filtered,))
        assert farthest is not None, "there is a packet to try, or no path is possible"
        refused = self._fewest_refusals(farthest[0])
        return Examined(network=self._network, refused=tuple(each.hops[-1] for each in refused))

    def _fewest_refusals(self, farthest: Question) -> list[Outcome]:
        """Return what refuses a packet like the one that got farthest, to the port that the fewest things refuse."""
        ports = port_pieces(self._network, self._ports())[:_MOST_EXPLAINED]
        questions = [farthest, *(replace(farthest, port=first, last_port=last) for first, last in ports)]
        return min((refusals(self._network, each)[0] for each in questions), key=len)

    # The packets that are tried.

    def _tried(self) -> Iterator[tuple[Range, Range, Question, Outcome]]:
        """Yield packets with the ranges that their addresses stand for, and what became of them."""
        sent_from = _both(self._at_source.source_ports, self._at_destination.source_ports)
        if sent_from is None:
            raise Impossible("FILTER_AT_DESTINATION_SOURCE_PORT_RANGE", self._source.id)
        froms, tos, until = self._sources(), self._destinations(), self._until()
        port_ranges = port_pieces(self._network, self._ports())
        answered = answered_port_pieces(self._network, sent_from)
        for from_range in froms:
            for to_range in tos:
                whole = Question(
                    self._source.id, address_of(to_range[0]), UDP if self._path.protocol == "udp" else TCP,
                    source=address_of(from_range[0]), until=until,
                )  # fmt: skip
                for question, outcome in self._by_ports(whole, port_ranges, answered):
                    yield from_range, to_range, question, outcome

    def _ports(self) -> Range:
        ports = _both(self._at_source.destination_ports, self._at_destination.destination_ports)
        if ports is None:
            raise Impossible("FILTER_AT_DESTINATION_DESTINATION_PORT_RANGE", self._source.id)
        return ports

    def _by_ports(
        self, whole: Question, ports: Sequence[Range], answered: Sequence[Range]
    ) -> Iterator[tuple[Question, Outcome]]:
        """Yield a packet with each of the ports that may change what becomes of it."""
        for first, last in ports:
            for sent_from in answered:
                question = replace(whole, port=first, last_port=last, sent_from=sent_from)
                outcome = reach(self._network, question)
                yield question, outcome
                packet = outcome.hops[-1].packet
                # The ports that it is sent from matter to its answer alone.
                if outcome.passes or packet is None or not packet.answer:
                    break
            if not outcome.passes and outcome.hops[-1].code not in _OF_PORTS:
                return

    def _until(self) -> str:
        """Return the gateway or the peering connection that a packet is to get to; empty if to an interface."""
        destination = self._destination
        if destination is None:
            public = is_public(self._at_source.destination)
            return next((vpc.internet_gateway for vpc in self._network.vpcs), "") if public else ""
        by_routes = isinstance(destination, VpcEndpoint) and destination.is_gateway
        gateway = isinstance(destination, InternetGateway | VpcPeeringConnection)
        return destination.id if gateway or by_routes else ""

    def _sources(self) -> list[Range]:
        wanted, source = self._at_source.source, self._source
        if isinstance(source, NetworkInterface):
            chosen = [each for each in source.addresses if wanted in {"", each}]
            return _alone(chosen) or _none("FILTER_AT_SOURCE_SOURCE_ADDRESS", source.id)
        if isinstance(source, InternetGateway):
            return self._of_the_internet(wanted, source.id)
        if wanted:
            return _alone([wanted])
        here = self._ends.vpcs_of(self._destination) if self._destination is not None else ("",)
        return self._beyond(here[0])

    def _destinations(self) -> list[Range]:
        source, destination = self._source, self._destination
        wanted = self._at_source.destination or self._at_destination.destination
        if destination is None:
            return _alone([wanted])
        if isinstance(destination, InternetGateway):
            return self._of_the_internet(wanted, destination.id)
        held = self._ends.interfaces_of(destination)
        if held:
            inward = isinstance(source, InternetGateway)
            addresses = self._public(held[0]) if inward else [(a, a) for each in held for a in each.addresses]
            at = "SOURCE" if self._at_source.destination else "DESTINATION"
            chosen = [outer for outer, inner in addresses if wanted in {"", outer, inner}]
            return _alone(chosen) or _none(f"FILTER_AT_{at}_DESTINATION_ADDRESS", destination.id)
        if wanted:
            return _alone([wanted])
        if isinstance(destination, VpcPeeringConnection):
            return self._beyond(self._ends.vpcs_of(source)[0])
        return self._routed_to(destination.id)

    def _of_the_internet(self, wanted: str, gateway: str) -> list[Range]:
        if wanted and not is_public(wanted):
            raise Impossible("IGW_EXPECTS_PUBLIC_ADDRESS", gateway)
        return _alone([wanted]) if wanted else address_pieces(self._network, public_ranges())

    def _routed_to(self, endpoint: str) -> list[Range]:
        """Return the addresses that routes lead to a gateway endpoint."""
        tables = [table for vpc in self._network.vpcs for table in vpc.route_tables]
        leading = {
            route.destination for table in tables for route in table.routes if route.target == endpoint
        }
        found = address_pieces(self._network, [range_of(each) for each in sorted(leading) if ":" not in each])
        return found or _none("NO_ROUTE_TO_DESTINATION", endpoint)

    def _public(self, interface: NetworkInterface) -> list[tuple[str, str]]:
        """Return the public addresses of an interface with their private ones.

        Where it has none it is given one, so that all else on the way is looked at.
        """
        held = next(each for vpc in self._network.vpcs for each in vpc.interfaces if each.id == interface.id)
        if not held.public:
            held = replace(held, public=((interface.addresses[0], _HYPOTHETICAL),))
            self._network = _with_interface(self._network, held)
        return [(outer, inner) for inner, outer in held.public]

    def _beyond(self, vpc: str) -> list[Range]:
        """Return the addresses of the VPCs that are not this one."""
        blocks = (cidr for each in self._network.vpcs if each.id != vpc for cidr in each.cidrs)
        found = address_pieces(self._network, [range_of(cidr) for cidr in blocks if ":" not in cidr])
        return found or _none("UNKNOWN_DESTINATION", self._source.id)

    # What filters say of one that got through.

    def _filtered(self, outcome: Outcome, through: Sequence[str], around: Sequence[str]) -> Hop | None:
        """Return what stands against a packet that gets through, or None."""
        met = {hop.at for hop in outcome.hops} | {hop.target for hop in outcome.hops}
        missing = next((id for id in through if id not in met), "")
        if missing:
            return Hop(missing, passes=False, why="it is not on the way", code="COMPONENT_FILTER_RESTRICTION")
        excluded = next((id for id in around if id in met), "")
        if excluded:
            code = "COMPONENT_FILTER_RESTRICTION_REMOVED_COMPONENT"
            return Hop(excluded, passes=False, why="it is on the way", code=code)
        packets = [hop.packet for hop in outcome.hops if hop.packet is not None]
        if any(_HYPOTHETICAL in {packet.destination, packet.source} for packet in packets):
            code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
            return Hop(
                self._source.id,
                passes=False,
                why="it has no public address",
                code=code,
                vpc=outcome.hops[0].vpc,
            )
        arrived = [hop.leaving or hop.packet for hop in outcome.hops if hop.packet and not hop.packet.answer][
            -1
        ]
        wanted = self._at_destination
        if arrived is None or wanted.source in {"", arrived.source}:
            return None
        end = self._path.destination.id or self._source.id
        return Hop(end, passes=False, why="another source", code="FILTER_AT_DESTINATION_SOURCE_ADDRESS")


def _with_interface(network: Network, changed: Interface) -> Network:
    return replace(
        network,
        vpcs=tuple(
            replace(
                vpc, interfaces=tuple(changed if each.id == changed.id else each for each in vpc.interfaces)
            )
            for vpc in network.vpcs
        ),
    )


def _both(one: Range | None, other: Range | None) -> Range | None:
    first = max((one or ANY_PORT)[0], (other or ANY_PORT)[0])
    last = min((one or ANY_PORT)[1], (other or ANY_PORT)[1])
    return (first, last) if first <= last else None


def _alone(addresses: Sequence[str]) -> list[Range]:
    return [range_of(f"{each}/32") for each in addresses]


def _none(code: str, at: str) -> list[Range]:
    raise Impossible(code, at)
