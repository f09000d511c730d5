"""How long a server takes to its first answer, and to the first one that a policy allowed.

Starts are short, so each is made many times, in turn among the servers, and the middle one counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rows import raw_requests
from servers import Running, client, free_port, keys_in, understudy

Start = Callable[..., AbstractContextManager[Running]]


@dataclass(frozen=True)
class Starts:
    """What one server took, start by start: seconds of waiting, of CPU, and MiB once idle."""

    waited: list[float]
    cpu: list[float]
    idle: list[float]

    @property
    def typical(self) -> float:
        return median(self.waited)


def first_answers(servers: Mapping[str, Start], times: int) -> dict[str, Starts]:
    """From nothing to any answer: a new state, an account made, a request without signature answered."""
    return _in_turn(servers, times, lambda start: start())


def first_allowed(servers: Mapping[str, Start], times: int) -> dict[str, Starts]:
    """From a state that is there to the answer of a signed DescribeVpcs, decided by IAM where there is one."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as states:
        prepared = {name: _again(start, Path(states) / name) for name, start in servers.items()}
        return _in_turn(prepared, times, lambda start: start())


def _again(start: Start, state: Path) -> Start:
    """The same server with its state kept; the question is signed before it starts."""
    keeps_state = getattr(start, "func", start) is understudy
    if keeps_state:
        state.mkdir()
        with start(state=state):
            pass

    def again() -> AbstractContextManager[Running]:
        port = free_port()
        keys = keys_in(state) if keeps_state else ("test", "test")
        (question,) = raw_requests(client("ec2", port, keys), "describe_vpcs", [{}])
        return (
            partial(start, state=state)(port=port, question=question)
            if keeps_state
            else start(port=port, question=question)
        )

    return again


def _in_turn(
    servers: Mapping[str, Start], times: int, begin: Callable[[Start], AbstractContextManager[Running]]
) -> dict[str, Starts]:
    taken = {name: Starts([], [], []) for name in servers}
    for turn in range(times + 1):
        order = list(servers) if turn % 2 else list(servers)[::-1]
        for name in order:
            with begin(servers[name]) as running:
                if turn == 0:
                    continue  # The first start fills the file cache.
                taken[name].waited.append(running.first_answer)
                taken[name].cpu.append(running.first_answer_cpu)
                taken[name].idle.append(running.resident())
    return taken
