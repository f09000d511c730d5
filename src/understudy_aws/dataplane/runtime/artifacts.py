"""What a node has fetched, built and pulled, and where: complete, or not there at all.

Everything is made in a directory of its own and has its record written last, so that what was only begun when a disk
was full or a node was killed is never taken for made. Who makes one holds its lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec

from understudy_aws.dataplane.runtime import file_trees
from understudy_aws.dataplane.runtime.file_trees import remove_tree
from understudy_aws.dataplane.wanted_services import Pairs

T = TypeVar("T", bound=msgspec.Struct)

MOST_BYTES = 3 * 1024**3
"""The most that one of them may be: App Runner's instances have 3 GB for their files."""

_RECORD = "record.json"
_SPARE_BYTES = 64 * 1024**2
_GONE = ".gone-"
_LOCK = ".lock"


class TaskError(Exception):
    """A task can't be done; the text is one sentence for the person whose service it is."""


class SourceTree(msgspec.Struct, frozen=True, kw_only=True):
    """A source tree that was built, or is ready without a build.

    It is seen at `working_directory`, and what was installed beside it at `home`; these are `tree` and `installed`
    themselves where nothing is isolated. `environment` is what a program in it needs to find its runtime, and
    `machine` are directories of this machine which that lies in. `runtime` names what was found, as "Node.js 22.3.0".
    """

    id: str
    commit: str
    runtime: str
    working_directory: str
    home: str
    environment: Pairs
    machine: tuple[str, ...] = ()
    isolated: bool


class UnpackedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was pulled and unpacked: its digest and name, and how it is run.

    `command` is the entry point with the command behind it. `user` is as the image has it: a name or number, perhaps
    with a group. `ports` are those of TCP, in order. `blobs` are the digests of what it was unpacked from. `volumes`
    are directories that it need not have, and `stop_signal` the number by which its program is asked to end. With
    `keeps_owners` its files have their owners, as ids of the holder's range (linux/user_maps.py).
    """

    id: str
    reference: str
    command: tuple[str, ...]
    entry_point: tuple[str, ...]
    environment: Pairs
    working_directory: str
    user: str
    ports: tuple[int, ...]
    blobs: tuple[str, ...]
    bytes: int
    volumes: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    keeps_owners: bool = False


class Artifacts:
    """The source trees and images below the directory of a node."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkouts = directory / "checkouts"
        self.sources = directory / "sources"
        self.images = directory / "images"
        self.blobs = directory / "blobs"
        self.environments = directory / "environments"
        self.settings = directory / "settings"
        self.work = directory / "work"

    def source(self, source_id: str) -> SourceTree:
        """Return what is known of a built source tree. Raises LookupError when there is none."""
        found = read_record(self.sources / safe_name(source_id), SourceTree)
        if found is None:
            raise LookupError(f"There is no source tree {source_id} here.")
        return found

    def image(self, digest: str) -> UnpackedImage:
        """Return what is known of an unpacked image. Raises LookupError when there is none."""
        found = read_record(self.images / safe_name(digest), UnpackedImage)
        if found is None:
            raise LookupError(f"There is no image {digest} here.")
        return found

    def root(self, digest: str) -> Path:
        """Return where the files of an unpacked image are."""
        return self.images / safe_name(digest) / "rootfs"

    def tree(self, source_id: str) -> Path:
        """Return where the files of a built source tree are."""
        return self.sources / safe_name(source_id) / "app"

    def installed(self, source_id: str) -> Path:
        """Return where what was installed for a source tree is."""
        return self.sources / safe_name(source_id) / "home"

    def make_work(self, name: str) -> Path:
        """Make a directory for a task that goes on. Another that ends takes `work` away where that is empty."""
        place = self.work / name
        while True:
            with suppress(FileNotFoundError):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                return place

    def is_any(self) -> bool:
        """Whether anything was fetched, built or pulled, be it unfinished."""
        places = (self.sources, self.images, self.checkouts, self.blobs / "sha256")
        return any(place.is_dir() and any(place.iterdir()) for place in places)

    def set_aside(
        self, sources: Collection[str], images: Collection[str], checkouts: Collection[str]
    ) -> bool:
        """Put everything but these out of the way, but for what is being made now; returns whether there was any.

        It takes no time for how much that is; `remove_aside` deletes it.
        """
        found = False
        for place, kept in ((self.sources, sources), (self.images, images), (self.checkouts, checkouts)):
            if not place.is_dir():
                continue
            names = {safe_name(each) for each in kept}
            for entry in list(place.iterdir()):
                found = True
                if not entry.name.startswith(_GONE) and entry.name.removesuffix(_LOCK) not in names:
                    _put_aside(entry.with_name(entry.name.removesuffix(_LOCK)))
        return found

    def set_image_aside(self, digest: str) -> None:
        """Put one image out of the way, unless it is being made now."""
        _put_aside(self.images / safe_name(digest))

    def remove_aside(self) -> None:
        """Delete what was put out of the way, also by a node that was killed then, and layers of no image."""
        for place in (self.sources, self.images, self.checkouts):
            if place.is_dir():
                for entry in list(place.iterdir()):
                    if entry.name.startswith(_GONE):
                        remove_tree(entry)
        self._keep_blobs()

    def _keep_blobs(self) -> None:
        """Delete the blobs of no image, unless one is being pulled now, which may have some of them."""
        folder = self.blobs / "sha256"
        if not folder.is_dir() or any(not (each / _RECORD).exists() for each in _made(self.images)):
            return
        images = (read_record(each, UnpackedImage) for each in _made(self.images))
        kept = {blob.rpartition(":")[2] for image in images if image is not None for blob in image.blobs}
        for blob in list(folder.iterdir()):
            if blob.name not in kept:
                blob.unlink(missing_ok=True)


def _put_aside(entry: Path) -> None:
    """Rename what was made, unless somebody makes it now."""
    lock = os.open(_lock_of(entry), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        free = (entry.with_name(f"{_GONE}{number}-{entry.name}") for number in count())
        with suppress(FileNotFoundError):
            entry.rename(next(each for each in free if not each.exists()))
        _lock_of(entry).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _made(place: Path) -> list[Path]:
    """Return what is made at a place, or being made."""
    return [each for each in place.iterdir() if each.suffix != _LOCK and not each.name.startswith(_GONE)]


def checkout_name(url: str, commit: str) -> str:
    """Return what a fetched source tree is called."""
    return blake2b(f"{url}\n{commit}".encode(), digest_size=16).hexdigest()


def safe_name(text: str) -> str:
    """Return the name of a directory for an id, which may come from anywhere. Raises LookupError for what is none."""
    name = text.replace(":", "-")
    if not name or name.startswith(".") or not all(each.isalnum() or each in "-_." for each in name):
        raise LookupError(f"{text!r} is no id of what a node has made.")
    return name


@contextmanager
def making(place: Path) -> Iterator[bool]:
    """Hold the lock of what is made at a place; yields whether it has yet to be made, in an empty directory then.

    What the block has not noted with `write_record` when it ends is removed.
    """
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _locked(_lock_of(place))
    try:
        if (place / _RECORD).exists():
            yield False
            return
        if place.exists():
            remove_tree(place)
        place.mkdir(mode=0o700)
        try:
            yield True
        finally:
            if not (place / _RECORD).exists():
                remove_tree(place)
    finally:
        os.close(lock)


def _lock_of(place: Path) -> Path:
    return place.with_name(f"{place.name}{_LOCK}")


def _locked(path: Path) -> int:
    """Return a descriptor of a file that holds its lock, once nobody else does."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        # Whoever had it has removed the file.
        os.close(lock)


def read_record(place: Path, kind: type[T]) -> T | None:
    """Return the record of what was made at a place; None when it is not complete."""
    try:
        return msgspec.json.decode((place / _RECORD).read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(place: Path, record: msgspec.Struct) -> None:
    """Say that what is made at a place is complete."""
    write_whole(place / _RECORD, msgspec.json.encode(record))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that nobody sees half of, and nobody but its owner reads."""
    unfinished = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def size_of(place: Path) -> int:
    """Return how many bytes of a disk a directory takes. Raises TaskError for directories that are too deep."""
    try:
        return file_trees.size_of(place)
    except file_trees.TooDeepError:
        raise TaskError(
            f"There are more than {file_trees.DEEPEST} directories in one another, which no instance is given."
        ) from None


def disk_is_full(place: Path) -> bool:
    """Whether so little is free where a directory is that it makes no sense to go on."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize < _SPARE_BYTES or (found.f_files > 0 and found.f_favail == 0)


def full_disk(place: Path) -> TaskError:
    """Return what is said when a disk is full."""
    return TaskError(
        f"No space is left on the disk of {place}; `df -h {place}` tells, and nothing was kept of it."
    )


def as_task_error(error: OSError, place: Path) -> TaskError:
    """Return what is said of an error of the system."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return full_disk(place)
    return TaskError(f"{error.filename or place}: {error.strerror or error}.")
