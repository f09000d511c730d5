"""What is recorded for flow logs, in files: finished windows, and what is counted for those to come.

The kernel's counters outlive a node. So what is kept need not be of this second: the next node counts on from the
totals that were kept last. Nothing is told before both files say so, or a window could be told a second time as
another one.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.client import FLOWS
from understudy_aws.dataplane.flows import FlowsKept, FlowWindow

_WINDOWS, _KEPT = "windows.jsonl", "counted"
# A file is written anew when it has so many more windows and flows than wait for the server.
_SPARE_WINDOWS, _SPARE_FLOWS = 1_000, 10_000


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has recorded: under which name, in the network of which holder, and of which VPCs."""

    name: str
    network: str
    vpcs: tuple[str, ...]
    kept: FlowsKept


class FlowSpool:
    """The files of a directory. Its methods block for a short time; one caller at a time."""

    def __init__(self, directory: Path) -> None:
        self._place = directory / FLOWS
        # What the file of windows holds: the number of the last one, and how many windows and flows.
        self._last = self._windows = self._flows = 0
        self._is_there = False

    def read(self) -> tuple[Recording | None, list[FlowWindow]]:
        """Return what was recorded last, and the finished windows; None when there is nothing that can be read."""
        windows: list[FlowWindow] = []
        try:
            recording = msgspec.msgpack.decode((self._place / _KEPT).read_bytes(), type=Recording)
        except (OSError, msgspec.MsgspecError):
            return None, windows
        decode = msgspec.json.Decoder(FlowWindow).decode
        with suppress(OSError, msgspec.MsgspecError):
            for line in (self._place / _WINDOWS).read_bytes().splitlines():
                window = decode(line)
                # What was finished behind what was kept is counted, and is finished again.
                if window.number > recording.kept.number:
                    break
                # Those before the first one were told, or given up.
                if window.number >= recording.kept.first:
                    windows.append(window)
        return recording, windows

    def keep(self, recording: bytes, waiting: Sequence[FlowWindow]) -> None:
        """Keep what was recorded, encoded, and the finished windows that wait for the server. Raises OSError."""
        self._place.mkdir(mode=0o700, exist_ok=True)
        new = [each for each in waiting if each.number > self._last] if self._is_there else list(waiting)
        windows, flows = len(waiting), sum(len(each.flows) for each in waiting)
        grown = self._windows + len(new) > 2 * windows + _SPARE_WINDOWS
        grown = grown or self._flows + sum(len(each.flows) for each in new) > 2 * flows + _SPARE_FLOWS
        if not self._is_there or grown or not waiting:
            if not self._is_there or self._windows or waiting:
                self._replace(_WINDOWS, _lines(waiting))
            self._windows, self._flows = windows, flows
        elif new:
            self._append(new)
        self._is_there = True
        self._last = waiting[-1].number if waiting else self._last
        self._replace(_KEPT, recording)

    def forget(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._place, ignore_errors=True)
        self._is_there = False
        self._last = self._windows = self._flows = 0

    def _append(self, windows: Sequence[FlowWindow]) -> None:
        with (self._place / _WINDOWS).open("ab") as file:
            start = file.tell()
            try:
                file.write(_lines(windows))
                file.flush()
            except OSError:
                # Half a line would hide those that come after it.
                with suppress(OSError):
                    file.truncate(start)
                raise
        self._windows += len(windows)
        self._flows += sum(len(each.flows) for each in windows)

    def _replace(self, name: str, data: bytes) -> None:
        path = self._place / name
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(data)
        unfinished.rename(path)


def _lines(windows: Sequence[FlowWindow]) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in windows)
