"""The kernel refuses any one step of the way from one network to another: it is told, and what is wanted is made after it."""

from __future__ import annotations

import errno
import os
import tempfile
from itertools import count
from pathlib import Path

import dying_networks
import pytest
from drivers import with_namespaces
from nodes import refusal_for

from understudy_aws.dataplane.linux import namespaces
from understudy_aws.dataplane.linux.compile import network_objects
from understudy_aws.dataplane.linux.driver import LinuxDriver
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.node.fabric import Fabric

REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")

# As in `test_deaths.py`: every step is tried where there is time for it, otherwise some, other ones of each kind.
EVERY = int(os.environ.get("DYING_NODES_STEP", "3")) ** 2
STEPS = (
    (NetlinkSocket, ("__init__", "request", "commit", "ask", "dump", "dump_bodies")),
    (namespaces, ("mount", "unmount", "unshare", "setns")),
    (os, ("open",)),
)


class Refusing:
    """Counts steps, and refuses one: before it is done, or after it, as when an answer is lost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, *, done: bool) -> None:
        self._number, self._done = number, done
        self._left = -1
        self.refused = False
        for owner, names in STEPS:
            for name in names:
                monkeypatch.setattr(owner, name, self._refusing(getattr(owner, name)))

    def arm(self, left: int) -> None:
        """Refuse the step after so many; none for -1."""
        self._left, self.refused = left, False

    def _refusing(self, step):
        def taken(*arguments, **named):
            self._left -= 1
            if self._left != -1:
                return step(*arguments, **named)
            self.refused = True
            if self._done:
                result = step(*arguments, **named)
                if isinstance(result, int):
                    os.close(result)
            raise OSError(self._number, os.strerror(self._number))

        return taken


@pytest.mark.parametrize(
    ("number", "done", "first"),
    [(errno.ENOMEM, False, 0), (errno.ENOBUFS, True, EVERY // 3), (errno.EMFILE, False, 2 * EVERY // 3)],
    ids=["no-memory", "answer-lost", "no-files"],
)
def test_a_step_that_is_refused_is_told_and_leaves_nothing_half_made(number, done, first):
    def every_step(place: Path) -> None:
        with pytest.MonkeyPatch.context() as monkeypatch, tempfile.TemporaryDirectory() as directory:
            driver = LinuxDriver(place)
            fabric, refusing = Fabric(Path(directory), driver), Refusing(monkeypatch, number, done=done)
            wanted, told, tried = network_objects(dying_networks.SECOND), 0, 0
            for steps in count(first, EVERY):
                fabric.want(dying_networks.FIRST)
                refusing.arm(steps)
                try:
                    fabric.want(dying_networks.SECOND)
                except OSError:
                    told += 1
                    assert fabric.problem, steps
                over, tried = not refusing.refused, tried + refusing.refused
                refusing.arm(-1)
                for _ in range(2):
                    if fabric.wanted is not dying_networks.SECOND:
                        fabric.want(dying_networks.SECOND)
                    fabric.check()
                assert fabric.converged, steps
                observed = driver.observe()
                assert (observed - wanted, wanted - observed) == (frozenset(), frozenset()), steps
                kept = {each.name for each in place.iterdir()}
                assert kept == {each.name for each in wanted if type(each).__name__ == "Namespace"}, steps
                assert (fabric.problem, fabric.missing) == ("", ()), steps
                if over:
                    break
            assert steps > 100, "the way has that many steps"
            assert told > tried / 2, "most are told, and the others are none that matter"
            fabric.close()

    with_namespaces(every_step)
