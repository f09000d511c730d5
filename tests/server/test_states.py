"""Every pair of states and every event: which are possible, and where they lead."""

from __future__ import annotations

from itertools import product

import pytest

from understudy_aws.server.states import Client, ConnectionState, Event, IllegalEventError, Server


def reachable():
    """All pairs of states that events can lead to, and all steps between them."""
    begin = (Client.SENDING, Server.ANSWERING)
    known, waiting, steps = {begin}, [begin], {}
    while waiting:
        pair = waiting.pop()
        for event in Event:
            state = ConnectionState()
            state.client, state.server = pair
            try:
                state.process(event)
            except IllegalEventError:
                continue
            after = (state.client, state.server)
            steps[pair, event] = after
            if after not in known:
                known.add(after)
                waiting.append(after)
    return known, steps


def test_no_connection_stays_between_written_and_what_follows():
    known, _ = reachable()
    assert Server.WRITTEN not in {server for _, server in known}
    assert (Client.CLOSED, Server.LINGERING) not in known


def test_every_connection_can_be_lost():
    known, steps = reachable()
    for pair in known:
        assert (Client.CLOSED, Server.CLOSED) == steps[pair, Event.LOST]


def test_after_the_last_answer_nothing_is_handled_again():
    _, steps = reachable()
    for ((_, before), _), (_, after) in steps.items():
        assert before is Server.ANSWERING or after is not Server.ANSWERING


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("REFUSED LAST_ANSWER_QUEUED ALL_WRITTEN", (Client.REFUSED, Server.LINGERING)),
        ("REFUSED LAST_ANSWER_QUEUED ALL_WRITTEN CLIENT_CLOSED", (Client.CLOSED, Server.CLOSED)),
        ("REFUSED CLIENT_CLOSED LAST_ANSWER_QUEUED ALL_WRITTEN", (Client.CLOSED, Server.CLOSED)),
        ("CLIENT_CLOSED LAST_ANSWER_QUEUED ALL_WRITTEN", (Client.CLOSED, Server.CLOSED)),
        ("LAST_ANSWER_QUEUED ALL_WRITTEN", (Client.SENDING, Server.CLOSED)),
    ],
)
def test_a_refused_client_alone_is_waited_for(events, expected):
    state = ConnectionState()
    for event in events.split():
        state.process(Event[event])
    assert expected == (state.client, state.server)


def test_what_cannot_happen_is_our_mistake():
    impossible = {
        (pair, event) for pair, event in product(reachable()[0], Event) if (pair, event) not in reachable()[1]
    }
    assert ((Client.SENDING, Server.ANSWERING), Event.ALL_WRITTEN) in impossible
    with pytest.raises(IllegalEventError):
        ConnectionState().process(Event.ALL_WRITTEN)
