"""What `reach` says of the internet: AWS's APIs, the real internet, addresses that nobody has, gateway endpoints."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc

from understudy_aws.dataplane.changes import AddRoute, AddRule
from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import NatGateway, Network, Route, RouteTable

API = API_ADDRESSES[4]


def network(*private: Route, **more) -> Network:
    """An interface with a public address, and one in a subnet whose table has these routes."""
    everywhere = Route(destination="0.0.0.0/0", target="igw-a")
    made = vpc(
        "vpc-a",
        interface("public", "vpc-a-subnet-1", "10.0.1.10", public=(("10.0.1.10", "198.18.1.10"),)),
        interface("private", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-private",)),
        interface(
            "nat", "vpc-a-subnet-1", "10.0.1.20", groups=(), filtered=False, source_dest_check=False,
            public=(("10.0.1.20", "198.18.1.20"),),
        ),
        groups=(group("sg-app"), group("sg-private", **more)),
        routes=(everywhere,),
        tables=(RouteTable(id="rtb-private", routes=private),),
        subnet_tables={2: "rtb-private"},
        internet_gateway="igw-a",
        nat_gateways=(NatGateway(id="nat-a", interface="eni-nat"),),
    )  # fmt: skip
    return Network(vpcs=(made,))


def last(outcome) -> tuple[str, str]:
    return outcome.hops[-1].at, outcome.hops[-1].why


def apis(outcome) -> str:
    return next(hop.why for hop in outcome.hops if hop.at == "AWS's APIs")


def test_the_apis_see_the_public_address_and_that_of_a_nat_gateway():
    through_nat = network(Route(destination="0.0.0.0/0", target="nat-a"))
    assert "seen from 198.18.1.10" in apis(reach(through_nat, Question("eni-public", API)))
    assert "seen from 198.18.1.20" in apis(reach(through_nat, Question("eni-private", API)))


def test_without_a_way_the_change_is_a_route_to_the_nat_gateway():
    outcome = reach(network(), Question("eni-private", API))
    assert not outcome.passes
    assert outcome.change == AddRoute("rtb-private", Route(destination=f"{API}/32", target="nat-a"))


def test_a_group_that_lets_nothing_out_is_named_for_the_apis_too():
    closed = network(Route(destination="0.0.0.0/0", target="nat-a"), egress=(rule(TCP, 5432),))
    outcome = reach(closed, Question("eni-private", API))
    assert isinstance(outcome.change, AddRule)
    assert (outcome.change.group, outcome.change.egress, outcome.change.rule.cidr) == (
        "sg-private", True, f"{API}/32",
    )  # fmt: skip


def test_the_real_internet_is_reached_where_something_carries_packets_there():
    asked = Question("eni-public", "192.0.2.80", port=80)
    refused = reach(network(), asked)
    assert not refused.passes
    assert "nothing carries packets to the real internet" in last(refused)[1]
    assert reach(replace(network(), world=True), asked).passes


@pytest.mark.parametrize("address", ["198.18.9.9", "240.0.0.1", "203.0.113.2"])
def test_what_is_nobodys_or_this_machines_own_is_not_reached(address):
    told = replace(network(), world=True, machine=("203.0.113.2/32",))
    outcome = reach(told, Question("eni-public", address))
    assert (outcome.passes, last(outcome)[0]) == (False, "internet")


def test_a_route_to_a_gateway_endpoint_is_said_to_lead_nowhere():
    outcome = reach(
        network(Route(destination="52.216.0.0/15", target="vpce-1")), Question("eni-private", "52.216.0.1")
    )
    assert not outcome.passes
    assert "vpce-1 is a gateway endpoint" in outcome.advice
