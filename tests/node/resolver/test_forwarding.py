"""Other names are asked of the machine's resolver: a bounded number at a time, each for a bounded time."""

from __future__ import annotations

import asyncio
import os
import socket

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from name_servers import everything_is, name_server, nothing

from understudy_aws.node.resolver import forwarding, messages
from understudy_aws.node.resolver.forwarding import Forwarder, MachineServers, NoAnswerError


def question(name: str = "example.com", *, stream: bool = False, id: int = 77) -> messages.Question:
    read = messages.read(dns.message.make_query(name, "A", id=id).to_wire(), stream=stream)
    assert isinstance(read, messages.Question)
    return read


def asked(servers, *questions, patience: float = 0.2, is_own=lambda _: False):
    """The answers of a forwarder that is asked several questions at once; None where it has none."""
    forwarder = Forwarder(lambda: servers, patience)

    async def ask(each: messages.Question):
        try:
            return dns.message.from_wire(await forwarder.ask(each, "vpc-a", is_own))
        except NoAnswerError:
            return None

    async def together():
        return await asyncio.gather(*map(ask, questions))

    answers = asyncio.run(together())
    assert forwarder.under_way == 0
    return answers


@pytest.mark.parametrize(("stream", "how"), [(False, "udp"), (True, "tcp")])
def test_an_answer_comes_back_the_way_it_was_asked_for(stream, how):
    with name_server(everything_is("192.0.2.7")) as server:
        [answer] = asked([server.address], question(stream=stream))
        assert (answer.id, answer.answer[0][0].address, answer.answer[0].ttl) == (77, "192.0.2.7", 17)
        assert server.asked == [("example.com.", how)]


def test_a_long_answer_is_short_over_udp_and_whole_over_tcp():
    with name_server(everything_is("192.0.2.7", 200)) as server:
        short, whole = asked([server.address], question(), question(stream=True))
        assert (bool(short.flags & dns.flags.TC), len(short.answer)) == (True, 0)
        assert (bool(whole.flags & dns.flags.TC), len(whole.answer[0])) == (False, 200)


@pytest.fixture
def unused():
    """An address where nobody listens: its socket is there and does not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()


@pytest.mark.parametrize("stream", [False, True])
def test_when_a_server_is_silent_or_gone_the_next_is_asked(stream, unused):
    with name_server(nothing) as silent, name_server(everything_is("192.0.2.8")) as server:
        for first in (silent.address, unused, ("::1", 1)):
            [answer] = asked([first, server.address], question(stream=stream))
            assert answer.answer[0][0].address == "192.0.2.8"


@pytest.mark.parametrize("stream", [False, True])
def test_without_an_answer_there_is_an_end(stream, unused):
    with name_server(nothing) as silent:
        for servers in ([], [unused], [silent.address], [("not an address", 53)]):
            assert asked(servers, question(stream=stream)) == [None]


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda query: b"",
        lambda query: os.urandom(40),
        lambda query: query.to_wire(),
        lambda query: everything_is("192.0.2.9")(dns.message.make_query("example.org", "A", id=query.id)),
        lambda query: everything_is("192.0.2.9")(dns.message.make_query("example.com", "A", id=query.id ^ 1)),
    ],
    ids=["empty", "noise", "no answer", "another name", "another number"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_answer_to_the_question_is_not_passed_on(behaviour, stream):
    with name_server(behaviour) as server:
        assert asked([server.address], question(stream=stream)) == [None]


def records(*texts: str):
    """Answer with these records: in the answer, and after `authority` and `additional` in those sections."""

    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query, recursion_available=True)
        section = response.answer
        for text in texts:
            if text in {"authority", "additional"}:
                section = getattr(response, text)
                continue
            name, type, *data = text.split()
            section.append(dns.rrset.from_text(name, 60, "IN", type, " ".join(data)))
        return response.to_wire()

    return answer


OWN = {"ip-10-0-1-5.ec2.internal", "db.corp", "sts.amazonaws.com"}
CHAIN = ("example.com. CNAME www.example.net.", "www.example.net. A 192.0.2.7")
BELOW = ("example.com. DNAME example.net.",)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "passed_on"),
    [
        (CHAIN, CHAIN),
        (BELOW, BELOW),
        # Of a name that nobody asked for.
        ((*CHAIN, "bank.example. A 192.0.2.66"), CHAIN),
        ((*CHAIN, "example.org. CNAME www.example.net."), CHAIN),
        (("www.example.com. A 192.0.2.66",), ()),
        ((*CHAIN, "authority", "com. NS ns.evil.example.", "additional", "ns.evil.example. A 192.0.2.66"), CHAIN),
        # Of names that are a VPC's own, or of all VPCs.
        (("example.com. CNAME db.corp.", "db.corp. A 192.0.2.66"), ("example.com. CNAME db.corp.",)),
        (("example.com. CNAME DB.corp.", "DB.corp. A 192.0.2.66"), ("example.com. CNAME DB.corp.",)),
        (("example.com. A 192.0.2.7", "ip-10-0-1-5.ec2.internal. A 192.0.2.66"), ("example.com. A 192.0.2.7",)),
        (
            ("example.com. CNAME a.example.", "a.example. CNAME sts.amazonaws.com.", "sts.amazonaws.com. A 192.0.2.66"),
            ("example.com. CNAME a.example.", "a.example. CNAME sts.amazonaws.com."),
        ),
        # A chain that leads in a circle ends.
        (("example.com. CNAME a.example.", "a.example. CNAME example.com."),) * 2,
    ],
)  # fmt: skip
def test_what_an_answer_says_of_other_names_is_left_out(said, passed_on, stream):
    with name_server(records(*said)) as server:
        [answer] = asked([server.address], question(stream=stream), is_own=OWN.__contains__)
    found = {line for each in answer.answer for line in each.to_text().replace(" 60 IN", "").splitlines()}
    assert found == set(passed_on)
    assert (answer.authority, answer.additional) == ([], [])


def test_that_there_is_nothing_is_passed_on_with_how_long_that_holds():
    said = ("authority", "example.com. SOA ns.example.com. host.example.com. 1 2 3 4 5")
    with name_server(records(*said)) as server:
        [answer] = asked([server.address], question())
    assert [each.rdtype for each in answer.authority] == [dns.rdatatype.SOA]


def test_no_more_than_a_number_are_under_way_and_one_vpc_leaves_room_for_others():
    forwarder = Forwarder(lambda: [server.address], 5.0)

    async def flood():
        waiting = [
            asyncio.create_task(forwarder.ask(question(), f"vpc-{number % 2}", OWN.__contains__))
            for number in range(4 * forwarding.MOST_OF_ONE)
        ]
        refused, others = await asyncio.wait(waiting, timeout=0.5)
        assert {type(each.exception()) for each in refused} == {NoAnswerError}
        assert (len(refused), forwarder.under_way) == (2 * forwarding.MOST_OF_ONE, 2 * forwarding.MOST_OF_ONE)
        room = asyncio.create_task(forwarder.ask(question(), "vpc-c", OWN.__contains__))
        _, still = await asyncio.wait([room], timeout=0.05)
        assert still == {room}
        for each in (*others, room):
            each.cancel()
        await asyncio.gather(*others, room, return_exceptions=True)
        assert forwarder.under_way == 0

    with name_server(nothing) as server:
        asyncio.run(flood())


def test_the_servers_of_the_machine_are_those_its_file_names_now(tmp_path):
    file = tmp_path / "resolv.conf"
    servers = MachineServers(file)
    assert servers() == ()
    file.write_text(
        "# nameserver 192.0.2.1\nsearch a b\nnameserver 192.0.2.2\nnameserver\n nameserver ::1\nnameserver name\n"
    )
    assert servers() == (("192.0.2.2", 53), ("::1", 53))
    os.utime(file, ns=(1, 1))
    file.with_suffix(".new").write_bytes(
        b"\xffnameserver\nnameserver 192.0.2.3\n" + b"nameserver 192.0.2.4\n" * 9
    )
    file.with_suffix(".new").rename(file)
    assert servers() == (("192.0.2.3", 53), ("192.0.2.4", 53), ("192.0.2.4", 53)), (
        "as many as the C library takes"
    )
    file.unlink()
    assert servers() == ()
