"""DNS64: in a subnet with it, names without IPv6 addresses have some that stand for their IPv4 ones (vpc-dns.md 19.4)."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from askers import a_vpc, names
from msgspec.structs import replace
from name_servers import name_server
from networks import interface

from understudy_aws.dataplane.wanted import Network
from understudy_aws.node.resolver import messages
from understudy_aws.node.resolver.zone import Zone

# What the name server of the tests has: of a name its records, in the order of an answer; a number is a failure.
WORLD = {
    ("old.example.", "A"): ["old.example. 900 IN A 192.0.2.33", "old.example. 900 IN A 192.0.2.34"],
    ("both.example.", "A"): ["both.example. 30 IN A 192.0.2.1"],
    ("both.example.", "AAAA"): ["both.example. 30 IN AAAA 2001:db8::1"],
    ("alias.example.", "A"): ["alias.example. 70 IN CNAME old.example.", "old.example. 900 IN A 192.0.2.33"],
    ("alias.example.", "AAAA"): ["alias.example. 70 IN CNAME old.example."],
    ("broken.example.", "A"): ["broken.example. 40 IN A 192.0.2.2"],
    ("broken.example.", "AAAA"): dns.rcode.SERVFAIL,
    ("none.example.", "A"): dns.rcode.NXDOMAIN,
    ("none.example.", "AAAA"): dns.rcode.NXDOMAIN,
    ("long.example.", "A"): [f"long.example. 40 IN A 198.51.100.{number}" for number in range(1, 60)],
}


def answer(query: dns.message.Message) -> bytes:
    asked = query.question[0]
    found = WORLD.get((asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype)), [])
    response = dns.message.make_response(query, recursion_available=True)
    if isinstance(found, list):
        for line in found:
            name, ttl, *rest = line.split()
            response.answer.append(dns.rrset.from_text(name, int(ttl), *rest))
    else:
        response.set_rcode(found)
    return response.to_wire(max_size=65535)


@pytest.fixture
def server():
    with name_server(answer) as started:
        yield started


@pytest.fixture
def node_options(server):
    return {"name_server": server.address}


def site():
    """Interface 0 in a subnet with DNS64, interface 1 in one without."""
    made = a_vpc("vpc-a", names(forwards=True, names={"six.internal": ("fd00::6",)}), "10.0.1.10")
    first, second = made.subnets
    return replace(
        made,
        subnets=(replace(first, dns64=True), second),
        interfaces=(*made.interfaces, interface("other", "vpc-a-subnet-2", "10.0.2.10")),
        internet_gateway="igw-1",
    )


def test_who_asks_from_a_subnet_with_it_is_told_addresses_that_stand_for_others(running, asker):
    running.want(Network(vpcs=(site(),), names={"sts.amazonaws.com": ("198.51.100.7",)}))
    ask, from_other = asker("eni-vpc-a-0"), asker("eni-other")
    own = "ip-10-0-1-10.ec2.internal"
    for protocol in ("udp", "tcp"):
        assert ask(own, "AAAA", protocol=protocol) == "NOERROR 64:ff9b::a00:10a"
        assert ask("sts.amazonaws.com", "AAAA", protocol=protocol) == "NOERROR 64:ff9b::c633:6407"
        assert ask("old.example", "AAAA", protocol=protocol) == "NOERROR 64:ff9b::c000:221 64:ff9b::c000:222"
    assert ask(own) == "NOERROR 10.0.1.10"
    assert ask("old.example") == "NOERROR 192.0.2.33 192.0.2.34"
    assert ask("alias.example", "AAAA") == "NOERROR 64:ff9b::c000:221 old.example."
    assert ask("both.example", "AAAA") == "NOERROR 2001:db8::1"
    assert ask("six.internal", "AAAA") == "NOERROR fd00::6"
    assert ask("broken.example", "AAAA") == "NOERROR 64:ff9b::c000:202", (
        "as an answer without any (RFC 6147, 5.1.2)"
    )
    assert ask("none.example", "AAAA") == "NXDOMAIN"
    assert ask("nothing.example", "AAAA") == "NOERROR"
    assert ask("long.example", "AAAA") == "NOERROR", "too long for a datagram, so that libraries ask by TCP"
    assert ask("long.example", "AAAA", protocol="tcp").count("64:ff9b::") == 59
    for name in (own, "sts.amazonaws.com", "old.example", "alias.example"):
        assert "64:ff9b" not in from_other(name, "AAAA"), "the subnet has no DNS64"
    assert from_other("broken.example", "AAAA") == "SERVFAIL"
    running.want(Network(vpcs=(replace(site(), subnets=a_vpc("vpc-a", names(), "10.0.1.10").subnets),)))
    assert ask(own, "AAAA") == "NOERROR"


def query(name: str, flags: int = 0, **how) -> bytes:
    made = dns.message.make_query(name, "AAAA", **how)
    made.flags |= flags
    return made.to_wire()


@pytest.mark.parametrize(("want_dnssec", "flags"), [(True, dns.flags.CD), (True, 0), (False, dns.flags.CD)])
def test_who_checks_signatures_by_itself_is_told_nothing_that_nobody_signed(want_dnssec, flags):
    """RFC 6147, 5.5: with both DO and CD set nothing is made up."""
    wire = query("ip-10-0-1-10.ec2.internal", flags, want_dnssec=want_dnssec)
    question = messages.read(wire, stream=False, dns64=True)
    told = dns.message.from_wire(messages.answer(question, Zone(site(), {})))
    assert bool(told.answer) is not (want_dnssec and bool(flags))


def test_how_long_it_holds():
    """No longer than the IPv4 address, nor than it is known that there is no IPv6 one: ten minutes where nothing says."""
    question = messages.read(query("old.example"), stream=False, dns64=True)
    four = answer(messages.about_ipv4(question).message)

    def ttl(*authority: str) -> int:
        without = dns.message.make_response(question.message)
        without.authority = [
            dns.rrset.from_text("example.", int(each), "IN", "SOA", "a. b. 1 1 1 1 1") for each in authority
        ]
        return dns.message.from_wire(messages.synthesized(four, question, without.to_wire())).answer[0].ttl

    assert ttl() == 600
    assert ttl("55") == 55
    assert ttl("5000") == 600
