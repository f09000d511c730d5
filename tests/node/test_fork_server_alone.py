"""The process that forks others, without a node: when it is killed, and when it is out of what it needs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop
from nodes import children_of

from understudy_aws.dataplane.runtime.fork_server import ForkServer
from understudy_aws.node.forked_process import ForkedProcess

_BOUNDED = f"ulimit -n {{files}}; exec {sys.executable} -m understudy_aws.dataplane.runtime.fork_server"


class _Bounded(ForkServer):
    """One whose process opens only so many files."""

    def __init__(self, files: int) -> None:
        super().__init__()
        self._socket.close()
        os.waitpid(self._first, 0)
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            words = ["/bin/sh", "-c", _BOUNDED.format(files=files)]
            self._later = subprocess.Popen(words, stdin=its.fileno(), env={**os.environ})

    @property
    def pid(self) -> int:
        return self._later.pid


@pytest.fixture
def made():
    """Makes one in a process of its own, since it is forked from one that has a single thread; returns what that says."""

    def make(story: str) -> str:
        words = [sys.executable, "-c", f"{_BEGINNING}\n{story}"]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return make


_BEGINNING = """
import os, signal, sys, time
from understudy_aws.dataplane.runtime.fork_server import ForkServer

server = ForkServer()

def started():
    forked = server.start("launcher")
    forked.stdin.close()
    with forked.status.makefile("rb") as lines:
        told = [int(line) for line in lines]
    for each in forked:
        each.close()
    return told
"""


def test_where_it_cannot_be_started_anew_it_is_tried_again(made):
    """As when there are no more processes, which is when one is killed."""
    said = made(
        """
assert started()[0] > 0
os.kill(server._first, signal.SIGKILL)
os.waitid(os.P_PID, server._first, os.WEXITED | os.WNOWAIT)
python, sys.executable = sys.executable, "/nowhere"
for _ in range(3):
    try:
        started()
    except FileNotFoundError:
        print("not there")
sys.executable = python
pid, code = started()
print(pid > 0, code)
"""
    )
    assert said.splitlines() == ["not there"] * 3 + ["True 1"]


def test_signals_that_a_shell_ignores_are_not_ignored():
    """As of a server that a script has started in the background."""
    story = """
import pathlib
forked = server.start("worker", ("/nowhere", "none"))
pid = int(forked.status.makefile("rb").readline())
for each in (os.getpid(), pid):
    lines = pathlib.Path(f"/proc/{each}/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("SigIgn")))
os.killpg(pid, signal.SIGKILL)
for each in forked:
    each.close()
"""
    words = ["/bin/sh", "-c", "trap '' QUIT HUP; exec \"$@\"", "sh", sys.executable, "-c", _BEGINNING + story]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    own, forked = (
        int(each, 16) & (1 << signal.SIGQUIT - 1 | 1 << signal.SIGHUP - 1) for each in said.split()
    )
    assert own
    assert not forked


def test_who_is_told_of_has_a_session_of_its_own(made):
    """So that it can be ended with all that it starts, at once."""
    said = made(
        """
for _ in range(200):
    forked = server.start("worker", ("/nowhere", "none"))
    pid = int(forked.status.makefile("rb").readline())
    os.killpg(pid, signal.SIGKILL)
    for each in forked:
        each.close()
print("all")
"""
    )
    assert said == "all\n"


@pytest.mark.parametrize("files", [10, 11, 12, 13])
def test_out_of_descriptors_it_goes_on(files):
    """It says nothing of what it could not fork, and forks when it can again."""
    server = _Bounded(files)
    begun, held = server.pid, []
    try:
        for _ in range(8):
            forked = server.start("worker", ("/nowhere", "none"))
            forked.status.settimeout(20)
            held.append(forked)
        first = [_line(each.status) for each in held]
        assert any(line and int(line) > 0 for line in first)
        assert not all(line and int(line) > 0 for line in first), "some were too many"
        for forked in held:
            for each in forked:
                each.close()
        end = asyncio.run(_until_forked(server))
        assert end > 0
        assert server.pid == begun, "it has gone on"
    finally:
        server.close()
        server._later.wait(20)


async def _until_forked(server) -> int:
    for _ in range(200):
        forked = server.start("worker", ("/nowhere", "none"))
        forked.status.settimeout(20)
        line = _line(forked.status)
        for each in forked:
            each.close()
        if line and int(line) > 0:
            return int(line)
        await asyncio.sleep(0.05)
    return 0


def _line(status: socket.socket, wait: float = 20.0) -> bytes:
    """The next line that a status tells; empty at its end, or when nothing comes for so long."""
    status.settimeout(wait)
    said = b""
    try:
        while not said.endswith(b"\n"):
            piece = status.recv(1)
            if not piece:
                return b""
            said += piece
    except TimeoutError:
        return b""
    return said


def test_who_stops_listening_at_any_time_leaves_nothing():
    """A task is forgotten while its process is asked for: neither that nor descriptors stay."""

    async def story() -> None:
        server = _Bounded(256)
        try:
            # A loop opens some files of its own when it does something for the first time.
            await asyncio.gather(asyncio.wait_for(_listened(server), 0.5), return_exceptions=True)
            before = _descriptors()
            for steps in range(12):
                asked = asyncio.create_task(_listened(server))
                for _ in range(steps):
                    await asyncio.sleep(0)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
            for _ in range(400):
                left = (children_of(server.pid), _descriptors() - before)
                if left == ([], 0):
                    break
                await asyncio.sleep(0.02)
            assert left == ([], 0)
        finally:
            server.close()
            server._later.wait(20)

    uvloop.run(story())


async def _listened(server) -> None:
    async with ForkedProcess(server.start("worker", ("/nowhere", "none")), limit=1000) as process:
        pid = await process.pid()
        try:
            await process.stdout.readline()
        finally:
            os.killpg(pid, signal.SIGKILL)
            await process.ended()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
