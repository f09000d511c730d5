"""Commands of tasks: all they write is heard, however late it is looked at and whatever they leave running."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from understudy_aws.dataplane.runtime import commands


class _Patient:
    def look(self) -> None:
        pass


@pytest.mark.parametrize("count", [1, 12_000])
def test_what_a_command_wrote_that_has_ended_is_heard(monkeypatch, count):
    """A busy machine comes to read it only when it is time to look whether the command goes on."""
    monkeypatch.setattr(commands, "_LOOK_SECONDS", 0)
    process = subprocess.Popen(["/usr/bin/seq", str(count)], stdout=subprocess.PIPE)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lines: list[str] = []
    commands._listen(process, lines.extend, _Patient())
    assert lines == [str(number) for number in range(1, count + 1)]
    assert process.wait() == 0


def test_what_a_command_leaves_running_is_not_waited_for():
    began = time.monotonic()
    lines: list[str] = []
    story = "echo first; (sleep 60; echo never) & echo last"
    ended = commands.run(["/bin/sh", "-c", story], dict(os.environ), seconds=50, say=lines.extend)
    assert (ended.status, lines) == (0, ["first", "last"])
    assert time.monotonic() - began < 30
