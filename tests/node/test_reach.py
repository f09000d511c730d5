"""What is computed of a connection is what packets do, over random networks; and what changes are suggested help."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from msgspec.structs import replace
from random_networks import PORTS, questions, random_network, with_protocols

from understudy_aws.dataplane.changes import changed
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.dataplane.messages import Probe, Probed
from understudy_aws.dataplane.packets import ICMP, ICMPV6, UDP
from understudy_aws.dataplane.reach import Question, reach, refusals

AT_ONCE = 8


@pytest.mark.parametrize("seed", range(6))
def test_what_is_computed_is_what_packets_do(running, seed):
    network = random_network(seed)
    running.want(network)
    asked = questions(network)[seed % 3 :: 3]
    computed = {each: reach(network, each) for each in asked}
    found = probed(running, asked, 0.6)
    # On a machine with much else to do a packet may take longer than that: what should pass is asked again.
    late = [each for each in asked if computed[each].passes and not found[each]]
    found |= probed(running, late, 5.0)
    wrong = {each: (computed[each], found[each]) for each in asked if computed[each].passes != found[each]}
    assert wrong == {}
    assert len(asked) > 20


@pytest.mark.parametrize("seed", range(4))
def test_what_is_suggested_lets_real_packets_pass_and_no_others(running, seed):
    """`tests/dataplane/test_suggested_changes.py` looks at all pairs of many more networks, without packets."""
    network = random_network(seed, ipv6=seed % 2 == 1)
    asked = questions(network)
    ways = ((each, *refusals(network, each)) for each in asked[seed // 2 :: 2])
    question, refused = next((each, refused) for each, refused, passes in ways if refused and passes)
    now = network
    for outcome in refused:
        assert outcome.change is not None
        now = changed(now, outcome.change)
    opened = {each for each in asked if reach(now, each).passes and not reach(network, each).passes}
    closed = [each for each in asked if not reach(now, each).passes][::4]
    running.want(network)
    assert not any(probed(running, opened, 0.6).values())
    running.want(now)
    assert question in opened
    assert all(probed(running, opened, 5.0).values())
    assert not any(probed(running, closed, 0.6).values())


@pytest.mark.parametrize("seed", range(2))
def test_with_ipv6_too_what_is_computed_is_what_packets_do(running, seed):
    network = random_network(100 + seed, ipv6=True)
    running.want(network)
    asked = [each for each in questions(network) if ":" in each.address][::2]
    computed = {each: reach(network, each).passes for each in asked}
    found = probed(running, asked, 0.6)
    found |= probed(running, [each for each in asked if computed[each] and not found[each]], 5.0)
    assert {each for each in asked if computed[each] != found[each]} == set()
    assert len(asked) > 10


@pytest.mark.parametrize("seed", range(4))
def test_of_udp_and_icmp_too_what_is_computed_is_what_packets_do(running, seed):
    network = with_protocols(random_network(200 + seed, ipv6=True), seed)
    running.want(network)
    ids = [each.id for vpc in network.vpcs for each in vpc.interfaces if each.filtered]
    answering = running.answer_datagrams(*ids, ports=PORTS)
    # At the addresses of AWS's APIs nothing takes part in these protocols.
    others = [each for each in questions(network) if each.address not in API_ADDRESSES.values()]
    asked = [of_protocol(each, place) for place, each in enumerate(others[seed % 2 :: 2])]
    computed = {each: reach(network, each).passes for each in asked}
    found = probed(running, asked, 0.4, answered="connected")
    late = [each for each in asked if computed[each] and not found[each]]
    found |= probed(running, late, 5.0, answered="connected")
    answering.process.kill()
    answering.finish()
    assert {each: reach(network, each) for each in asked if computed[each] != found[each]} == {}
    for protocol in (UDP, ICMP, ICMPV6):
        outcomes = {computed[each] for each in asked if each.protocol == protocol}
        assert outcomes, protocol
    assert any(computed.values())


def of_protocol(question: Question, place: int) -> Question:
    """Return a question with UDP for TCP, or every other one with ICMP of its kind of address."""
    if place % 2:
        return replace(question, protocol=UDP)
    return replace(question, protocol=ICMPV6 if ":" in question.address else ICMP, port=0)


def probed(running, asked, timeout: float, answered: str = "") -> dict:
    """Send a packet for each question, several at once over connections of their own: whether one was answered.

    What is refused by a host has arrived, unless it must be `answered` in one way.
    """
    waiting: SimpleQueue[NodeClient] = SimpleQueue()
    clients = [running.connect() for _ in range(AT_ONCE)]
    for client in clients:
        waiting.put(client)

    def passes(question) -> bool:
        client = waiting.get()
        try:
            answer = client.ask(
                Probe(question.interface, question.address, question.port, timeout, question.protocol)
            )
        finally:
            waiting.put(client)
        assert isinstance(answer, Probed), answer
        return answer.outcome == answered if answered else answer.outcome != "silent"

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(asked, pool.map(passes, asked), strict=True))
    finally:
        for client in clients:
            client.close()
