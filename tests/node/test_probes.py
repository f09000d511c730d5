"""Real packets of TCP, UDP and ICMP tell what is filtered from what a host refuses, though nothing listens."""

from __future__ import annotations

import pytest
from networks import TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.messages import Probe, Probed, Refused
from understudy_aws.dataplane.packets import ICMP, ICMPV6, UDP
from understudy_aws.dataplane.wanted import Network, NetworkAcl

V6 = {1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)}


def network(*rules, **more) -> Network:
    return Network(
        vpcs=(
            vpc(
                "vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:db8:0:1::10"),
                interface("db", "vpc-a-subnet-2", "10.0.2.10", "2600:db8:0:2::10", groups=("sg-db",)),
                groups=(group("sg-app"), group("sg-db", *rules)), cidrs=("10.0.0.0/16", "2600:db8::/56"),
                subnet_cidrs6=V6, **more,
            ),
        )
    )  # fmt: skip


@pytest.fixture
def probed(running):
    def ask(protocol: str, address: str = "10.0.2.10", port: int = 5353, timeout: float = 5.0) -> str:
        said = running.client.ask(
            Probe("eni-app", address, port, timeout, protocol=protocol, arrives_at="eni-db")
        )
        assert isinstance(said, Probed), said
        return said.outcome

    return ask


def test_a_datagram_that_is_admitted_is_refused_by_the_host_and_else_dropped(running, probed):
    running.want(network(rule(UDP, 5353), rule(UDP, 5353, cidr="::/0")))
    assert "refused" == probed(UDP)
    assert "refused" == probed(UDP, "2600:db8:0:2::10")
    assert "silent" == probed(UDP, port=5354, timeout=0.5)
    assert "silent" == probed(UDP, "2600:db8:0:2::10", port=5354, timeout=0.5)


def test_an_echo_is_answered_or_dropped(running, probed):
    running.want(network(rule(ICMP), rule(ICMPV6, cidr="::/0")))
    assert "connected" == probed(ICMP)
    assert "connected" == probed(ICMPV6, "2600:db8:0:2::10")
    # The type of echo replies alone.
    running.want(network(rule(ICMP, (0, -1))))
    assert "silent" == probed(ICMP, timeout=0.5)


def test_what_arrives_and_is_not_answered_is_told_from_what_is_dropped(running, probed):
    mute = NetworkAcl(id="acl-mute", ingress=(entry(100),), egress=(entry(100, protocol=TCP),))
    running.want(network(rule(), acls=(mute,), subnet_acls={2: "acl-mute"}))
    assert "arrived" == probed(UDP)
    assert "arrived" == probed(ICMP)


GRE, ESP = "47", "50"


@pytest.mark.parametrize("address", ["10.0.2.10", "2600:db8:0:2::10"])
def test_other_protocols_are_let_through_and_dropped_by_their_number(running, probed, address):
    """Of other protocols, addresses and protocol number are tracked: vpcs.md 8.7."""
    everywhere = "::/0" if ":" in address else "0.0.0.0/0"
    for admitted, other in ((GRE, ESP), (ESP, GRE)):
        running.want(network(rule(admitted, cidr=everywhere)))
        assert probed(admitted, address) == "arrived"
        assert probed(other, address, timeout=0.4) == "silent"
    running.want(network(rule(cidr=everywhere)))
    assert {probed(each, address) for each in (GRE, ESP, "99")} == {"arrived"}


def test_network_acls_know_other_protocols_by_their_number(running, probed):
    deny = NetworkAcl(
        id="acl-no-gre", ingress=(entry(90, allow=False, protocol=GRE), entry(100)), egress=(entry(100),)
    )
    running.want(network(rule(), acls=(deny,), subnet_acls={2: "acl-no-gre"}))
    assert probed(ESP) == "arrived"
    assert probed(GRE, timeout=0.4) == "silent"


def test_what_is_no_protocol_is_not_sent(running):
    running.want(network(rule()))
    for number in ("256", "esp"):
        assert isinstance(running.client.ask(Probe("eni-app", "10.0.2.10", 0, protocol=number)), Refused)
