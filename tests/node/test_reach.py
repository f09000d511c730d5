"""What is computed of a connection is what packets do, over random networks; and what changes are suggested help."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from random_networks import questions, random_network

from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.messages import Probe, Probed
from understudy_aws.dataplane.reach import reach

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
