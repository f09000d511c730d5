"""What every driver of the data plane does: what was asked of one holds for the other.

`linux` makes networks of namespaces and is asked with real packets; `memory` computes what would come of them.
"""

from __future__ import annotations

import pytest
from drivers import with_driver
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc
from nodes import refusal_for
from random_networks import random_network

from understudy_aws.dataplane.messages import Probe
from understudy_aws.dataplane.wanted import Network, Peering, Route

TIMEOUT = 0.3


@pytest.fixture(params=["linux", "memory"])
def kind(request):
    if request.param == "linux" and (refused := refusal_for(None)):
        pytest.skip(refused)
    return request.param


def small(*rules) -> Network:
    app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
    db = interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",))
    return Network(vpcs=(vpc("vpc-a", app, db, groups=(group("sg-app"), group("sg-db", *rules))),))


def all_of(driver, network) -> frozenset:
    return frozenset().union(*driver.parts(network).values())


def make(driver, network) -> None:
    driver.carry_out(driver.plan(driver.observe(), all_of(driver, network)))


def is_made(driver, network) -> bool:
    return driver.plan(driver.observe(), all_of(driver, network)) == []


def test_it_goes_from_nothing_to_any_network_and_on_to_another(kind):
    def check(driver):
        assert driver.observe() == frozenset()
        for network in (*map(random_network, (1, 2)), Network()):
            assert not is_made(driver, network)
            make(driver, network)
            assert is_made(driver, network)

    with_driver(kind, check)


def test_a_plan_is_a_function_of_what_is_and_what_should_be(kind):
    def check(driver):
        wanted = all_of(driver, random_network(3))
        before = driver.observe()
        steps = driver.plan(before, wanted)
        assert steps == driver.plan(frozenset(before), frozenset(wanted))
        assert driver.observe() == before, "planning changes nothing"

    with_driver(kind, check)


def test_steps_may_be_repeated(kind):
    def check(driver):
        make(driver, random_network(4))
        network = random_network(5)
        steps = driver.plan(driver.observe(), all_of(driver, network))
        driver.carry_out(steps)
        once = driver.observe()
        driver.carry_out(steps)
        assert driver.observe() == once
        assert is_made(driver, network)

    with_driver(kind, check)


def test_steps_that_end_early_are_gone_on_with(kind):
    def check(driver):
        wanted = all_of(driver, small(rule(TCP, 80, group="sg-app")))
        for count in range(len(driver.plan(frozenset(), wanted))):
            driver.carry_out(driver.plan(driver.observe(), wanted)[:count])
            make(driver, Network())
        driver.carry_out(driver.plan(driver.observe(), wanted))
        assert driver.plan(driver.observe(), wanted) == []

    with_driver(kind, check)


def test_a_part_that_did_not_change_is_the_same_object(kind):
    def check(driver):
        before = driver.parts(small())
        after = driver.parts(small(rule(TCP, 80)))
        assert before[("interface", "eni-app")] is after[("interface", "eni-app")]
        assert before != after

    with_driver(kind, check)


def test_packets_pass_where_groups_let_them(kind):
    def outcome(driver, source, address, port):
        return driver.probe(Probe(source, address, port, TIMEOUT))

    def check(driver):
        make(driver, small(rule(TCP, 80, group="sg-app")))
        assert outcome(driver, "eni-app", "10.0.2.10", 80) == "refused", "it arrived, and nothing listens"
        assert outcome(driver, "eni-app", "10.0.2.10", 81) == "silent"
        assert outcome(driver, "eni-db", "10.0.1.10", 80) == "silent"
        assert outcome(driver, "eni-app", "10.0.2.11", 80) == "silent", "nobody has the address"
        make(driver, small())
        assert outcome(driver, "eni-app", "10.0.2.10", 80) == "silent"

    with_driver(kind, check)


def test_packets_go_where_a_peering_leads(kind):
    def peered(*peerings):
        route = (to_peer("10.1.0.0/16"), to_peer("10.0.0.0/16"))
        one = vpc(
            "vpc-a",
            interface("app", "vpc-a-subnet-1", "10.0.1.10"),
            groups=(group("sg-app"),),
            routes=route[:1],
        )
        other = vpc(
            "vpc-b", interface("db", "vpc-b-subnet-1", "10.1.1.10", groups=("sg-db",)),
            groups=(group("sg-db", rule(TCP, 80)),), cidrs=("10.1.0.0/16",), routes=route[1:],
        )  # fmt: skip
        return Network(vpcs=(one, other), peerings=peerings)

    def check(driver):
        make(driver, peered(Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b")))
        assert driver.probe(Probe("eni-app", "10.1.1.10", 80, TIMEOUT)) == "refused"
        assert driver.probe(Probe("eni-app", "10.1.1.10", 81, TIMEOUT)) == "silent"

    with_driver(kind, check)


def to_peer(destination: str) -> Route:
    return Route(destination=destination, target="pcx-1")


def test_an_interface_that_is_not_there_sends_nothing(kind):
    def check(driver):
        make(driver, small())
        with pytest.raises(FileNotFoundError):
            driver.probe(Probe("eni-nobodys", "10.0.2.10", 80, TIMEOUT))

    with_driver(kind, check)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cidrs": ("10.0.0.0/99",)},
        {"subnets": ()},
        {"route_tables": ()},
        {"network_acls": ()},
        {"security_groups": ()},
        {"interfaces": (interface("bad", "vpc-a-subnet-1", "10.0.1"),)},
    ],
)
def test_a_value_that_is_no_network_is_refused(kind, wrong):
    network = small(rule(TCP, 80))
    bad = Network(vpcs=(replace(network.vpcs[0], **wrong),))

    def check(driver):
        with pytest.raises((ValueError, LookupError)):
            driver.parts(bad)
        assert driver.observe() == frozenset()
        make(driver, network)
        assert is_made(driver, network)

    with_driver(kind, check)


def test_only_the_one_that_filters_says_that_nothing_is_in_the_way(kind):
    def check(driver):
        assert (driver.name, bool(driver.obstacle)) == (kind, kind == "memory")

    with_driver(kind, check)
