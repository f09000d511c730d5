"""A process that has a node as its child, and forks another one at once when that was killed.

It has imported everything that a node needs, which takes a new process a fifth of a second, and shares that memory with
its child. It holds the directory's lock together with the child, so that nobody starts a node of its own in between. It
does nothing else: when it is killed the node goes on, and the server starts the next one.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.holder import find_holder

_ENDS = (signal.SIGTERM, signal.SIGINT)
# What shells add to the number of a signal.
_BY_SIGNAL = 128
# A node that is killed so often in a row, each time within so many seconds, is killed by what it does.
_MOST_SHORT_LIVES, _SHORT_SECONDS = 5, 1.0


class _Supervisor:
    """The parent of nodes, one after another."""

    def __init__(self) -> None:
        self.told_to_end = False
        self._child = 0
        for number in _ENDS:
            signal.signal(number, self._forward)

    def run(self, node: Callable[[], int]) -> int:
        """Run a node in a child; returns what that returned, or the number of the signal that ended it, negative."""
        # A signal between the fork and the next lines would be for the wrong one of the two.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        self._child = os.fork()
        if self._child == 0:
            for number in _ENDS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
            os._exit(_status_of(node))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self.told_to_end = True
        if self._child:
            with suppress(ProcessLookupError):
                os.kill(self._child, number)


def supervise(directory: Path, node: Callable[[bool], int]) -> int:
    """Run the node of a directory until it ends by itself, is told to, or leaves no network that goes on.

    `node` is told whether it succeeds one that was killed.
    """
    supervisor = _Supervisor()
    # What is there now is not looked at by the garbage collections of any child, and its pages stay shared.
    gc.collect()
    gc.freeze()
    short_lives, is_successor = 0, False
    while True:
        began = monotonic_seconds()
        code = supervisor.run(partial(node, is_successor))
        short_lives = short_lives + 1 if monotonic_seconds() - began < _SHORT_SECONDS else 0
        was_killed = code < 0 and -code not in _ENDS and not supervisor.told_to_end
        # Without a holder there is nothing left to go on with.
        if not was_killed or short_lives >= _MOST_SHORT_LIVES or find_holder(directory) is None:
            return code if code >= 0 else _BY_SIGNAL - code
        is_successor = True


def _status_of(node: Callable[[], int]) -> int:
    try:
        return node()
    except BaseException:  # noqa: BLE001 - as the interpreter does with a main program
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stderr.flush()
