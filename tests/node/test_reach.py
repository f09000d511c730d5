"""What is computed of a connection is what packets do, over random networks; and what changes are suggested help."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from random_networks import questions, random_network

from understudy_aws.dataplane.changes import changed
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.messages import Probe, Probed
from understudy_aws.dataplane.reach import reach, refusals

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


def probed(running, asked, timeout: float) -> dict:
    """Send a packet for each question, several at once over connections of their own."""
    waiting: SimpleQueue[NodeClient] = SimpleQueue()
    clients = [running.connect() for _ in range(AT_ONCE)]
    for client in clients:
        waiting.put(client)

    def passes(question) -> bool:
        client = waiting.get()
        try:
            answer = client.ask(Probe(question.interface, question.address, question.port, timeout))
        finally:
            waiting.put(client)
        assert isinstance(answer, Probed), answer
        return answer.outcome != "silent"

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(asked, pool.map(passes, asked), strict=True))
    finally:
        for client in clients:
            client.close()
