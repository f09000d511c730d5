"""What is wanted, kept in a file that a node killed at any byte leaves readable.

The first line is a whole network; each further line is a change as the server told it, which names the revision before
it, or says that what the lines before it ask for was made, or that the flows of all interfaces are watched from then
on, or no more. A line that is not whole, or does not follow from those before it, is none. Another file takes its
place, at once, when the changes have become longer than the whole, so that a
change costs what it says.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.dataplane.client import WANTED
from understudy_aws.dataplane.deltas import with_delta
from understudy_aws.dataplane.messages import WantChange, revision_of
from understudy_aws.dataplane.wanted import Network

_LEAST_CHANGES = 64 * 1024
_MADE = b"made"
_WATCHED = {b"watched": True, b"unwatched": False}


class _Kept(msgspec.Struct, frozen=True):
    """The first line: a network, its revision, and whether flows are watched."""

    network: Network
    revision: str = ""
    watched: bool = False


class WantedFile:
    """The file of a directory. Raises OSError when it can't be written; what was kept before is kept then.

    `made` says that the network that was kept last was made, too, and `watched` that all flows were counted in it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / WANTED
        self._file: int | None = None
        # The bytes of the first line, and of all of them.
        self._whole = self._size = 0
        self.made = self.watched = False

    def read(self) -> tuple[Network, str]:
        """Return the network that was kept last and its revision; an empty one when there is none."""
        with suppress(OSError, msgspec.MsgspecError):
            first, *lines = self._path.read_bytes().split(b"\n")
            kept = msgspec.json.decode(first, type=_Kept)
            network, revision = kept.network, kept.revision
            self._whole = self._size = len(first) + 1
            self.watched = kept.watched
            change = msgspec.json.Decoder(WantChange).decode
            # What comes after the last end of a line was not finished.
            for line in lines[:-1]:
                self.made = line == _MADE
                self.watched = _WATCHED.get(line, self.watched)
                if self.made or line in _WATCHED:
                    self._size += len(line) + 1
                    continue
                try:
                    told = change(line)
                    if told.base != revision:
                        break
                    network = with_delta(network, told.delta)
                except (msgspec.MsgspecError, LookupError):
                    break
                revision = revision_of(line)
                self._size += len(line) + 1
            return network, revision
        return Network(), ""

    def keep(self, network: Network, revision: str) -> None:
        """Keep a whole network."""
        line = msgspec.json.encode(_Kept(network, revision, self.watched)) + b"\n"
        unfinished = self._path.with_suffix(".new")
        unfinished.write_bytes(line)
        unfinished.rename(self._path)
        self.close()
        self.made = False
        self._whole = self._size = len(line)

    def keep_change(self, line: bytes, network: Network) -> None:
        """Keep a change to what was kept last, of which `network` comes."""
        if self._size + len(line) > 2 * self._whole + _LEAST_CHANGES:
            self.keep(network, revision_of(line))
            return
        self._append(line)
        self.made = False

    def keep_watched(self, *, watched: bool) -> None:
        """Keep that all flows are counted from now on, or no more, before anything is made of that."""
        self.watched = watched
        # Where nothing is wanted there is no file, and nothing to count in.
        if self._size:
            self._append(next(line for line, each in _WATCHED.items() if each == watched))
            self.made = False

    def keep_made(self) -> None:
        """Keep that the network that was kept last was made."""
        if not self.made:
            self._append(_MADE)
            self.made = True

    def forget(self) -> None:
        """Keep nothing."""
        self._path.unlink(missing_ok=True)
        self.close()
        self._whole = self._size = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            os.ftruncate(self._file, self._size)
        try:
            self._write(line + b"\n")
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line) + 1

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        at = self._size
        while data:
            written = os.pwrite(self._file, data, at)
            data, at = data[written:], at + written
