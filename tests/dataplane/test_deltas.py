"""What changed between two networks leads from the one to the other, and is as small as the change."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from network_strategies import networks
from networks import group, interface, rule, vpc

from understudy_aws.dataplane.deltas import NetworkDelta, VpcDelta, delta_of, with_delta
from understudy_aws.dataplane.wanted import Interface, Network, Vpc


def told(delta: NetworkDelta) -> NetworkDelta:
    """The delta as the node gets it."""
    return msgspec.json.decode(msgspec.json.encode(delta), type=NetworkDelta)


def in_order(network: Network) -> Network:
    """The network with every collection in the order of ids, as the server says it."""
    by_id = {"key": lambda each: each.id}
    vpcs = (
        replace(
            vpc,
            **{
                field: tuple(sorted(getattr(vpc, field), **by_id))
                for field in ("subnets", "interfaces", "security_groups", "route_tables", "network_acls")
            },
        )
        for vpc in network.vpcs
    )
    return replace(network, vpcs=tuple(sorted(vpcs, **by_id)))


@given(networks(), networks(), st.booleans())
def test_a_delta_leads_from_any_network_to_any_other(before, after, ordered):
    if ordered:
        before, after = in_order(before), in_order(after)
    assert with_delta(before, told(delta_of(before, after))) == after


@given(networks())
def test_between_equal_networks_nothing_changes(network):
    again = msgspec.json.decode(msgspec.json.encode(network), type=Network)
    assert delta_of(network, again) == NetworkDelta()
    assert with_delta(network, NetworkDelta()) is network


def large(count: int, *groups) -> Network:
    interfaces = (
        interface(f"{number:04}", "vpc-a-subnet-1", f"10.0.1.{number % 250}") for number in range(count)
    )
    return in_order(Network(vpcs=(vpc("vpc-a", *interfaces, groups=groups), vpc("vpc-b", groups=groups))))


GROUPS = (group("sg-app", rule()), group("sg-db", rule()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda made: replace(made, interfaces=made.interfaces[1:]), id="an interface less"),
        pytest.param(
            lambda made: replace(
                made, interfaces=(interface("0", "vpc-a-subnet-1", "10.0.1.255"), *made.interfaces)
            ),
            id="an interface more",
        ),
        pytest.param(
            lambda made: replace(made, security_groups=(GROUPS[0], group("sg-db"))), id="another rule"
        ),
        pytest.param(lambda made: replace(made, internet_gateway="igw-1"), id="a gateway"),
        pytest.param(lambda made: replace(made, cidrs=(*made.cidrs, "10.9.0.0/16")), id="another block"),
    ],
)
def test_what_is_said_does_not_grow_with_what_stays(change):
    def said(count: int) -> int:
        before = large(count, *GROUPS)
        after = replace(before, vpcs=(change(before.vpcs[0]), before.vpcs[1]))
        delta = delta_of(before, after)
        assert with_delta(before, told(delta)) == after
        return len(msgspec.json.encode(delta))

    assert said(1000) == said(10) < 700


def test_what_stays_is_the_same_object():
    before = large(10, *GROUPS)
    after = with_delta(
        before, delta_of(before, replace(before, vpcs=(replace(before.vpcs[0], interfaces=()),)))
    )
    assert after.vpcs[0].security_groups is before.vpcs[0].security_groups


@pytest.mark.parametrize(
    "delta",
    [
        NetworkDelta(vpcs=(VpcDelta(put=Vpc(id="vpc-other", cidrs=())),)),
        NetworkDelta(gone={"vpcs": ("vpc-other",)}),
        NetworkDelta(vpcs=(VpcDelta(put=Vpc(id="vpc-a", cidrs=()), gone={"interfaces": ("eni-other",)}),)),
        NetworkDelta(vpcs=(VpcDelta(put=Vpc(id="vpc-a", cidrs=()), replaced=("colour",)),)),
    ],
)
def test_a_delta_of_another_network_is_refused(delta):
    with pytest.raises(LookupError):
        with_delta(large(2, *GROUPS), delta)


def test_all_that_an_interface_is_can_change():
    before = large(1, *GROUPS)
    other = Interface(id=before.vpcs[0].interfaces[0].id, subnet="other", mac="", addresses=())
    after = replace(before, vpcs=(replace(before.vpcs[0], interfaces=(other,)), before.vpcs[1]))
    assert with_delta(before, told(delta_of(before, after))) == after
