"""EC2's networking with few and with many interfaces present, and a whole VPC built and torn down.

Usage: benchmarks/run --network [--quick] [--servers NAMES] [--counts 10,1000,100000] [--fill-seconds 300]

Each server is started alone and filled with interfaces by one signed request sent again and again; what a server does
not reach in the time that is allowed for it is asked with what it has, and its cells say so. Answers of the Describe
rows are small at every count, so that a row which gets slower shows work on what is not asked for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import generate_idempotent_uuid
from load import Figures, measure
from rows import another_account, raw_requests
from servers import Running

COUNTS = (10, 1_000, 100_000)
# A /16, as large as subnets get, holds 65,531 addresses. Ours keeps AWS's quota of 5,000 interfaces an account and
# Region, so that many accounts are filled; the account that is asked keeps room for what the rows make.
_FULL = 60_000
_QUOTA = 4_900
_QUOTA_OF_THE_ACCOUNT_ASKED = 3_500
_SMALL = 5
# How many interfaces the row that creates makes, and the row that deletes.
_MADE, _DELETED = 300, 100


@dataclass
class Filling:
    """A subnet, whose it is, and how many interfaces may still be made in it."""

    ec2: Any
    subnet: str
    room: int


@dataclass
class Estate:
    """What a server holds: the subnet that is being filled, and the interfaces that are looked for."""

    ec2: Any
    filling: Filling
    group: str
    few_subnet: str
    many_subnet: str
    interface: str
    present: int = _SMALL


@dataclass
class Results:
    """Of one server: for each count the interfaces it held and the figures of each row; and the VPC's seconds."""

    held: dict[int, int] = field(default_factory=dict)
    rows: dict[int, dict[str, Figures]] = field(default_factory=dict)
    vpc: dict[int, float | None] = field(default_factory=dict)


def run(server: Running, counts: tuple[int, ...], fill_seconds: float, quick: bool) -> Results:
    """All rows against one server, at one count after the other."""
    estate = _prepare(server)
    results = Results()
    seconds = 0.5 if quick else 3
    for count in counts:
        results.held[count] = _fill(server, estate, count, fill_seconds)
        results.rows[count] = {
            name: _ask(server, requests(estate), seconds, most)
            for name, (requests, most) in ROWS.items()
        }  # fmt: skip
        results.vpc[count] = _three_zones(server)
    return results


def _prepare(server: Running) -> Estate:
    ec2 = _client(server)
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    many = ec2.create_subnet(VpcId=vpc, CidrBlock="10.2.0.0/20")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="few", Description="few")["GroupId"]
    few = ec2.create_subnet(VpcId=vpc, CidrBlock="10.2.16.0/24")["Subnet"]["SubnetId"]
    made = [
        ec2.create_network_interface(
            SubnetId=few, Groups=[group], Description="few" if number else "the only one"
        )
        for number in range(_SMALL)
    ]
    room = _QUOTA_OF_THE_ACCOUNT_ASKED if server.is_ours else _FULL
    filling = Filling(ec2, _large_subnet(ec2), room)
    return Estate(ec2, filling, group, few, many, made[0]["NetworkInterface"]["NetworkInterfaceId"])


def _client(server: Running) -> Any:
    """A client whose requests have no token, so that one that is sent again makes another interface."""
    ec2 = server.client("ec2")
    ec2.meta.events.unregister("before-parameter-build", generate_idempotent_uuid)
    return ec2


def _large_subnet(ec2: Any) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet: str = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/16")["Subnet"]["SubnetId"]
    return subnet


def _more_room(server: Running) -> Filling:
    """Another subnet, of another account where accounts have quotas."""
    ec2 = _client(another_account(server) if server.is_ours else server)
    return Filling(ec2, _large_subnet(ec2), _QUOTA if server.is_ours else _FULL)


def _fill(server: Running, estate: Estate, count: int, seconds: float) -> int:
    """Make interfaces until so many are there, or the time is over; answers how many are there."""
    until = time.monotonic() + seconds
    while estate.present < count and (left := until - time.monotonic()) > 0:
        if not estate.filling.room:
            estate.filling = _more_room(server)
        filling = estate.filling
        wanted = min(count - estate.present, filling.room)
        request = raw_requests(filling.ec2, "create_network_interface", [{"SubnetId": filling.subnet}])
        done = measure("127.0.0.1", server.port, request, concurrency=16, total=wanted, seconds=left)
        if done.errors:
            raise SystemExit(f"{server.name}: {done.errors} of {done.total} interfaces were refused")
        filling.room -= done.total
        estate.present += done.total
    return estate.present


def _ask(server: Running, requests: list[bytes], seconds: float, most: int) -> Figures:
    return measure("127.0.0.1", server.port, requests, concurrency=1, total=most, seconds=seconds)


def _create(estate: Estate) -> list[bytes]:
    return raw_requests(estate.ec2, "create_network_interface", [{"SubnetId": estate.many_subnet}])


def _describe(name: str, value: Callable[[Estate], str]) -> Callable[[Estate], list[bytes]]:
    """Interfaces by a filter, or by their ids where there is no such filter."""

    def requests(estate: Estate) -> list[bytes]:
        wanted = [value(estate)]
        asked = {name: wanted} if name[0].isupper() else {"Filters": [{"Name": name, "Values": wanted}]}
        return raw_requests(estate.ec2, "describe_network_interfaces", [asked])

    return requests


def _delete(estate: Estate) -> list[bytes]:
    """Requests that delete interfaces which are made for it."""
    subnet = estate.many_subnet
    made = [estate.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(_DELETED)]
    wanted = [{"NetworkInterfaceId": each["NetworkInterfaceId"]} for each in made]
    return raw_requests(estate.ec2, "delete_network_interface", wanted)


# What is asked, and how often at most.
ROWS: dict[str, tuple[Callable[[Estate], list[bytes]], int]] = {
    "Describe one by its id": (_describe("NetworkInterfaceIds", lambda estate: estate.interface), 2_000),
    "Describe the five of a group": (_describe("group-id", lambda estate: estate.group), 2_000),
    "Describe the five of a subnet": (_describe("subnet-id", lambda estate: estate.few_subnet), 2_000),
    "Describe the one with a description": (_describe("description", lambda _: "the only one"), 2_000),
    "CreateNetworkInterface": (_create, _MADE),
    "DeleteNetworkInterface": (_delete, _DELETED),
}


class ThreeZones:
    """A VPC with a public and a private subnet in each of three zones, a NAT gateway in each zone, and a group."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.subnets: list[str] = []
        self.tables: list[str] = []
        self.associations: list[str] = []
        self.gateways: list[tuple[str, str]] = []

    def build(self) -> None:
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.group = ec2.create_security_group(VpcId=self.vpc, GroupName="web", Description="web")["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0"
        )
        public = self.route_table(GatewayId=self.gateway)
        zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]][:3]
        for number, zone in enumerate(zones):
            outside = self.subnet(f"10.3.{number}.0/24", zone, public)
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            made = ec2.create_nat_gateway(SubnetId=outside, AllocationId=address)
            nat = made["NatGateway"]["NatGatewayId"]
            self.wait(nat, "available")
            self.gateways.append((nat, address))
            self.subnet(f"10.3.{number + 10}.0/24", zone, self.route_table(NatGatewayId=nat))

    def route_table(self, **target: str) -> str:
        table: str = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        self.tables.append(table)
        return table

    def subnet(self, cidr: str, zone: str, table: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)
        subnet: str = made["Subnet"]["SubnetId"]
        self.subnets.append(subnet)
        associated = self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        self.associations.append(associated["AssociationId"])
        return subnet

    def wait(self, nat: str, state: str) -> None:
        """Ask for a NAT gateway until it is in a state, at most ten times a second."""
        while self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"] != state:
            time.sleep(0.1)

    def take_down(self) -> None:
        ec2 = self.ec2
        for nat, address in self.gateways:
            ec2.delete_nat_gateway(NatGatewayId=nat)
            with suppress(ClientError, IndexError):  # Some servers forget one at once.
                self.wait(nat, "deleted")
            ec2.release_address(AllocationId=address)
        for association in self.associations:
            ec2.disassociate_route_table(AssociationId=association)
        for subnet in self.subnets:
            ec2.delete_subnet(SubnetId=subnet)
        for table in self.tables:
            ec2.delete_route_table(RouteTableId=table)
        ec2.delete_security_group(GroupId=self.group)
        ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        ec2.delete_vpc(VpcId=self.vpc)


def _three_zones(server: Running) -> float | None:
    """Seconds to build a VPC over three zones and to take it down again; None when a call is refused."""
    vpc = ThreeZones(server.client("ec2"))
    started = time.perf_counter()
    try:
        vpc.build()
        vpc.take_down()
    except (BotoCoreError, ClientError) as refusal:
        print(f"{server.name}: {refusal}", file=sys.stderr)
        return None
    return time.perf_counter() - started


def table(results: dict[str, Results]) -> str:
    """The run as Markdown."""
    names = list(results)
    lines = [
        "| one request after the other | interfaces | "
        + " | ".join(f"{name} req/s (p50/p99 ms)" for name in names)
        + "".join(f" | x {name}" for name in names[1:])
        + " |",
        "|---|---|" + "---|" * (2 * len(names) - 1),
    ]
    for row in ROWS:
        lines += [_line(row, count, results) for count in results[names[0]].held]
    lines += [_vpc_line(count, results) for count in results[names[0]].held]
    return "\n".join(lines)


def _line(row: str, count: int, results: dict[str, Results]) -> str:
    cells, ratios = [], []
    own = next(iter(results.values())).rows[count][row].rate
    for each in results.values():
        figures, held = each.rows[count][row], each.held[count]
        notes = f", {figures.errors} of {figures.total} FAILED" if figures.errors else ""
        notes += f", with {held:,}" if held < count else ""
        cells.append(f"{figures.rate:,.0f} ({figures.p50 * 1000:.2f}/{figures.p99 * 1000:.2f}{notes})")
        ratios.append(f"{own / figures.rate:.1f}")
    return f"| {row} | {count:,} | " + " | ".join(cells + ratios[1:]) + " |"


def _vpc_line(count: int, results: dict[str, Results]) -> str:
    taken = [each.vpc[count] for each in results.values()]
    cells = [f"{seconds:.2f} s" if seconds else "a call is refused" for seconds in taken]
    own = taken[0] or 0.0
    ratios = [f"{seconds / own:.1f}" if seconds and own else "-" for seconds in taken[1:]]
    return f"| three zones built and torn down | {count:,} | " + " | ".join(cells + ratios) + " |"
