"""What comes in at a resolver's sockets, without a network around it."""

from __future__ import annotations

import asyncio

import dns.message
import dns.rcode
from hypothesis import given
from hypothesis import strategies as st
from networks import hosts

from understudy_aws.dataplane.wanted import Dns, Interface, Vpc
from understudy_aws.node.resolver.asking import PACKETS_PER_SECOND, Allowance
from understudy_aws.node.resolver.forwarding import Forwarder
from understudy_aws.node.resolver.listener import Listener
from understudy_aws.node.resolver.zone import Zone


def zone(*addresses: str) -> Zone:
    interfaces = tuple(
        Interface(
            id=f"eni-{address}",
            subnet="subnet-1",
            mac="02:00:00:00:00:01",
            addresses=(address, f"{address}0"),
        )
        for address in addresses
    )
    made = Vpc(
        id="vpc-a", cidrs=("10.0.0.0/16",), interfaces=interfaces,
        dns=Dns(domains=("ec2.internal",), hosts={"ec2.internal": hosts(*addresses)}),
    )  # fmt: skip
    return Zone(made, {})


def listener(*addresses: str, now=lambda: 0.0) -> Listener:
    return Listener("vpc-a", zone(*addresses), Allowance(now), Forwarder(tuple))


def said(to: Listener, wire: bytes, source: str = "10.0.0.5") -> bytes | None:
    got: list[bytes] = []
    to.receive(wire, source, got.append)
    return got[0] if got else None


def question(name: str, id: int = 1) -> bytes:
    return dns.message.make_query(name, "A", id=id).to_wire()


def test_an_answer_that_was_kept_is_of_the_names_there_are_now():
    to = listener("10.0.0.5", "10.0.0.6")
    name = "ip-10-0-0-6.ec2.internal"
    for id in (1, 2, 1):
        answer = dns.message.from_wire(said(to, question(name, id)))
        assert (answer.id, answer.answer[0][0].address) == (id, "10.0.0.6")
    to.use(zone("10.0.0.5"))
    assert dns.message.from_wire(said(to, question(name))).rcode() == dns.rcode.NXDOMAIN
    to.use(zone("10.0.0.6"))
    assert dns.message.from_wire(said(to, question(name))).rcode() == dns.rcode.NOERROR


@given(
    st.lists(
        st.binary(max_size=60) | st.integers(0, 9).map(lambda n: question(f"ip-10-0-0-{n}.ec2.internal", n)),
        max_size=30,
    )
)
def test_what_was_kept_is_what_would_be_said_anew(wires):
    """The same messages twice over: the second time they are answered as the first."""
    to = listener(*(f"10.0.0.{n}" for n in range(0, 9, 2)))
    assert [said(to, wire) for wire in wires] == [said(to, wire) for wire in wires]


def test_what_is_kept_is_bounded():
    to = listener("10.0.0.5", now=iter(range(1 << 20)).__next__)
    for number in range(2000):
        said(to, question(f"a{number}.ec2.internal"))
        said(to, question(f"a{number}.ec2.internal") + bytes(4000))
    assert sum(len(key) + len(value) for key, value in to._answers.items()) < 256 * 1024


def test_an_interface_asks_so_often_a_second_by_all_its_addresses():
    """1,024 packets a second for each interface (vpc-dns.md 19.1)."""
    now = [7.0]
    to = listener("10.0.0.5", "10.0.0.6", now=lambda: now[0])
    answered = [
        said(to, question("a.ec2.internal"), source)
        for _ in range(PACKETS_PER_SECOND)
        for source in ("10.0.0.5", "10.0.0.50")
    ]
    assert sum(each is not None for each in answered) == PACKETS_PER_SECOND
    assert said(to, question("a.ec2.internal"), "10.0.0.6") is not None, "another interface"
    now[0] += 1
    assert said(to, question("a.ec2.internal"), "10.0.0.50") is not None, "another second"


def test_made_up_addresses_share_what_one_may_ask():
    """An interface without a source check can send with any address."""
    to = listener("10.0.0.5")
    answered = [said(to, question("a.ec2.internal"), f"10.0.{n >> 8}.{n & 255}") for n in range(512, 4096)]
    assert sum(each is not None for each in answered) == PACKETS_PER_SECOND


def test_a_question_for_others_is_answered_when_nobody_is_to_be_asked():
    made = Vpc(id="vpc-a", cidrs=("10.0.0.0/16",), dns=Dns(forwards=True))
    to = Listener("vpc-a", Zone(made, {}), Allowance(lambda: 0.0), Forwarder(tuple))

    async def ask() -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        to.receive(question("example.com"), "10.0.0.5", answer.set_result)
        return await answer

    assert dns.message.from_wire(asyncio.run(ask())).rcode() == dns.rcode.SERVFAIL
