"""What a connection meets, and the changes that let it pass."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from networks import TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.changes import AddEntry, AddRoute, AddRule, changed
from understudy_aws.dataplane.packets import ICMP, UDP
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import Dns, NatGateway, Network, NetworkAcl, Peering, Route


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


class TestOfWhatIsAtHand:
    """Addresses that an interface finds without a route: `tests/node/test_reach.py` asks packets of them, too."""

    @pytest.fixture
    def shut(self) -> Network:
        """Nothing gets out by groups, network ACLs or routes, and everything that has a route has a public address."""
        made = vpc(
            "vpc-a",
            interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:1f18::10", public=(("10.0.1.10", "198.18.0.1"),)),
            interface("instance", "vpc-a-subnet-1", "10.0.1.11", local=("169.254.170.2",), accepts_connections=False),
            groups=(group("sg-app", egress=()),),
            acls=(NetworkAcl(id="acl-shut"),), subnet_acls={1: "acl-shut"},
        )  # fmt: skip
        return Network(vpcs=(made,))

    @pytest.mark.parametrize("protocol", [TCP, UDP])
    @pytest.mark.parametrize("address", ["10.0.0.2", "169.254.169.253", "fd00:ec2::253"])
    def test_the_resolver_answers_dns_whatever_groups_and_lists_say(self, shut, address, protocol):
        outcome = reach(shut, Question("eni-app", address, protocol, 53))
        assert outcome.passes
        assert [hop.at for hop in outcome.hops] == ["vpc-a"]
        assert "resolver answers" in outcome.hops[0].why

    @pytest.mark.parametrize(("protocol", "first", "last"), [(UDP, 123, 123), (TCP, 53, 54), (ICMP, 0, 0)])
    def test_the_resolver_answers_nothing_else(self, shut, protocol, first, last):
        outcome = reach(shut, Question("eni-app", "10.0.0.2", protocol, first, last))
        assert not outcome.passes
        assert "port 53 of UDP and TCP" in outcome.hops[-1].why
        assert "10.0.0.2" in outcome.advice

    def test_without_dns_support_there_is_no_resolver(self, shut):
        off = Network(vpcs=(replace(shut.vpcs[0], dns=Dns(support=False)),))
        outcome = reach(off, Question("eni-app", "169.254.169.253", UDP, 53))
        assert not outcome.passes
        assert "EnableDnsSupport is off" in outcome.hops[-1].why
        assert outcome.advice == "aws ec2 modify-vpc-attribute --vpc-id vpc-a --enable-dns-support"

    @pytest.mark.parametrize("address", ["169.254.169.123", "fd00:ec2::123"])
    def test_the_time_is_told_by_ntp_alone(self, shut, address):
        assert reach(shut, Question("eni-app", address, UDP, 123)).passes
        outcome = reach(shut, Question("eni-app", address, UDP, 53))
        assert (outcome.passes, "port 123 of UDP" in outcome.hops[-1].why) == (False, True)

    def test_instances_alone_have_credentials_at_an_address_of_their_own(self, shut):
        outcome = reach(shut, Question("eni-instance", "169.254.170.2", port=80))
        assert outcome.passes
        assert "credentials" in outcome.hops[-1].why
        outcome = reach(shut, Question("eni-app", "169.254.170.2", port=80))
        assert not outcome.passes
        assert "only an instance of a service" in outcome.hops[-1].why

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "0.0.0.0"])
    def test_loopback_is_the_machine_s_own(self, shut, address):
        outcome = reach(shut, Question("eni-app", address, port=80))
        assert outcome.passes
        assert [hop.at for hop in outcome.hops] == ["eni-app"]
        assert "never leave" in outcome.hops[0].why

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("169.254.169.254", "no instance metadata"),
            ("fd00:ec2::254", "no instance metadata"),
            ("169.254.1.1", "is of one link"),
            ("fe80::1", "is of one link"),
            ("224.0.0.1", "is of one link"),
            ("10.0.1.1", "is its router in vpc-a-subnet-1"),
        ],
    )
    def test_of_addresses_of_one_link_none_is_led_to_a_gateway(self, shut, address, said):
        """Neither an Elastic IP address nor a route would help."""
        outcome = reach(shut, Question("eni-app", address, port=80))
        assert (outcome.passes, outcome.change) == (False, None)
        assert said in outcome.hops[-1].why
        assert "Elastic" not in outcome.advice

    def test_an_address_that_stands_for_a_block_beyond_a_gateway_goes_there(self):
        """Reachability Analyzer's pieces of the internet begin at 0.0.0.0 (network-insights.md 14.2)."""
        made = vpc(
            "vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10", public=(("10.0.1.10", "198.18.0.1"),)),
            groups=(group("sg-app"),), internet_gateway="igw-a",
            routes=(Route(destination="0.0.0.0/0", target="igw-a"),),
        )  # fmt: skip
        outcome = reach(Network(vpcs=(made,)), Question("eni-app", "0.0.0.0", port=80, until="igw-a"))
        assert "igw-a" in [hop.at for hop in outcome.hops]

    def test_a_peer_s_resolver_is_not_reached(self, shut):
        routes = (Route(destination="10.1.0.0/16", target="pcx-1"),)
        one = vpc(
            "vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10"), groups=(group("sg-app"),), routes=routes
        )
        other = vpc("vpc-b", groups=(), cidrs=("10.1.0.0/16",))
        network = Network(
            vpcs=(one, other), peerings=(Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b"),)
        )
        outcome = reach(network, Question("eni-app", "10.1.0.2", UDP, 53))
        assert (outcome.hops[-1].at, outcome.hops[-1].why) == (
            "vpc-b",
            "its resolver answers its own VPC alone",
        )
