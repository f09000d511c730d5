"""What was put right in the network, kept until the server has written it into the trail.

A line of a file is one repair; the last of them survive the node and wait for a server that is down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.messages import Repair

_NAME = "repairs.jsonl"
_MOST = 200
_MOST_TOLD = 50


class Repairs:
    """The repairs of a directory that nobody has taken note of yet, oldest first."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._waiting = self._read()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, repairs: Sequence[Repair]) -> None:
        """Keep repairs; when nobody takes note the oldest are forgotten."""
        self._waiting = [*self._waiting, *repairs][-_MOST:]
        self._write()

    def waiting(self) -> tuple[Repair, ...]:
        """Return the oldest of them."""
        return tuple(self._waiting[:_MOST_TOLD])

    def forget(self, ids: Iterable[str]) -> None:
        """Forget those of some ids."""
        known = set(ids)
        kept = [each for each in self._waiting if each.id not in known]
        if len(kept) < len(self._waiting):
            self._waiting = kept
            self._write()

    def _read(self) -> list[Repair]:
        found = []
        with suppress(OSError, msgspec.MsgspecError):
            for line in self._path.read_bytes().splitlines():
                found.append(msgspec.json.decode(line, type=Repair))  # noqa: PERF401 - those before a torn line count
        return found

    def _write(self) -> None:
        # What can't be written, as on a full disk, is still told while this node runs.
        with suppress(OSError):
            unfinished = self._path.with_suffix(".new")
            unfinished.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in self._waiting))
            unfinished.rename(self._path)
