"""The machine's clock is set, by hours and back: what a node does in time, it does in time; it tells the time that is set."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from askers import Asker, names
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc

from understudy_aws.dataplane.messages import GetFlows, TakeRepairs
from understudy_aws.dataplane.wanted import Network

HOUR = 3600.0
# Forwards, back behind where it was, and on by more than any time-out or interval of a node.
JUMPS = (6 * HOUR, -12 * HOUR, 24 * 30 * HOUR)


@pytest.fixture
def ahead():
    """The file that says how far ahead the clock is, where every user may read it.

    pytest closes the directory above its own ones to others each time that it starts, here or beside.
    """
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    file = place / "ahead"
    _set(file, "0")
    yield file
    shutil.rmtree(place)


@pytest.fixture
def node_options(ahead):
    return {"clock": ahead}


def site() -> Network:
    more = {"flow_intervals": (60,), "flow_place": "here"}
    return Network(
        vpcs=(
            replace(
                vpc(
                    "vpc-a",
                    interface("app", "vpc-a-subnet-1", "10.0.1.10", **more),
                    interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
                    groups=(group("sg-app"), group("sg-db", rule(TCP, 80, group="sg-app"))),
                ),
                dns=names("10.0.1.10"),
            ),
        ),
        flow_seconds=1,
    )


def test_a_clock_that_is_set_keeps_nothing_from_happening_and_lengthens_nothing(running, ahead, asker):
    running.want(site())
    ask: Asker = asker("eni-app")
    after = GetFlows()
    for offset in (0.0, *JUMPS):
        _set(ahead, str(offset))
        known = running.client.ask(TakeRepairs()).repairs
        running.damage(
            "eni-app", "request(rt.route(ip_network('0.0.0.0/0'), rt.MAIN_TABLE, change=rt.DELETE))"
        )
        repairs = _soon(
            lambda known=known: [
                each for each in running.client.ask(TakeRepairs()).repairs if each not in known
            ]
        )
        assert abs(repairs[0].at.timestamp() - time.time() - offset) < HOUR, "it tells the time that is set"
        assert running.status().converged
        assert ask("ip-10-0-1-10.ec2.internal") == "NOERROR 10.0.1.10"
        assert running.passes("eni-app", "10.0.2.10", 80)
        assert running.drops("eni-app", "10.0.2.10", 81)
        # Windows that began before the clock was set are told as well, and are no longer than they were.
        windows = []

        def told(windows=windows) -> bool:
            nonlocal after
            answer = running.client.ask(after)
            windows += answer.windows
            if answer.windows:
                after = GetFlows(answer.node, answer.windows[-1].number)
            return any(each.flow.destination_port == 81 for window in answer.windows for each in window.flows)

        _soon(told)
        assert [each for each in windows if not 0 <= each.end - each.start < HOUR] == []
        assert abs(windows[-1].end - time.time() - offset) < HOUR
    running.kill()
    _set(ahead, str(-48 * HOUR))
    running.start_again()
    assert running.status().converged
    assert running.passes("eni-app", "10.0.2.10", 80)


def _set(ahead, text):
    """Write at one go: the clock may be read at any moment."""
    new = ahead.with_name("new")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(ahead)


def _soon(found):
    """Wait for something that must not wait for hours."""
    until = time.monotonic() + 30
    while not (what := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return what
