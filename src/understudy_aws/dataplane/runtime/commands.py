"""Commands that a task runs: within a time and a size, with their output as lines."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, die_with_parent, setns
from understudy_aws.dataplane.runtime.artifacts import MOST_BYTES, TaskError, disk_is_full, full_disk, size_of

LONGEST_LINE = 8192
"""A line that is longer is cut into several."""

_LAST_LINES = 5
_LOOK_SECONDS = 3.0
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
    say: Callable[[str], None] | None = None,
    directory: str = "/",
    watched: Path | None = None,
    title: str = "",
    output: int | None = None,
    network: int | None = None,
) -> Ended:
    """Run a command and return how it ended; `say` gets each line of its output and errors.

    With `output`, a descriptor, its output goes there, and its errors alone are lines. `network` is
    a descriptor of the network namespace that it runs in.

    Raises TaskError when it takes longer than `seconds`, when `watched` becomes larger than a source tree may be, or
    when the disk is full.
    """
    title = title or words[0]
    process = subprocess.Popen(  # noqa: S603 - the words are the caller's
        list(words), env=dict(environment), cwd=directory, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if output is None else output,
        stderr=subprocess.STDOUT if output is None else subprocess.PIPE,
        start_new_session=True, preexec_fn=partial(_as_programs_expect, network),  # noqa: PLW1509 - one thread
    )  # fmt: skip
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def heard(line: str) -> None:
        if line.strip():
            last.append(line)
        if say is not None:
            say(line)

    watch = _Watch(seconds, watched, title)
    try:
        _listen(process, heard, watch)
        status = process.wait()
    finally:
        _end(process)
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
        self._measuring: threading.Thread | None = None

    def look(self) -> None:
        if monotonic_seconds() > self._until:
            raise TaskError(f"`{self._title}` took longer than {self._seconds:.0f} seconds and was ended.")
        if self._watched is None:
            return
        if disk_is_full(self._watched):
            raise full_disk(self._watched)
        if self._size > MOST_BYTES:
            raise TaskError(
                f"`{self._title}` wrote more than the {MOST_BYTES // 1024**3} GB that an instance has."
            )
        if self._measuring is None or not self._measuring.is_alive():
            self._measuring = threading.Thread(target=self._measure, daemon=True)
            self._measuring.start()

    def _measure(self) -> None:
        if self._watched is not None:
            self._size = size_of(self._watched)


def _listen(process: subprocess.Popen[bytes], heard: Callable[[str], None], watch: _Watch) -> None:
    heard_from = process.stderr or process.stdout
    assert heard_from is not None
    with heard_from as output:
        ready = select.poll()
        ready.register(output, select.POLLIN | select.POLLHUP)
        looked, rest = monotonic_seconds(), b""
        while True:
            events = ready.poll(int(_LOOK_SECONDS * 1000))
            if monotonic_seconds() - looked >= _LOOK_SECONDS:
                watch.look()
                looked = monotonic_seconds()
            if not events:
                if process.poll() is not None:
                    # What it has started and left running keeps the pipe open.
                    break
                continue
            chunk = os.read(output.fileno(), _CHUNK)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            while len(rest) > LONGEST_LINE:
                lines.append(rest[:LONGEST_LINE])
                rest = rest[LONGEST_LINE:]
            for line in lines:
                _tell(line, heard)
        if rest:
            _tell(rest, heard)


def _tell(line: bytes, heard: Callable[[str], None]) -> None:
    # What a progress bar has drawn over is left out.
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    for start in range(0, max(len(text), 1), LONGEST_LINE):
        heard(text[start : start + LONGEST_LINE])


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _as_programs_expect(network: int | None) -> None:
    """Undo in a child what Python does to signals, and let it write no file larger than a source tree may be."""
    if sys.platform == "linux":
        # What is isolated ends with bubblewrap; what is not would go on.
        die_with_parent()
        if network is not None:
            setns(network, CLONE_NEWNET)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
