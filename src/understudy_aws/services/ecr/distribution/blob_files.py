"""Layers as files: one for each digest, whichever repositories have it, and one for each upload under way.

A layer is there as a whole or not at all: an upload becomes one by being renamed, once its bytes are on the disk and
have the digest that was named. What is here and in no record is swept away (`sweep.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

from understudy_aws.core.clock import unix_seconds

LARGEST = 10 * 1024 * 1024 * 1024
"""Bytes of a layer."""

_KEPT_FREE = 64 * 1024 * 1024
_PIECE = 1024 * 1024


class WrongDigestError(ValueError):
    """The bytes that came have another digest than was said."""


class NoRoomError(OSError):
    """The disk has no room for what shall be uploaded."""


class Appending:
    """Bytes that are appended to an upload as they come, `most` of them at most. One at a time for each upload."""

    def __init__(self, file: BinaryIO, most: int, ended: Callable[[], None]) -> None:
        self.most = most
        self._file = file
        self._ended = ended

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises OSError when the disk takes no more."""
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Take nothing more. What came stays, so that a client can go on from there."""
        if not self._file.closed:
            self._file.close()
            self._ended()


class BlobFiles:
    """The files of a directory, which is made when the first upload begins."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._busy: set[str] = set()

    @property
    def are_there(self) -> bool:
        """Whether anything was ever uploaded."""
        return self._directory.exists()

    def size_of(self, upload: str) -> int:
        """Return how many bytes of an upload have come."""
        try:
            return self._upload(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, upload: str, length: int) -> Appending | None:
        """Return what appends to an upload; None while another request does. Raises NoRoomError.

        `length` is how many bytes are said to come, 0 when it is not known.
        """
        if upload in self._busy:
            return None
        path = self._upload(upload)
        # Nobody else gets past the first of them.
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if shutil.disk_usage(path.parent).free < length + _KEPT_FREE:
            raise NoRoomError("The disk has no room for it.")
        most = max(0, LARGEST - self.size_of(upload))
        # Nothing is kept back, so that what came is there when the request ends.
        file = path.open("ab", buffering=0)
        self._busy.add(upload)
        return Appending(file, most, lambda: self._busy.discard(upload))

    def finish(self, upload: str, digest: str) -> Future[int]:
        """Make an upload the layer of a digest, in another thread. The result is its size, or WrongDigestError."""
        return _in_thread(lambda: self._finish(upload, digest))

    def cancel(self, upload: str) -> None:
        """Forget what came of an upload."""
        self._upload(upload).unlink(missing_ok=True)

    def open(self, digest: str) -> BinaryIO | None:
        """Open the layer of a digest; None when it is not there."""
        try:
            return self._layer(digest).open("rb", buffering=0)
        except FileNotFoundError:
            return None

    def path(self, digest: str) -> Path:
        """Return where the layer of a digest is, if it is there."""
        return self._layer(digest)

    def idle_since(self, seconds: float) -> Iterator[Path]:
        """Yield the files that nobody has written for so long: layers by their digest, uploads by their id."""
        oldest = unix_seconds() - seconds
        for path in (*self._directory.glob("layers/*/*"), *self._directory.glob("uploads/*")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest and path.name not in self._busy:
                    yield path

    def remove(self) -> None:
        """Remove the directory with everything in it."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _finish(self, upload: str, digest: str) -> int:
        path = self._upload(upload)
        found = hashlib.sha256()
        with path.open("r+b") as file:
            size = 0
            while piece := file.read(_PIECE):
                found.update(piece)
                size += len(piece)
            if f"sha256:{found.hexdigest()}" != digest:
                raise WrongDigestError
            os.fsync(file.fileno())
        layer = self._layer(digest)
        layer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The same bytes are the same file: the one that was there is replaced by the one that was written just now.
        path.replace(layer)
        os.utime(layer)
        for directory in (layer.parent, layer.parent.parent, self._directory):
            _sync(directory)
        return size

    def _upload(self, id: str) -> Path:
        return self._directory / "uploads" / id

    def _layer(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._directory / "layers" / name[:2] / name


def _sync(directory: Path) -> None:
    """Make a directory's entries outlive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _in_thread(work: Callable[[], int]) -> Future[int]:
    future: Future[int] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="layer", daemon=True).start()
    return future
