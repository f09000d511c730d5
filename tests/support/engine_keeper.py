"""Keeps a container engine of a test, and ends it with all that it has begun when the test ends, however that does.

A process beside the test, in a session of its own: `engine_keeper.py PLACE WORD…`. It starts the engine by these words,
and ends it once nobody holds the other end of its input. What the engine starts becomes its child, so none is left.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.runtime.container_engine import Engine, EngineError
from understudy_aws.dataplane.runtime.process_trees import children_of, send

SOCKET, SAID, ENDED = "engine.sock", "said", "ended"
_PR_SET_CHILD_SUBREAPER = 36
_DETACH = 2
_PATIENCE = 20.0


def main(place: Path, words: Sequence[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    environment = {**os.environ, "CONTAINERS_CONF": str(place / "containers.conf")}
    try:
        with (place / SAID).open("w") as said:
            process = subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            if process.poll() is not None:
                (place / ENDED).touch()
        _empty(Engine(str(place / SOCKET)))
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    finally:
        _kill_children()
        _unmount(place)
        shutil.rmtree(place, ignore_errors=True)


def _empty(engine: Engine) -> None:
    """Remove the containers of nodes, and their network."""
    with suppress(EngineError):
        for name in engine.named("understudy.node"):
            engine.remove(name)
        engine.remove_network("understudy")


def _kill_children() -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for each in children_of(os.getpid()):
            send(each, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _unmount(place: Path) -> None:
    """End the mounts below a place, the last first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for mounted in reversed([line.split()[4] for line in lines]):
        if Path(mounted).is_relative_to(place):
            ctypes.CDLL(None).umount2(mounted.encode(), _DETACH)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
