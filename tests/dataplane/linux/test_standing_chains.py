"""Which chains stand in a VPC's router: those that decide something, and no others, since every packet pays for each."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from networks import TCP, entry, group, interface, vpc

from understudy_aws.dataplane.linux.compile import network_objects
from understudy_aws.dataplane.linux.objects import Chain
from understudy_aws.dataplane.wanted import Network, NetworkAcl

ALL, SIX = entry(100), entry(101, "::/0")
OPEN = (ALL, SIX)
ALWAYS = {"source_check", "destination_check", "groups_egress", "groups_ingress", "router"}
OF_INTERNET = {"internet", "from_public", "to_public"}


def site(*, ingress=OPEN, egress=OPEN, **more):
    acl = NetworkAcl(id="acl-own", ingress=ingress, egress=egress)
    return vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", "10.0.1.10"),
        groups=(group("sg-app"),),
        acls=(acl,),
        subnet_acls={2: "acl-own"},
        **more,
    )


def standing(of) -> dict[str, Chain]:
    chains = [each for each in network_objects(Network(vpcs=(of,))) if isinstance(each, Chain)]
    return {each.name: each for each in chains if each.base is not None and each.namespace == "vpc-a"}


def test_where_all_acls_let_everything_pass_and_no_gateway_leads_out_only_the_rest_stands():
    assert standing(site()).keys() == ALWAYS


def test_chains_for_the_internet_stand_with_a_way_there():
    assert standing(site(internet_gateway="igw-a")).keys() == ALWAYS | OF_INTERNET
    assert standing(site(egress_only_gateway="eigw-a")).keys() == ALWAYS | {"internet"}


@pytest.mark.parametrize(
    ("entries", "filtered"),
    [
        ((), "both"),
        ((ALL,), "6"),
        ((SIX,), "4"),
        ((entry(99, allow=False), ALL, SIX), "4"),
        ((entry(99, "::/0", allow=False), ALL, SIX), "6"),
        ((entry(102, allow=False), ALL, SIX), "none"),
        ((entry(99, "10.0.0.0/8"), ALL, SIX), "4"),
        ((entry(100, protocol=TCP), SIX), "4"),
        ((entry(100, protocol=TCP, ports=(0, 65535)), SIX), "4"),
        ((SIX, entry(32766)), "none"),
    ],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_an_acl_is_asked_about_what_it_may_drop(entries, filtered, direction):
    """An entry is asked before those with higher numbers (network-acls.md), and its family is that of its block."""
    name, other = ("acl_in", "acl_out") if direction == "ingress" else ("acl_out", "acl_in")
    stands = standing(site(**{direction: entries}))
    assert other not in stands
    if filtered == "none":
        assert name not in stands
        return
    [rule] = stands[name].rules
    assert rule.comment == {"both": "by link"}.get(filtered, f"ipv{filtered} by link")


def test_an_acl_of_no_subnet_is_not_asked():
    shut = replace(site(ingress=(), egress=()), subnets=site().subnets[:1])
    assert standing(shut).keys() == ALWAYS
