"""Small wanted networks for tests of the data plane."""

from __future__ import annotations

from ipaddress import ip_address

from understudy_aws.dataplane.wanted import (
    Hosts,
    Interface,
    NetworkAcl,
    NetworkAclEntry,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)

ALL = "-1"
TCP = "6"

_numbers = iter(range(1, 1 << 40))


def new_id(prefix: str) -> str:
    return f"{prefix}-{next(_numbers):017x}"


def rule(protocol: str = ALL, ports: int | tuple[int, int] = -1, **peer: str) -> SecurityGroupRule:
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    peer = peer or {"cidr": "0.0.0.0/0"}
    return SecurityGroupRule(id=new_id("sgr"), protocol=protocol, from_port=first, to_port=last, **peer)


def group(
    id: str, *ingress: SecurityGroupRule, egress: tuple[SecurityGroupRule, ...] | None = None
) -> SecurityGroup:
    """A group that lets everything out unless told otherwise."""
    return SecurityGroup(
        id=id, ingress=ingress, egress=egress if egress is not None else (rule(), rule(cidr="::/0"))
    )


def entry(
    number: int,
    cidr: str = "0.0.0.0/0",
    *,
    allow: bool = True,
    protocol: str = ALL,
    ports: tuple[int, int] = (-1, -1),
) -> NetworkAclEntry:
    return NetworkAclEntry(
        number=number, protocol=protocol, cidr=cidr, allow=allow, from_port=ports[0], to_port=ports[1]
    )


OPEN_ACL = NetworkAcl(
    id="acl-open", ingress=(entry(100), entry(101, "::/0")), egress=(entry(100), entry(101, "::/0"))
)


def interface(
    name: str, subnet: str, *addresses: str, groups: tuple[str, ...] = ("sg-app",), **more
) -> Interface:
    number = sum(name.encode()) % 256
    return Interface(
        id=f"eni-{name}",
        subnet=subnet,
        mac=f"02:00:00:00:00:{number:02x}",
        addresses=addresses,
        groups=groups,
        **more,
    )


def hosts(*addresses: str) -> tuple[Hosts, ...]:
    """Addresses that have names, in the least block that holds them all."""
    if not addresses:
        return ()
    numbers = [int(ip_address(each)) for each in addresses]
    return (
        Hosts(
            block=f"{ip_address(min(numbers))}/32", bits=f"{sum(1 << n - min(numbers) for n in numbers):x}"
        ),
    )


def vpc(
    id: str,
    *interfaces: Interface,
    groups: tuple[SecurityGroup, ...],
    routes: tuple[Route, ...] = (),
    cidrs=("10.0.0.0/16",),
    **more,
) -> Vpc:
    """A VPC with the subnets subnet-1 (10.0.1.0/24) and subnet-2 (10.0.2.0/24), whose ids begin with its own."""
    block = cidrs[0].split(".")
    subnets = tuple(
        Subnet(
            id=f"{id}-subnet-{number}",
            cidrs=(f"{block[0]}.{block[1]}.{number}.0/24", *(more.get("subnet_cidrs6", {}).get(number, ()))),
            route_table=more.get("subnet_tables", {}).get(number, f"{id}-rtb"),
            network_acl=more.get("subnet_acls", {}).get(number, "acl-open"),
        )
        for number in (1, 2)
    )
    return Vpc(
        id=id, cidrs=cidrs, subnets=subnets,
        route_tables=(RouteTable(id=f"{id}-rtb", routes=routes), *more.get("tables", ())),
        network_acls=(OPEN_ACL, *more.get("acls", ())), security_groups=groups, interfaces=interfaces,
        internet_gateway=more.get("internet_gateway", ""), egress_only_gateway=more.get("egress_only_gateway", ""),
        nat_gateways=more.get("nat_gateways", ()),
    )  # fmt: skip
