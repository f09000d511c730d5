"""The ends of a reachability path, and the network between them (network-insights.md 14.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.dataplane.hops import Hop
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted import Vpc as WantedVpc
from understudy_aws.services.ec2.internet_gateways import InternetGateway, internet_gateways
from understudy_aws.services.ec2.network_insights.records import NetworkInsightsPath, PacketFilter
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.peering.records import VpcPeeringConnection, vpc_peering_connections
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint, vpc_endpoints
from understudy_aws.services.ec2.vpcs import Vpc, vpcs
from understudy_aws.services.ec2.wanted_network import network_of
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table

End = NetworkInterface | InternetGateway | VpcPeeringConnection | VpcEndpoint
_TABLES: Mapping[str, Table[Any]] = MappingProxyType(
    {
        "eni": network_interfaces,
        "igw": internet_gateways,
        "pcx": vpc_peering_connections,
        "vpce": vpc_endpoints,
    }
)


class Impossible(Exception):
    """No packet can be tried; `code` is Reachability Analyzer's for the reason, and `at` the component it is about."""

    def __init__(self, code: str, at: str) -> None:
        super().__init__(code)
        self.hop = Hop(at, passes=False, why="no path is possible", code=code)


class Ends:
    """What a path begins and ends at, what it says of packets there, and the network. Raises Impossible."""

    def __init__(self, tx: Transaction, path: NetworkInsightsPath, now: datetime) -> None:
        self._tx = tx
        port = path.destination_port
        self.at_source = path.at_source or PacketFilter(
            source=path.source_ip, destination_ports=(port, port) if port is not None else None
        )
        self.at_destination = path.at_destination or PacketFilter(destination=path.destination_ip)
        self.source = self._end(path.source.arn)
        self.destination = self._end(path.destination.arn) if path.destination.id else None
        self._interfaces = [*self.interfaces_of(self.source), *self.interfaces_of(self.destination)]
        if self.destination is None:
            self._interfaces += self._addressed()
        self._check_connected()
        self.network = self._made(now)

    def _end(self, arn: str) -> End:
        _, _, _, region, account, resource = arn.split(":", 5)
        id = resource.partition("/")[2]
        table = _TABLES[id.partition("-")[0]]
        found: End | None = table.get(self._tx, account, region, id)
        if found is None:
            raise Impossible("NO_SOURCE_OR_DESTINATION", id)
        return found

    def interfaces_of(self, end: End | None) -> list[NetworkInterface]:
        if isinstance(end, VpcEndpoint):
            held = (network_interfaces.get(self._tx, end.account, end.region, id) for id in end.interfaces)
            return [each for each in held if each is not None]
        if not isinstance(end, NetworkInterface):
            return []
        if not end.addresses:
            raise Impossible("UNASSOCIATED_COMPONENT", end.id)
        return [end]

    def _addressed(self) -> list[NetworkInterface]:
        """Return the interface that the path leads to when it leads to an address, if one near its source has it."""
        near = set(self.vpcs_of(self.source))
        for vpc in list(near):
            for peering in vpc_peering_connections.where(self._tx, "vpc", vpc):
                near |= {side.vpc for side in peering.sides}
        having = network_interfaces.where(self._tx, "address", self.at_source.destination)
        return [each for each in having if each.vpc in near and each not in self._interfaces]

    def vpcs_of(self, end: End) -> tuple[str, ...]:
        if isinstance(end, VpcPeeringConnection):
            return tuple(side.vpc for side in end.sides)
        if not end.vpc:
            raise Impossible("UNASSOCIATED_COMPONENT", end.id)
        return (end.vpc,)

    def _check_connected(self) -> None:
        """Raise Impossible where the ends are such that nothing gets from one to the other."""
        source, destination = self.source, self.destination
        if destination is None:
            return
        if isinstance(source, VpcEndpoint):
            same = source.vpc in self.vpcs_of(destination)
            raise Impossible("VPCE_INTRA_VPC_TRAFFIC" if same else "NO_PATH", source.id)
        if source.id == destination.id or not (
            isinstance(source, NetworkInterface) or isinstance(destination, NetworkInterface)
        ):
            raise Impossible("NO_PATH", source.id)
        ones, others = self.vpcs_of(source), self.vpcs_of(destination)
        if not set(ones) & set(others) and not (
            isinstance(source, NetworkInterface)
            and isinstance(destination, NetworkInterface)
            and any(
                peering.routed and others[0] in {side.vpc for side in peering.sides}
                for peering in vpc_peering_connections.where(self._tx, "vpc", ones[0])
            )
        ):
            raise Impossible("DISCONNECTED_VPCS", destination.id)

    def _made(self, now: datetime) -> Network:
        """Return the network of both ends, with what decides about its interfaces alone."""
        also: list[Vpc] = []
        for end in (self.source, self.destination):
            if isinstance(end, InternetGateway):
                also += self._records([(end.account, end.region, end.vpc)])
            elif isinstance(end, VpcPeeringConnection):
                also += self._records([(side.account, side.region, side.vpc) for side in end.sides])
        network = network_of(self._tx, self._interfaces, now, also=also)
        loose = {each.id for each in self._interfaces if each.attachment is None and each.kind == "interface"}
        return replace(network, vpcs=tuple(_trimmed(vpc, loose) for vpc in network.vpcs))

    def _records(self, places: Sequence[tuple[str, str, str]]) -> list[Vpc]:
        found = (vpcs.get(self._tx, *place) for place in places)
        return [each for each in found if each is not None]


def _trimmed(vpc: WantedVpc, loose: set[str]) -> WantedVpc:
    """Return a VPC with what its interfaces need. Those in `loose` are attached to nothing: the internet has none."""
    groups = {group for each in vpc.interfaces for group in each.groups}
    subnets = [subnet for subnet in vpc.subnets if subnet.id in {each.subnet for each in vpc.interfaces}]
    tables = {subnet.route_table for subnet in subnets}
    acls = {subnet.network_acl for subnet in subnets}
    return replace(
        vpc,
        subnets=tuple(subnets),
        route_tables=tuple(each for each in vpc.route_tables if each.id in tables),
        network_acls=tuple(each for each in vpc.network_acls if each.id in acls),
        security_groups=tuple(each for each in vpc.security_groups if each.id in groups),
        interfaces=tuple(replace(each, public=()) if each.id in loose else each for each in vpc.interfaces),
    )
