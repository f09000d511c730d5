"""Commands of tasks: what they say, and the bounds that they are held to."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime import artifacts, commands
from understudy_aws.dataplane.runtime.artifacts import TaskError
from understudy_aws.dataplane.runtime.command_limits import command_limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes end with their parents on Linux")
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def said_by(script: str, **more) -> tuple[int, list[str]]:
    said: list[str] = []
    ended = commands.run(["/bin/sh", "-c", script], ENVIRONMENT, seconds=30, say=said.extend, **more)
    return ended.status, said


def test_lines_of_output_and_errors_come_in_order_without_what_was_drawn_over():
    script = r"echo one; echo two >&2; printf '10%%\r90%%\rdone\r\n'; printf 'no end'; exit 3"
    assert said_by(script) == (3, ["one", "two", "done", "no end"])


def test_a_line_without_an_end_is_cut_and_not_kept_in_memory():
    status, said = said_by("head -c 50000 /dev/zero | tr '\\0' x")
    assert status == 0
    assert max(map(len, said)) <= commands.LONGEST_LINE
    assert "".join(said) == "x" * 50000


def test_a_signal_that_ended_a_command_is_told_as_a_shell_tells_it():
    assert said_by("kill -9 $$")[0] == 137


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(tmp_path):
    script = f"(sleep 60 & echo $! > {tmp_path}/pid; wait)"
    with pytest.raises(TaskError, match="`build` took longer than 1 seconds and was ended"):
        commands.run(["/bin/sh", "-c", script], ENVIRONMENT, seconds=1, title="build")
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while start_of(pid):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_a_command_leaves_running_does_not_keep_it(tmp_path):
    began = time.monotonic()
    assert said_by("sleep 60 & echo done") == (0, ["done"])
    assert time.monotonic() - began < 30


def test_a_command_that_closes_its_output_has_no_more_time_than_others():
    with pytest.raises(TaskError, match="took longer than 1 seconds"):
        commands.run(["/bin/sh", "-c", "exec >&- 2>&-; sleep 60"], ENVIRONMENT, seconds=1)


def test_what_a_command_leaves_writing_does_not_keep_it():
    began = time.monotonic()
    status, said = said_by("(while true; do echo more; sleep 0.05; done) & echo done")
    assert (status, "done" in said) == (0, True)
    assert time.monotonic() - began < 20


def test_a_command_that_takes_all_memory_is_ended_with_that_reason(tmp_path):
    take = "kept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 20))"
    with command_limits(tmp_path, 64 * 1024**2) as limits:
        if limits.missing:
            pytest.skip(limits.missing)
        with pytest.raises(TaskError, match=r"`take` took more than the 64 MB of memory that a build has\."):
            commands.run([sys.executable, "-c", take], ENVIRONMENT, seconds=60, title="take", limits=limits)
    assert not any(Path(each).exists() for each in limits.groups)


def test_a_command_that_writes_too_much_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "MOST_BYTES", 4 * 1024**2)
    script = f"i=0; while true; do i=$((i+1)); head -c 65536 /dev/urandom > {tmp_path}/$i; sleep 0.01; done"
    with pytest.raises(TaskError, match=r"wrote more than the .* that an instance has"):
        commands.run(["/bin/sh", "-c", script], ENVIRONMENT, seconds=60, watched=tmp_path, title="build")


def test_one_file_is_no_larger_than_an_instance_may_have(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "MOST_BYTES", 1024**2)
    status, _ = said_by(f"head -c 4000000 /dev/zero > {tmp_path}/large")
    assert status != 0
    assert (tmp_path / "large").stat().st_size == 1024**2


def test_a_full_disk_is_said_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "_SPARE_BYTES", 2**63)
    with pytest.raises(TaskError, match="No space is left on the disk of "):
        said_by("exit 1", watched=tmp_path)


def test_what_is_made_is_complete_or_not_there(tmp_path):
    class Made(artifacts.msgspec.Struct):
        what: str

    place = tmp_path / "made"
    with pytest.raises(OSError, match="the disk"), artifacts.making(place) as new:
        assert new
        (place / "half").write_text("half")
        raise OSError("the disk")
    assert not place.exists()
    with artifacts.making(place) as new:
        assert new
        artifacts.write_record(place, Made("it"))
    with artifacts.making(place) as new:
        assert not new
    assert artifacts.read_record(place, Made) == Made("it")
