"""Commands that a task runs: within a time and a size, with their output as lines."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, die_with_parent, setns
from understudy_aws.dataplane.runtime.artifacts import MOST_BYTES, TaskError, disk_is_full, full_disk, size_of
from understudy_aws.dataplane.runtime.command_limits import CommandLimits
from understudy_aws.dataplane.runtime.seccomp import filter_program

LONGEST_LINE = 8192
"""A line that is longer is cut into several."""

_LAST_LINES = 5
_LOOK_SECONDS = 0.5
_MEASURE_SECONDS = 3.0
_CHUNK = 1 << 16


class Ended:
    """How a command ended: its status, as a shell gives it, and its last lines."""

    def __init__(self, status: int, last: Sequence[str]) -> None:
        self.status = status
        self.last = tuple(last)

    @property
    def said(self) -> str:
        """Its last lines in one."""
        return " | ".join(each.strip() for each in self.last if each.strip())


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    say: Callable[[Sequence[str]], None] | None = None,
    directory: str = "/",
    watched: Path | None = None,
    title: str = "",
    output: int | None = None,
    network: int | None = None,
    filtered: bool = False,
    limits: CommandLimits | None = None,
) -> Ended:
    """Run a command and return how it ended; `say` gets the lines of its output and errors, some at a time.

    With `output`, a descriptor, its output goes there, and its errors alone are lines. `network` is
    a descriptor of the network namespace that it runs in. The words of a `filtered` command are bubblewrap's, which
    gets the filter of system calls that instances have. `limits` are what it may take of the machine.

    Raises TaskError when it takes longer than `seconds` or more memory than it may, when `watched` becomes larger than
    a source tree may be, or when the disk is full.
    """
    title = title or words[0]
    words, passed = list(words), []
    if filtered and (program := filter_program()):
        passed.append(_in_memory(program))
        words[1:1] = ["--seccomp", str(passed[0])]
    try:
        process = subprocess.Popen(  # noqa: S603 - the words are the caller's
            words, env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.STDOUT if output is None else subprocess.PIPE, pass_fds=passed,
            start_new_session=True, preexec_fn=partial(_as_programs_expect, network, limits),  # noqa: PLW1509 - one thread
        )  # fmt: skip
    finally:
        for each in passed:
            os.close(each)
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def heard(lines: Sequence[str]) -> None:
        last.extend(line for line in lines if line.strip())
        if say is not None:
            say(lines)

    watch = _Watch(seconds, watched, title)
    try:
        _listen(process, heard, watch)
        status = _waited_for(process, watch)
    finally:
        _end(process)
    if status and limits is not None and limits.killed_for_memory():
        raise TaskError(
            f"`{title}` took more than the {limits.memory // 1024**2} MB of memory that a build has."
        )
    if watched is not None and status and disk_is_full(watched):
        raise full_disk(watched)
    return Ended(status if status >= 0 else 128 - status, last)


class _Watch:
    """Looks at the time and the size of what a command does."""

    def __init__(self, seconds: float, watched: Path | None, title: str) -> None:
        self._seconds = seconds
        self._until = monotonic_seconds() + seconds
        self._watched = watched
        self._title = title
        self._size = 0
        self._refused: TaskError | None = None
        self._measured = 0.0
        self._measuring: threading.Thread | None = None

    def look(self) -> None:
        now = monotonic_seconds()
        if now > self._until:
            raise TaskError(f"`{self._title}` took longer than {self._seconds:.0f} seconds and was ended.")
        if self._watched is None:
            return
        if disk_is_full(self._watched):
            raise full_disk(self._watched)
        if self._refused is not None:
            raise self._refused
        if self._size > MOST_BYTES:
            raise TaskError(
                f"`{self._title}` wrote more than the {MOST_BYTES // 1024**3} GB that an instance has."
            )
        if (self._measuring is None or not self._measuring.is_alive()) and now >= self._measured:
            self._measured = now + _MEASURE_SECONDS
            self._measuring = threading.Thread(target=self._measure, daemon=True)
            self._measuring.start()

    def _measure(self) -> None:
        if self._watched is None:
            return
        try:
            self._size = size_of(self._watched)
        except TaskError as error:
            self._refused = error


def _listen(process: subprocess.Popen[bytes], heard: Callable[[Sequence[str]], None], watch: _Watch) -> None:
    heard_from = process.stderr or process.stdout
    assert heard_from is not None
    with heard_from as output:
        ready = select.poll()
        ready.register(output, select.POLLIN | select.POLLHUP)
        looked, rest = monotonic_seconds(), b""
        is_over = False
        while not is_over:
            events = ready.poll(int(_LOOK_SECONDS * 1000))
            if monotonic_seconds() - looked >= _LOOK_SECONDS:
                watch.look()
                looked = monotonic_seconds()
                is_over = process.poll() is not None
            # What it has started and left running keeps the pipe open, and may write for ever: when it has ended, all
            # that it wrote is there.
            if not events and not is_over:
                continue
            chunk = os.read(output.fileno(), _there(output) if is_over else _CHUNK)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            while len(rest) > LONGEST_LINE:
                lines.append(rest[:LONGEST_LINE])
                rest = rest[LONGEST_LINE:]
            heard([text for line in lines for text in _texts(line)])
        if rest:
            heard(_texts(rest))


def _there(output: IO[bytes]) -> int:
    """Return how many bytes can be read without waiting."""
    (count,) = struct.unpack("i", fcntl.ioctl(output, termios.FIONREAD, struct.pack("i", 0)))
    return int(count)


def _waited_for(process: subprocess.Popen[bytes], watch: _Watch) -> int:
    """Return how a command ended, which may have closed its output long before."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_SECONDS)
        watch.look()


def _texts(line: bytes) -> list[str]:
    # What a progress bar has drawn over is left out.
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    return [text[start : start + LONGEST_LINE] for start in range(0, max(len(text), 1), LONGEST_LINE)]


def _in_memory(data: bytes) -> int:
    """Return a descriptor that this can be read from."""
    made = os.memfd_create("filter")
    os.write(made, data)
    os.lseek(made, 0, os.SEEK_SET)
    return made


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _as_programs_expect(network: int | None, limits: CommandLimits | None) -> None:
    """Undo in a child what Python does to signals, and hold it to its limits."""
    if sys.platform == "linux":
        # What is isolated ends with bubblewrap; what is not would go on.
        die_with_parent()
        if network is not None:
            setns(network, CLONE_NEWNET)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    # No file is larger than a source tree may be.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits is not None:
        limits.enter()
