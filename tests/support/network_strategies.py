"""Wanted networks for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import IdleTimeouts, NatGateway, Network, Peering, Route, RouteTable

TIMEOUTS = (IdleTimeouts(), IdleTimeouts(tcp_established=60), IdleTimeouts(udp=30, udp_stream=90))
GROUPS = ("sg-a", "sg-b", "sg-c")


@st.composite
def networks(draw) -> Network:
    made = []
    for id, second in (("vpc-1", 0), ("vpc-2", 1)):
        if not draw(st.booleans()):
            continue
        interfaces = []
        for number in draw(st.sets(st.integers(0, 5), max_size=5)):
            groups = tuple(sorted(draw(st.sets(st.sampled_from(GROUPS), min_size=1))))
            public = draw(st.booleans())
            interfaces.append(
                interface(
                    f"{id}-{number}", f"{id}-subnet-{1 + number % 2}", f"10.{second}.{1 + number % 2}.{10 + number}",
                    groups=groups, source_dest_check=draw(st.booleans()), idle_timeouts=draw(st.sampled_from(TIMEOUTS)),
                    public=((f"10.{second}.{1 + number % 2}.{10 + number}", f"198.18.{second}.{number}"),) if public else (),
                )
            )  # fmt: skip
        rules = st.lists(
            st.builds(
                lambda port, peer: replace(rule(TCP, port, group=peer), id=f"sgr-{port}-{peer}"),
                st.integers(1, 4), st.sampled_from(GROUPS),
            ),
            max_size=3, unique_by=lambda each: each.id,
        )  # fmt: skip
        gateway = "igw-1" if draw(st.booleans()) else ""
        nat = ()
        if interfaces and draw(st.booleans()):
            nat = (NatGateway(id="nat-1", interface=interfaces[0].id),)
        targets = ["", "igw-1", "nat-1", "pcx-1", *(each.id for each in interfaces)]
        made.append(
            vpc(
                id, *interfaces, cidrs=(f"10.{second}.0.0/16",), internet_gateway=gateway, nat_gateways=nat,
                groups=tuple(group(each, *draw(rules), egress=()) for each in GROUPS),
                routes=tuple(
                    Route(destination=destination, target=draw(st.sampled_from(targets)))
                    for destination in draw(st.sets(st.sampled_from(["0.0.0.0/0", "10.9.0.0/16", "10.0.1.0/24"])))
                ),
                tables=(RouteTable(id="other"),),
                subnet_tables={2: draw(st.sampled_from(["other", f"{id}-rtb"]))},
            )
        )  # fmt: skip
    peerings = ()
    if len(made) == 2 and draw(st.booleans()):
        peerings = (Peering(id="pcx-1", requester="vpc-1", accepter="vpc-2"),)
    return Network(vpcs=tuple(made), peerings=peerings)
