"""Random wanted networks, with the questions that can be asked of them."""

from __future__ import annotations

import random
from ipaddress import ip_network

from msgspec.structs import replace
from networks import ALL, OPEN_ACL, TCP, entry, interface, rule, vpc

from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.dataplane.packets import ICMP, ICMPV6, UDP
from understudy_aws.dataplane.reach import Question
from understudy_aws.dataplane.wanted import (
    Interface,
    NatGateway,
    Network,
    NetworkAcl,
    NetworkAclEntry,
    Peering,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)

PORTS = (80, 443)
GROUPS = ("sg-a", "sg-b", "sg-c")


def random_network(seed: int, *, ipv6: bool = False) -> Network:
    """Two VPCs with two subnets of two interfaces each; half of everything that may refuse does.

    With `ipv6` interfaces have addresses of both kinds, and so have rules, entries and routes.
    """
    chance = random.Random(seed)
    vpcs = tuple(_vpc(chance, f"vpc-{name}", second) for second, name in enumerate("ab"))
    peerings = ()
    if chance.random() < 0.6:
        peerings = (Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b"),)
    lists = {"pl-1": ("10.0.1.0/24", "198.18.0.0/16")}
    if ipv6:
        vpcs = tuple(_with_ipv6(chance, each, second) for second, each in enumerate(vpcs))
        lists["pl-6"] = (_block6(0, 1), _block6(1, 2))
    return Network(vpcs=vpcs, peerings=peerings, prefix_lists=lists)


def with_protocols(network: Network, seed: int) -> Network:
    """Return a network with rules and entries for UDP, ICMP and ICMPv6 too, half of them such as refuse something."""
    chance = random.Random(seed)
    return replace(network, vpcs=tuple(_with_protocols(chance, each) for each in network.vpcs))


def _with_protocols(chance: random.Random, vpc: Vpc) -> Vpc:
    everywhere = {ICMPV6: "::/0"}

    def service() -> tuple[str, tuple[int, int]]:
        return chance.choice(
            [(UDP, (80, 80)), (UDP, (1, 1000)), (UDP, (1024, 65535)), (ICMP, (8, -1)), (ICMP, (0, -1)),
             (ICMP, (-1, -1)), (ICMP, (3, -1)), (ICMPV6, (128, -1)), (ICMPV6, (-1, -1))]
        )  # fmt: skip

    def rules(most: int) -> tuple[SecurityGroupRule, ...]:
        found = []
        for _ in range(chance.randrange(most)):
            protocol, ports = service()
            peers = [{"cidr": everywhere.get(protocol, "0.0.0.0/0")}, {"group": chance.choice(GROUPS)}]
            found.append(rule(protocol, ports, **chance.choice(peers)))
        return tuple(found)

    def entries() -> tuple[NetworkAclEntry, ...]:
        found = []
        for number in (60, 70):
            if chance.random() < 0.4:
                protocol, ports = service()
                cidr = everywhere.get(protocol, "0.0.0.0/0")
                found.append(entry(number, cidr, allow=chance.random() < 0.5, protocol=protocol, ports=ports))
        return tuple(found)

    return replace(
        vpc,
        network_acls=tuple(
            replace(each, ingress=(*entries(), *each.ingress), egress=(*entries(), *each.egress))
            if each.id != OPEN_ACL.id
            else each
            for each in vpc.network_acls
        ),
        security_groups=tuple(
            replace(each, ingress=(*each.ingress, *rules(4)), egress=(*each.egress, *rules(3)))
            for each in vpc.security_groups
        ),
    )


def own_everything(network: Network) -> Network:
    """Give each interface a subnet, a group, a network ACL and a route table of its own, with what the shared ones say."""
    return replace(network, vpcs=tuple(_own_everything(each) for each in network.vpcs))


def _own_everything(vpc: Vpc) -> Vpc:
    subnets, tables, acls, groups, interfaces = [], [], [], list(vpc.security_groups), []
    for each in vpc.interfaces:
        subnet = next(found for found in vpc.subnets if found.id == each.subnet)
        table = next(found for found in vpc.route_tables if found.id == subnet.route_table)
        acl = next(found for found in vpc.network_acls if found.id == subnet.network_acl)
        # Which groups an interface is in decides who is meant by rules; the first of its own has no rules yet.
        group = SecurityGroup(id=f"sg-of-{each.id}")
        tables.append(replace(table, id=f"{table.id}-of-{each.id}"))
        acls.append(replace(acl, id=f"{acl.id}-of-{each.id}"))
        groups.append(group)
        subnets.append(
            replace(subnet, id=f"subnet-of-{each.id}", route_table=tables[-1].id, network_acl=acls[-1].id)
        )
        own = (*each.groups, group.id) if each.filtered else each.groups
        interfaces.append(replace(each, subnet=subnets[-1].id, groups=own))
    return replace(
        vpc,
        subnets=tuple(subnets),
        route_tables=tuple(tables),
        network_acls=tuple(acls),
        security_groups=tuple(groups),
        interfaces=tuple(interfaces),
    )


def _block6(second: int, subnet: int | None = None) -> str:
    """Return the IPv6 block of a VPC, or of one of its subnets."""
    text = f"2600:1f18:0:{second}00::/56" if subnet is None else f"2600:1f18:0:{second}0{subnet}::/64"
    return str(ip_network(text))


def _with_ipv6(chance: random.Random, vpc: Vpc, second: int) -> Vpc:
    """Return a VPC whose subnets and interfaces have IPv6 too, and half of what lets it pass."""
    egress_only = f"eigw-{vpc.id[-1]}" if chance.random() < 0.5 else ""
    exits = [each for each in (vpc.internet_gateway, egress_only) if each]

    def routes(table: RouteTable) -> RouteTable:
        found = list(table.routes)
        if exits and chance.random() < 0.7:
            found.append(Route(destination="::/0", target=chance.choice(exits)))
        if chance.random() < 0.7:
            found.append(Route(destination=_block6(1 - second), target="pcx-1"))
        return replace(table, routes=tuple(found))

    def rules(most: int) -> tuple[SecurityGroupRule, ...]:
        peers = [{"cidr": "::/0"}, {"cidr": _block6(second, 1)}, {"prefix_list": "pl-6"}]
        return tuple(
            rule(*chance.choice([(ALL,), (TCP, 80), (TCP, (1, 1000))]), **chance.choice(peers))
            for _ in range(chance.randrange(most))
        )

    def entries() -> tuple[NetworkAclEntry, ...]:
        cidr = chance.choice(["::/0", _block6(second)])
        return (entry(150, cidr),) if chance.random() < 0.8 else ()

    def numbered(interface: Interface, place: int) -> Interface:
        first = ip_network(_block6(second, int(interface.subnet[-1]))).network_address
        return replace(interface, addresses=(*interface.addresses, str(first + 10 + place)))

    return replace(
        vpc,
        cidrs=(*vpc.cidrs, _block6(second)),
        egress_only_gateway=egress_only,
        subnets=tuple(
            replace(each, cidrs=(*each.cidrs, _block6(second, int(each.id[-1])))) for each in vpc.subnets
        ),
        route_tables=tuple(routes(each) for each in vpc.route_tables),
        network_acls=tuple(
            replace(each, ingress=(*each.ingress, *entries()), egress=(*each.egress, *entries()))
            if each.id != OPEN_ACL.id
            else each
            for each in vpc.network_acls
        ),
        security_groups=tuple(
            replace(each, ingress=(*each.ingress, *rules(3)), egress=(*each.egress, *rules(3)))
            for each in vpc.security_groups
        ),
        interfaces=tuple(
            numbered(each, place) if each.filtered else each for place, each in enumerate(vpc.interfaces)
        ),
    )


def questions(network: Network) -> list[Question]:
    """Every interface to every address, private and public, at one port, to some that nobody has, and to what it has at hand."""
    interfaces = [each for vpc in network.vpcs for each in vpc.interfaces if each.filtered]
    addresses = [
        address
        for vpc in network.vpcs
        for each in vpc.interfaces
        for address in (*each.addresses, *(public for _, public in each.public))
    ]
    return [
        Question(source.id, address, port=PORTS[place % 2])
        for place, (source, address) in enumerate(
            (source, address)
            for source in interfaces
            for address in (*addresses, "10.0.1.99", "192.0.2.1", API_ADDRESSES[4])
            if address not in source.addresses and address not in dict(source.public).values()
        )
    ] + [
        Question(source.id, address, protocol, port)
        for place, source in enumerate(interfaces)
        for address, protocol, port in AT_HAND[place % 4 :: 4]
        if ":" not in address or any(":" in each for each in source.addresses)
    ]


# The resolver's addresses, of both VPCs, the time, and addresses of one link or one machine, which never has a router.
AT_HAND = [
    ("10.0.0.2", UDP, 53), ("10.0.0.2", TCP, 53), ("10.0.0.2", TCP, 80), ("10.0.0.2", TCP, 443),
    ("10.1.0.2", TCP, 53), ("10.1.0.2", UDP, 53), ("10.0.1.1", TCP, 80), ("10.1.1.1", TCP, 80),
    ("169.254.169.253", UDP, 53), ("169.254.169.253", TCP, 53), ("fd00:ec2::253", UDP, 53), ("fd00:ec2::253", TCP, 53),
    ("169.254.169.123", UDP, 123), ("fd00:ec2::123", UDP, 123), ("127.0.0.1", TCP, 80), ("::1", TCP, 80),
    ("169.254.169.254", TCP, 80), ("169.254.170.2", TCP, 80), ("169.254.0.1", TCP, 80), ("169.254.0.2", TCP, 80),
    ("169.254.64.0", TCP, 80), ("169.254.64.1", TCP, 80), ("fd00:ec2::254", TCP, 80), ("fe80::1", TCP, 80),
]  # fmt: skip


def _vpc(chance: random.Random, id: str, second: int):
    def some(*choices):
        return chance.choice(choices)

    name = id[-1]
    interfaces = []
    for subnet in (1, 2):
        for number in (1, 2):
            address = f"10.{second}.{subnet}.{10 + number}"
            public = ((address, f"198.18.{second}.{subnet}{number}"),) if chance.random() < 0.5 else ()
            interfaces.append(
                interface(
                    f"{name}{subnet}{number}", f"{id}-subnet-{subnet}", address,
                    groups=tuple(sorted(chance.sample(GROUPS, some(1, 2)))), public=public,
                    accepts_connections=chance.random() < 0.9,
                )
            )  # fmt: skip
    gateway = f"igw-{name}" if chance.random() < 0.8 else ""
    nat = ()
    if gateway and chance.random() < 0.7:
        nat = (NatGateway(id=f"nat-{name}", interface=f"eni-nat-{name}"),)
        own = f"10.{second}.1.250"
        interfaces.append(
            interface(
                f"nat-{name}", f"{id}-subnet-1", own, groups=(), filtered=False, source_dest_check=False,
                public=((own, f"198.18.{second}.250"),),
            )
        )  # fmt: skip
    other = f"10.{1 - second}.0.0/16"

    def routes(number: int) -> tuple[Route, ...]:
        found = []
        if gateway and number == 1 and chance.random() < 0.9:
            found.append(Route(destination="0.0.0.0/0", target=gateway))
        if number == 2 and chance.random() < 0.8:
            found.append(
                Route(destination="0.0.0.0/0", target=some(*([f"nat-{name}"] if nat else []), gateway, ""))
            )
        if chance.random() < 0.7:
            found.append(Route(destination=other, target="pcx-1"))
        if chance.random() < 0.1:
            found.append(Route(destination=f"10.{second}.2.0/24", target=""))
        return tuple(found)

    return vpc(
        id, *interfaces, cidrs=(f"10.{second}.0.0/16",), internet_gateway=gateway, nat_gateways=nat,
        groups=tuple(_group(chance, each) for each in GROUPS), routes=routes(1),
        tables=(RouteTable(id=f"{id}-private", routes=routes(2)),), subnet_tables={2: f"{id}-private"},
        acls=(_acl(chance, f"acl-{name}"),), subnet_acls={2: f"acl-{name}"} if chance.random() < 0.4 else {},
    )  # fmt: skip


def _group(chance: random.Random, id: str) -> SecurityGroup:
    def peer():
        return chance.choice(
            [{"cidr": "0.0.0.0/0"}, {"cidr": "10.0.0.0/8"}, {"cidr": "10.0.1.0/24"}, {"group": chance.choice(GROUPS)},
             {"prefix_list": "pl-1"}, {"cidr": "198.18.0.0/15"}]
        )  # fmt: skip

    def rules(most: int):
        return tuple(
            rule(*chance.choice([(ALL,), (TCP, 80), (TCP, (1, 1000))]), **peer())
            for _ in range(chance.randrange(most))
        )

    egress = (rule(),) if chance.random() < 0.7 else rules(3)
    return SecurityGroup(id=id, ingress=rules(4), egress=egress)


def _acl(chance: random.Random, id: str) -> NetworkAcl:
    def entries():
        found = []
        if chance.random() < 0.4:
            ports = chance.choice([(80, 80), (1, 1023), (1024, 65535)])
            cidr = chance.choice(["0.0.0.0/0", "10.0.1.0/24"])
            found.append(entry(50, cidr, allow=chance.random() < 0.4, protocol=TCP, ports=ports))
        if chance.random() < 0.8:
            found.append(entry(100, chance.choice(["0.0.0.0/0", "10.0.0.0/8"])))
        return tuple(found)

    return NetworkAcl(id=id, ingress=entries(), egress=entries())
