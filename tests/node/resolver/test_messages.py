"""DNS messages in and out, without sockets: what a VPC's resolver answers, and that nothing makes it stumble."""

from __future__ import annotations

import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from networks import hosts

from understudy_aws.dataplane.wanted import Dns, Interface, Vpc
from understudy_aws.node.resolver import messages
from understudy_aws.node.resolver.zone import Zone, address_of

DNS = Dns(
    domains=("ec2.internal", "compute.internal", "compute-1.amazonaws.com"),
    hosts={"ec2.internal": hosts("10.0.1.10", "10.0.1.11"), "eu-west-1.compute.internal": hosts("10.7.0.4")},
    names={
        "eni-1.ec2.internal": ("10.0.1.10", "2600:db8::10"),
        "ec2-198-18-1-10.compute-1.amazonaws.com": ("10.0.1.10",),
        "sts.us-east-1.amazonaws.com": ("10.0.1.20", "10.0.2.20"),
        "*.vpce-1-s3.us-east-1.vpce.amazonaws.com": ("10.0.1.21",),
        "many.ec2.internal": tuple(f"10.3.{n // 250}.{n % 250}" for n in range(400)),
    },
    reverse={"198.18.1.10": "ec2-198-18-1-10.compute-1.amazonaws.com", "2600:db8::10": "eni-1.ec2.internal"},
)
KNOWN = {"*.amazonaws.com": ("198.51.100.1",), "sts.us-east-1.amazonaws.com": ("198.51.100.2",)}
OWN = Interface(
    id="eni-1", subnet="subnet-1", mac="02:00:00:00:00:01", addresses=("10.0.1.10", "2600:db8::10")
)
VPC = Vpc(id="vpc-a", cidrs=("10.0.0.0/16", "100.64.0.0/16"), interfaces=(OWN,), dns=DNS)
ISOLATED = Zone(VPC, KNOWN)
OPEN = Zone(replace(VPC, dns=replace(DNS, forwards=True)), KNOWN)


def asked(query: dns.message.Message | bytes, zone: Zone = ISOLATED, *, stream: bool = False):
    """The answer to a query: a message, `ignored`, or `forwarded`."""
    wire = query if isinstance(query, bytes) else query.to_wire()
    read = messages.read(wire, stream=stream)
    if read is None:
        return "ignored"
    if not isinstance(read, bytes):
        read = messages.answer(read, zone)
        if read is None:
            return "forwarded"
    return dns.message.from_wire(read)


def said(name: str, type: str = "A", zone: Zone = ISOLATED) -> str:
    answer = asked(dns.message.make_query(name, type), zone)
    if answer == "forwarded":
        return answer
    found = sorted(each.to_text() for rrset in answer.answer for each in rrset)
    return " ".join([dns.rcode.to_text(answer.rcode()), *found])


@pytest.mark.parametrize(
    ("name", "type", "answer"),
    [
        ("ip-10-0-1-10.ec2.internal", "A", "NOERROR 10.0.1.10"),
        ("IP-10-0-1-10.EC2.Internal.", "A", "NOERROR 10.0.1.10"),
        ("ip-10-7-0-4.eu-west-1.compute.internal", "A", "NOERROR 10.7.0.4"),
        ("ip-10-7-0-4.ec2.internal", "A", "NXDOMAIN"),
        ("ip-10-0-1-12.ec2.internal", "A", "NXDOMAIN"),
        ("ip-10-0-01-10.ec2.internal", "A", "NXDOMAIN"),
        ("a.ip-10-0-1-10.ec2.internal", "A", "NXDOMAIN"),
        ("ip-10-0-1-10.ec2.internal", "AAAA", "NOERROR"),
        ("ip-10-0-1-10.ec2.internal", "MX", "NOERROR"),
        ("ip-10-0-1-10.ec2.internal", "TYPE65280", "NOERROR"),
        ("ip-10-0-1-10.ec2.internal", "ANY", "NOERROR 10.0.1.10"),
        ("ec2.internal", "A", "NOERROR"),
        ("eu-west-1.compute.internal", "A", "NOERROR"),
        ("eu-west-2.compute.internal", "A", "NXDOMAIN"),
        ("eni-1.ec2.internal", "A", "NOERROR 10.0.1.10"),
        ("eni-1.ec2.internal", "AAAA", "NOERROR 2600:db8::10"),
        ("10.1.0.10.in-addr.arpa", "PTR", "NOERROR ip-10-0-1-10.ec2.internal."),
        ("4.0.7.10.in-addr.arpa", "PTR", "NOERROR ip-10-7-0-4.eu-west-1.compute.internal."),
        ("10.1.0.10.in-addr.arpa", "A", "NOERROR"),
        ("12.1.0.10.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("1.0.64.100.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("10.1.18.198.in-addr.arpa", "PTR", "NOERROR ec2-198-18-1-10.compute-1.amazonaws.com."),
        ("0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.0.0.6.2.ip6.arpa", "PTR", "NOERROR eni-1.ec2.internal."),
        ("1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.0.0.6.2.ip6.arpa", "PTR", "REFUSED"),
        ("ec2-198-18-1-10.compute-1.amazonaws.com", "A", "NOERROR 10.0.1.10"),
        ("ec2-198-18-1-11.compute-1.amazonaws.com", "A", "NXDOMAIN"),
        ("sts.us-east-1.amazonaws.com", "A", "NOERROR 10.0.1.20 10.0.2.20"),
        ("ec2.us-east-1.amazonaws.com", "A", "NOERROR 198.51.100.1"),
        ("bucket.vpce-1-s3.us-east-1.vpce.amazonaws.com", "A", "NOERROR 10.0.1.21"),
        ("localhost", "A", "NOERROR 127.0.0.1"),
        ("localhost", "AAAA", "NOERROR ::1"),
        ("example.com", "A", "REFUSED"),
        ("com", "SOA", "REFUSED"),
        ("8.8.8.8.in-addr.arpa", "PTR", "REFUSED"),
        (r"a\.b.ec2.internal", "A", "NXDOMAIN"),
    ],
)  # fmt: skip
def test_names_of_the_vpc_are_answered_and_wrong_ones_do_not_exist(name, type, answer):
    """Private names, reverse names and public ones resolve to private addresses (vpc-dns.md 19.2)."""
    assert said(name, type) == answer


@pytest.mark.parametrize("name", ["example.com", "com", "8.8.8.8.in-addr.arpa", "in-addr.arpa", "."])
def test_other_names_are_asked_of_others_where_there_is_a_way_out(name):
    assert said(name, zone=OPEN) == "forwarded"
    assert said(name) == "REFUSED"


def test_private_names_are_never_asked_of_others():
    for name in ("ip-10-9-9-9.ec2.internal", "x.compute.internal", "9.9.9.10.in-addr.arpa", "localhost"):
        assert said(name, "A", OPEN) in {"NXDOMAIN", "NOERROR 127.0.0.1"}


def test_who_speaks_edns_is_told_why_there_is_no_answer():
    refused = asked(dns.message.make_query("example.com", "A", use_edns=0))
    [told] = refused.options
    assert (told.code, "no way to the internet" in told.text) == (dns.edns.EDECode.PROHIBITED, True)
    assert asked(dns.message.make_query("example.com", "A")).options == ()


def test_what_does_not_exist_may_be_kept_for_a_minute():
    """RFC 2308: the answer has the start of the domain, whose last number is the time."""
    for name in ("nothing.ec2.internal", "eni-1.ec2.internal"):
        [start] = asked(dns.message.make_query(name, "TXT")).authority
        assert (start.name.to_text(), start.ttl, start[0].minimum) == ("ec2.internal.", 60, 60)
    [found] = asked(dns.message.make_query("eni-1.ec2.internal", "A")).answer
    assert found.ttl == 60


def test_an_answer_that_is_too_long_says_so_and_comes_whole_over_tcp():
    for edns, most in ((None, 512), (0, 1232)):
        query = dns.message.make_query(
            "many.ec2.internal", "A", use_edns=edns, payload=4096 if edns == 0 else None
        )
        read = messages.read(query.to_wire(), stream=False)
        wire = messages.answer(read, ISOLATED)
        assert len(wire) <= most
        assert dns.message.from_wire(wire).flags & dns.flags.TC
        whole = asked(query, stream=True)
        assert (len(whole.answer[0]), bool(whole.flags & dns.flags.TC)) == (400, False)


def test_what_is_no_question_of_the_internet_is_refused():
    assert asked(dns.message.make_query("version.bind", "TXT", "CH")).rcode() == dns.rcode.REFUSED
    for type in ("AXFR", "MAILA", "TKEY"):
        assert asked(dns.message.make_query("ec2.internal", type)).rcode() == dns.rcode.REFUSED
    assert asked(dns.message.make_query("ec2.internal", "A", use_edns=1)).rcode() == dns.rcode.BADVERS
    update = bytearray(dns.message.make_query("ec2.internal", "SOA").to_wire())
    update[2] |= 5 << 3
    assert asked(bytes(update)).rcode() == dns.rcode.NOTIMP


def test_an_answer_is_not_answered():
    """Two servers that answer each other's answers never come to an end."""
    query = dns.message.make_query("ec2.internal", "A")
    assert asked(dns.message.make_response(query)) == "ignored"
    assert asked(bytes([0, 0, 0x80, 0])) == "ignored"


def header(questions=1, answers=0, authorities=0, additional=0) -> bytes:
    return bytes([0, 7, 1, 0, 0, questions, 0, answers, 0, authorities, 0, additional])


@pytest.mark.parametrize(
    "wire",
    [
        header(0), header(2) + b"\0\0\1\0\1" * 2, header(1), header(1, 1), header(1, 0, 1), header(1, 0, 0, 200),
        header() + b"\xc0\x0c\0\1\0\1", header() + b"\xc0\xff\0\1\0\1", header() + b"\x3f" + b"a" * 10,
        header() + b"\x80a\0\0\1\0\1", header() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
        header() + b"\0\0\1\0\1" + b"more", header() + b"\0\0\1\0\1" + b"\0" * 5000,
        header(1, 0, 0, 2) + b"\0\0\1\0\1" + b"\0\0\x29\4\0\0\0\0\0\0\0" * 2,
    ],
)  # fmt: skip
def test_what_is_malformed_is_said_to_be(wire):
    answer = asked(wire)
    assert (answer.id, answer.rcode()) == (7, dns.rcode.FORMERR)


def test_a_name_of_pointers_costs_nothing():
    """Each label that a pointer leads back to is read once more: a message has no room for many of them."""
    labels = b"".join(b"\1a" for _ in range(120)) + b"\0"
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0" for _ in range(300))
    began = time.process_time()
    for counts in ((1, 0, 0, 255), (1, 255, 0, 0), (255, 0, 0, 0), (1, 0, 0, 2)):
        assert asked(header(*counts) + labels + b"\0\1\0\1" + records).rcode() == dns.rcode.FORMERR
    assert time.process_time() - began < 0.1


QUERY = dns.message.make_query("ip-10-0-1-10.ec2.internal", "A", use_edns=0).to_wire()


@given(st.binary(max_size=300) | st.builds(lambda head, rest: head + rest, st.sampled_from([QUERY[:12], header(), header(1, 0, 0, 1)]), st.binary(max_size=300)))  # fmt: skip
@example(QUERY)
def test_whatever_arrives_is_answered_in_form_or_ignored(wire):
    for stream in (False, True):
        for zone in (ISOLATED, OPEN):
            answer = asked(wire, zone, stream=stream)
            if not isinstance(answer, str):
                assert answer.to_wire()[:2] == wire[:2]
                assert answer.flags & dns.flags.QR


@given(st.data())
def test_a_damaged_question_is_answered_in_form_or_ignored(data):
    wire = bytearray(QUERY)
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    answer = asked(bytes(wire[: data.draw(st.integers(0, len(wire)))]), OPEN)
    assert isinstance(answer, str) or answer.flags & dns.flags.QR


@given(st.ip_addresses())
def test_the_reverse_name_of_an_address_is_read_back(address):
    assert address_of(address.reverse_pointer) == address


@given(st.from_regex(r"[0-9a-f.:%]{0,70}", fullmatch=True), st.sampled_from([".in-addr.arpa", ".ip6.arpa"]))
def test_other_reverse_names_are_of_no_address(text, end):
    name = text + end
    address = address_of(name)
    assert address is None or address.reverse_pointer == name


@given(st.binary(max_size=40))
@example(b"")
def test_only_an_answer_to_the_very_question_is_taken(noise):
    question = messages.read(dns.message.make_query("Example.com", "A").to_wire(), stream=False)
    query = messages.forwarded(question)
    answer = dns.message.make_response(dns.message.from_wire(query)).to_wire()
    assert messages.is_answer_to(answer, query)
    assert (
        dns.message.from_wire(messages.passed_on(answer, question, lambda _: False)).id == question.message.id
    )
    assert not messages.is_answer_to(noise, query)
    for place in (0, 1, 2, 5, 13, 20, len(query) - 1):
        other = bytearray(answer)
        other[place] ^= 0x80 if place == 2 else 1
        assert not messages.is_answer_to(bytes(other), query), place


@given(st.data())
def test_a_damaged_answer_is_passed_on_in_form_or_not_at_all(data):
    question = messages.read(dns.message.make_query("example.com", "A", use_edns=0).to_wire(), stream=False)
    response = dns.message.make_response(question.message)
    response.answer = [
        dns.rrset.from_text("example.com.", 60, "IN", "CNAME", "www.example.net."),
        dns.rrset.from_text("www.example.net.", 60, "IN", "A", "192.0.2.7", "192.0.2.8"),
    ]
    wire = bytearray(response.to_wire())
    for place in data.draw(st.lists(st.integers(2, len(wire) - 1), min_size=1, max_size=4)):
        wire[place] = data.draw(st.integers(0, 255))
    answer = messages.passed_on(bytes(wire), question, lambda _: False)
    if answer is not None:
        assert dns.message.from_wire(answer).id == question.message.id


@pytest.mark.parametrize(
    ("asked_with", "forwarded_with"), [(None, (-1, 0)), (400, (0, 512)), (4096, (0, 1232))]
)
def test_a_question_is_forwarded_so_that_the_answer_fits_who_asked(asked_with, forwarded_with):
    edns = {} if asked_with is None else {"use_edns": 0, "payload": asked_with}
    wire = dns.message.make_query("example.com", "A", **edns).to_wire()
    query = dns.message.from_wire(messages.forwarded(messages.read(wire, stream=False)))
    assert (query.edns, query.payload) == forwarded_with
