"""Two networks that differ in everything a network has, and what packets do in them, for nodes that die between them."""

from __future__ import annotations

from networks import TCP, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import NatGateway, Network, Peering, Route

_APP, _DB, _NEW, _PEER = "10.0.1.10", "10.0.2.10", "10.0.1.30", "10.1.1.10"
_OUT = Route(destination="0.0.0.0/0", target="igw-a")

FIRST = Network(
    vpcs=(
        vpc(
            "vpc-a",
            interface("app", "vpc-a-subnet-1", _APP, public=((_APP, "198.18.1.10"),)),
            interface("db", "vpc-a-subnet-2", _DB, groups=("sg-db",)),
            groups=(group("sg-app"), group("sg-db", rule(TCP, 80, group="sg-app"))),
            routes=(_OUT,), internet_gateway="igw-a",
        ),
    ),
)  # fmt: skip
"""A VPC with an internet gateway; `app` reaches `db` at port 80 alone."""

SECOND = Network(
    vpcs=(
        vpc(
            "vpc-a",
            interface("app", "vpc-a-subnet-1", _APP, "2600:db8:0:1::10", groups=("sg-app", "sg-new")),
            interface("new", "vpc-a-subnet-1", _NEW, groups=("sg-new",)),
            interface("nat", "vpc-a-subnet-1", "10.0.1.250", groups=(), filtered=False, source_dest_check=False),
            groups=(group("sg-app"), group("sg-new", rule(TCP, 81, group="sg-app"))),
            routes=(Route(destination="10.1.0.0/16", target="pcx-1"), Route(destination="0.0.0.0/0", target="nat-a")),
            cidrs=("10.0.0.0/16", "2600:db8::/56"), subnet_cidrs6={1: ("2600:db8:0:1::/64",)},
            nat_gateways=(NatGateway(id="nat-a", interface="eni-nat"),),
        ),
        vpc(
            "vpc-b", interface("peer", "vpc-b-subnet-1", _PEER, groups=("sg-peer",)),
            groups=(group("sg-peer", rule(TCP, 82, group="sg-app")),), cidrs=("10.1.0.0/16",),
            routes=(Route(destination="10.0.0.0/16", target="pcx-1"),),
        ),
    ),
    peerings=(Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b"),),
)  # fmt: skip
"""Without the gateway and `db`, with a NAT gateway, IPv6, and a peering to another VPC; `app` reaches `new` and `peer`."""


def outcomes(network: Network) -> list[tuple[str, str, int, str]]:
    """What becomes of packets: interface, address, port, outcome."""
    if network is FIRST:
        return [
            ("eni-app", _DB, 80, "refused"),
            ("eni-app", _DB, 81, "silent"),
            ("eni-db", _APP, 80, "silent"),
        ]
    return [
        ("eni-app", _NEW, 81, "refused"), ("eni-new", _APP, 81, "silent"),
        ("eni-app", _PEER, 82, "refused"), ("eni-app", _PEER, 81, "silent"),
    ]  # fmt: skip
