"""What instances and builds write, in files of the node's directory until the server has it.

An instance writes to its file itself, so that nothing is lost when a node ends; the next node reads on behind what the
server has. What the server has is given back to the disk. A file that grows faster than it is read loses its oldest
lines, which are counted.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from understudy_aws.core.clock import unix_seconds
from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.linux.syscalls import punch_hole
from understudy_aws.dataplane.messages import Output, OutputLine

LONGEST_LINE = 256 * 1024
"""Bytes of a line; a longer one becomes several. CloudWatch Logs took events of so many bytes."""

MOST_BYTES = 16 * 1024**2
"""What of one file is kept for the server."""

MOST_FILES = 200
"""Files of instances and builds that are no more, and that the server has not read."""

# What is read ahead of the server, and what goes into an answer.
_MOST_AHEAD, _MOST_LINES, _MOST_ANSWER = 8 * 1024**2, 5_000, 1024**2
_BLOCK = 4096
_PIECE = LONGEST_LINE + _BLOCK
_ABOUT, _OUTPUT, _TOLD, _FINISHED = "about.json", "output", "told", "finished"


class _About(msgspec.Struct, frozen=True):
    service: str
    stream: str


class _File:
    """A file of output: how far it was read, and how far the server has it."""

    def __init__(self, place: Path, about: _About) -> None:
        self.place = place
        self.about = about
        self.path = place / _OUTPUT
        self._name = str(self.path)
        self.is_finished = (place / _FINISHED).exists()
        # Its size when that was looked at last.
        self.size = 0
        self.told = self.read = _number_in(place / _TOLD)
        # The line that was read last had no end, and was taken for one because nothing came after it.
        self.unended = False

    def state(self) -> tuple[int, int]:
        """Return its size, and when it was last written to in milliseconds."""
        try:
            # There are many of these, which are looked at each second: a `Path` would take twice the time.
            found = os.stat(self._name)  # noqa: PTH116
        except FileNotFoundError:
            self.size = 0
            return 0, 0
        self.size = found.st_size
        return found.st_size, found.st_mtime_ns // 1_000_000


class _Waiting(msgspec.Struct, frozen=True):
    """A line that the server has not got, and where it ends in its file."""

    line: OutputLine
    file: str
    end: int


class Spool:
    """The output of a node. Its methods block for a short time, and are called one after another."""

    def __init__(self, directory: Path) -> None:
        self._place = directory / "output"
        self.name = Ids().hexadecimal()
        self._files: dict[str, _File] = {}
        self._waiting: deque[_Waiting] = deque()
        self._ahead = 0
        self._number = 0
        self._lost = 0
        with suppress(FileNotFoundError):
            for entry in sorted(self._place.iterdir(), key=lambda each: each.stat().st_mtime):
                self._take(entry)

    def begin(self, key: str, service: str, stream: str) -> Path:
        """Return the file to which the output of a stream is appended, which is made."""
        place = self._place / key
        about = _About(service, stream)
        file = self._files.get(key)
        if file is None or file.about != about:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            (place / _ABOUT).write_bytes(msgspec.json.encode(about))
            file = self._files[key] = _File(place, about)
        (place / _FINISHED).unlink(missing_ok=True)
        file.is_finished = False
        return file.path

    def add(self, service: str, stream: str, text: str) -> None:
        """Append a line, of a build for example."""
        name = blake2b(msgspec.json.encode((service, stream)), digest_size=12).hexdigest()
        path = self.begin(f"lines-{name}", service, stream)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, text.encode(errors="replace") + b"\n")
        finally:
            os.close(fd)

    def finish(self, key: str) -> None:
        """Take it that nothing more is written to a file; it goes when the server has it."""
        if key in self._files:
            file = self._files[key]
            (file.place / _FINISHED).touch()
            file.is_finished = True

    def last_lines(self, key: str, start: int, most: int, most_bytes: int) -> list[str]:
        """Return the last lines behind a byte of a file."""
        file = self._files.get(key)
        if file is None:
            return []
        size, _ = file.state()
        start = max(start, size - most_bytes)
        with suppress(OSError), file.path.open("rb") as opened:
            opened.seek(start)
            lines = opened.read(most_bytes).decode(errors="replace").splitlines()
            return [line for line in lines if line.strip()][-most:]
        return []

    def output(self, node: str, after: int) -> Output:
        """Return the lines behind a number, and take it that the server has those up to it."""
        if node == self.name:
            self._told(after)
        self.bound()
        self._read_ahead()
        lines: list[OutputLine] = []
        size = 0
        for waiting in self._waiting:
            size += len(waiting.line.text)
            if lines and (len(lines) >= _MOST_LINES or size > _MOST_ANSWER):
                break
            lines.append(waiting.line)
        lost, self._lost = self._lost, 0
        return Output(node=self.name, lines=tuple(lines), lost=lost)

    def bound(self) -> None:
        """Drop what is more than is kept for the server."""
        for key, file in list(self._files.items()):
            size, _ = file.state()
            if size - file.told > MOST_BYTES:
                self._drop(key, file, size - MOST_BYTES // 2)
            if file.is_finished and file.told >= size:
                self._remove(key)
        finished = [key for key, file in self._files.items() if file.is_finished]
        for key in finished[: max(0, len(finished) - MOST_FILES)]:
            file = self._files[key]
            self._drop(key, file, file.state()[0])
            self._remove(key)

    def forget(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._place, ignore_errors=True)
        self._files.clear()
        self._waiting.clear()

    def _take(self, place: Path) -> None:
        with suppress(OSError, msgspec.MsgspecError):
            about = msgspec.json.decode((place / _ABOUT).read_bytes(), type=_About)
            self._files[place.name] = _File(place, about)

    def _told(self, after: int) -> None:
        ends: dict[str, int] = {}
        while self._waiting and self._waiting[0].line.number <= after:
            waiting = self._waiting.popleft()
            self._ahead -= len(waiting.line.text)
            ends[waiting.file] = waiting.end
        for key, end in ends.items():
            file = self._files.get(key)
            if file is not None:
                self._give_back(file, end)

    def _give_back(self, file: _File, end: int) -> None:
        """Note how far the server has a file, and let the disk have what is before."""
        before, file.told = file.told, end
        file.read = max(file.read, end)
        (file.place / _TOLD).write_text(str(end))
        first, last = before // _BLOCK * _BLOCK, end // _BLOCK * _BLOCK
        if last <= first:
            return
        with suppress(FileNotFoundError):
            fd = os.open(file.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                punch_hole(fd, first, last - first)
            except OSError:
                # This file system can't; what is written between the two calls is lost.
                if os.fstat(fd).st_size == end:
                    os.ftruncate(fd, 0)
                    (file.place / _TOLD).unlink(missing_ok=True)
                    file.told = file.read = 0
            finally:
                os.close(fd)

    def _drop(self, key: str, file: _File, end: int) -> None:
        """Give up the lines of a file before a byte, and count them."""
        mine = [each for each in self._waiting if each.file == key]
        self._waiting = deque(each for each in self._waiting if each.file != key)
        self._ahead -= sum(len(each.line.text) for each in mine)
        kept = [each for each in mine if each.end > end]
        self._lost += len(mine) - len(kept)
        if kept:
            # What was read and is kept is read again.
            file.read = end
        elif file.read < end:
            self._lost += _ends_between(file.path, file.read, end)
        end = max(end, file.told)
        at = _line_after(file.path, end)
        self._give_back(file, at)
        file.read = at

    def _remove(self, key: str) -> None:
        shutil.rmtree(self._files.pop(key).place, ignore_errors=True)

    def _read_ahead(self) -> None:
        """Read what was written when it was last looked at, in turns, so that no file has to wait for another."""
        more = True
        while more and self._ahead < _MOST_AHEAD:
            more = False
            for key, file in self._files.items():
                if file.size > file.read and self._ahead < _MOST_AHEAD and self._read(key, file):
                    more = True

    def _read(self, key: str, file: _File) -> bool:
        """Read a piece of a file; returns whether there may be more."""
        size, written = file.state()
        if size <= file.read:
            return False
        with file.path.open("rb") as opened:
            opened.seek(file.read)
            piece = opened.read(_PIECE)
        if file.unended and piece.startswith(b"\n"):
            file.read += 1
            piece = piece[1:]
        file.unended = False
        at = min(int(unix_seconds() * 1000), written)
        start = file.read
        whole = file.is_finished and start + len(piece) >= size
        for text, end in _lines(piece, whole=whole):
            self._number += 1
            line = OutputLine(
                number=self._number, service=file.about.service, stream=file.about.stream, at=at, text=text
            )
            self._waiting.append(_Waiting(line, key, start + end))
            self._ahead += len(text)
            file.read = start + end
        if whole and not piece.endswith(b"\n"):
            file.unended = True
        return file.read > start


def _lines(piece: bytes, *, whole: bool) -> Iterator[tuple[str, int]]:
    """Yield the lines of a piece, and where each ends. The last one may lack an end if the piece is `whole`."""
    at = 0
    while at < len(piece):
        end = piece.find(b"\n", at, at + LONGEST_LINE + 1)
        if end >= 0:
            yield _text(piece[at:end]), end + 1
            at = end + 1
        elif len(piece) - at > LONGEST_LINE:
            cut = _whole_characters(piece, at + LONGEST_LINE)
            yield _text(piece[at:cut]), cut
            at = cut
        else:
            if whole:
                yield _text(piece[at:]), len(piece)
            return


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")


def _whole_characters(piece: bytes, end: int) -> int:
    """Return where to cut so that no character of UTF-8 is cut."""
    for at in range(end, end - 4, -1):
        if piece[at] & 0xC0 != 0x80:
            return at
    return end


def _ends_between(path: Path, start: int, end: int) -> int:
    """Count the ends of lines between two bytes of a file."""
    count = 0
    with suppress(OSError), path.open("rb") as opened:
        opened.seek(start)
        while start < end and (piece := opened.read(min(_PIECE, end - start))):
            count += piece.count(b"\n")
            start += len(piece)
    return count


def _line_after(path: Path, start: int) -> int:
    """Return where a line begins at a byte or behind it."""
    with suppress(OSError), path.open("rb") as opened:
        opened.seek(max(0, start - 1))
        found = opened.read(_PIECE).find(b"\n")
        return start if found < 0 else max(0, start - 1) + found + 1
    return start


def _number_in(path: Path) -> int:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return 0
