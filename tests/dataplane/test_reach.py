"""What a connection meets, and the changes that let it pass."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from networks import TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.changes import AddEntry, AddRoute, AddRule, changed
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import NatGateway, Network, NetworkAcl, Route


def two(*rules, **more) -> Network:
    return Network(
        vpcs=(
            vpc(
                "vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10"),
                interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
                groups=(group("sg-app"), group("sg-db", *rules)), **more,
            ),
        )
    )  # fmt: skip


TO_DATABASE = Question("eni-app", "10.0.2.10", port=5432)


def test_the_group_that_lacks_a_rule_is_named_with_the_smallest_rule():
    outcome = reach(two(), TO_DATABASE)
    assert not outcome.passes
    assert outcome.hops[-1].at == "sg-db"
    assert outcome.hops[-1].why == "no rule lets TCP 5432 in from 10.0.1.10"
    assert isinstance(outcome.change, AddRule)
    added = outcome.change.rule
    assert (outcome.change.group, outcome.change.egress) == ("sg-db", False)
    assert (added.protocol, added.from_port, added.to_port, added.cidr) == (TCP, 5432, 5432, "10.0.1.10/32")
    assert reach(changed(two(), outcome.change), TO_DATABASE).passes


def test_what_passes_names_every_hop_in_order():
    outcome = reach(two(rule(TCP, (5000, 6000), group="sg-app")), TO_DATABASE)
    assert outcome.passes
    assert [hop.at for hop in outcome.hops] == [
        "sg-app", "vpc-a-rtb", "acl-open", "acl-open", "sg-db", "vpc-a-rtb", "acl-open", "acl-open",
    ]  # fmt: skip


def test_an_interface_reaches_itself_whatever_its_groups_say():
    """Packets for an own address stay on the machine: on AWS, too, no security group sees them."""
    outcome = reach(two(), Question("eni-db", "10.0.2.10", port=5432))
    assert outcome.passes
    assert [hop.at for hop in outcome.hops] == ["eni-db"]


def test_an_entry_that_denies_the_answer_is_named():
    closed = NetworkAcl(id="acl-db", ingress=(entry(100),), egress=(entry(90, allow=False), entry(100)))
    network = two(rule(), acls=(closed,), subnet_acls={2: "acl-db"})
    outcome = reach(network, TO_DATABASE)
    assert (outcome.hops[-1].at, outcome.hops[-1].why) == (
        "acl-db",
        "the answer out to 10.0.1.10: entry 90 denies it",
    )
    assert isinstance(outcome.change, AddEntry)
    assert (outcome.change.entry.number, outcome.change.entry.from_port) == (89, 32768)
    assert reach(changed(network, outcome.change), TO_DATABASE).passes


def test_a_missing_route_is_named_with_a_target_that_leads_there():
    network = two(internet_gateway="igw-a")
    app = replace(network.vpcs[0].interfaces[0], public=(("10.0.1.10", "198.18.0.1"),))
    network = Network(vpcs=(replace(network.vpcs[0], interfaces=(app, network.vpcs[0].interfaces[1])),))
    outcome = reach(network, Question("eni-app", "198.18.9.9"))
    assert outcome.hops[-1].why == "it has no route for 198.18.9.9"
    assert isinstance(outcome.change, AddRoute)
    assert outcome.change.route.target == "igw-a"
    after = reach(changed(network, outcome.change), Question("eni-app", "198.18.9.9"))
    assert after.hops[-1].at == "internet"


def test_an_interface_that_is_not_there_is_a_lookup_error():
    with pytest.raises(LookupError):
        reach(two(), Question("eni-none", "10.0.2.10"))


def test_an_address_of_dns64_is_told_to_be_one():
    """NAT gateways translate no IPv6 here (decision 0021): the IPv4 address that is meant is named."""
    network = two(
        routes=(Route(destination="64:ff9b::/96", target="nat-1"),),
        nat_gateways=(NatGateway(id="nat-1", interface="eni-db"),),
    )
    app = replace(network.vpcs[0].interfaces[0], addresses=("10.0.1.10", "fd00::10"))
    network = Network(vpcs=(replace(network.vpcs[0], interfaces=(app, network.vpcs[0].interfaces[1])),))
    outcome = reach(network, Question("eni-app", "64:ff9b::c000:221"))
    assert (outcome.hops[-1].at, outcome.hops[-1].why) == ("nat-1", "NAT64 is not done here")
    assert "192.0.2.33" in outcome.advice
