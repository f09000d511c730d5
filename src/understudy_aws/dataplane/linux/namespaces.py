"""Network namespaces by name: made, kept, entered and given up.

A namespace is kept by a file, as `ip netns add` does: the namespace is mounted on an empty file in a directory of the
mount namespace that the process lives in, and stays until that is unmounted. One thread enters namespaces; the rest of
the process never leaves its own. A socket belongs to the namespace it was made in, so what the thread makes can be used
by anybody (measured: a socket in 6 to 9 us).
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, MS_BIND, mount, setns, unmount, unshare
from understudy_aws.dataplane.threads import start_thread

T = TypeVar("T")

_OWN = "/proc/thread-self/ns/net"


class NamespaceThread:
    """A thread that enters namespaces and runs functions there, one after another. Raises OSError if it can't start."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="namespaces", daemon=True)
        start_thread(self._thread)

    def close(self) -> None:
        """End the thread."""
        self._work.put(None)
        self._thread.join()

    def run(self, function: Callable[[], T]) -> T:
        """Run a function on the thread, in whatever namespace it was left; returns or raises what it does.

        A function that runs on the thread already goes on there.
        """
        if threading.current_thread() is self._thread:
            return function()
        return self.submit(function).result()

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have the thread run a function, after what it has to do already."""
        future: Future[T] = Future()
        self._work.put((function, future))
        return future

    def inside(self, namespace: int, function: Callable[[], T]) -> T:
        """Run a function in the namespace of a descriptor."""

        def entered() -> T:
            setns(namespace, CLONE_NEWNET)
            return function()

        return self.run(entered)

    def create(self, prepare: Callable[[], None]) -> int:
        """Make a network namespace, run `prepare` in it, and return a descriptor that keeps it."""

        def made() -> int:
            unshare(CLONE_NEWNET)
            prepare()
            return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

        return self.run(made)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            function, future = item
            if not future.set_running_or_notify_cancel():
                # Whoever asked waits no more. To set a result now would raise, and end the thread for everybody.
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                future.set_exception(error)


class Namespaces:
    """The network namespaces that are kept in one directory, by name."""

    def __init__(self, directory: Path, thread: NamespaceThread) -> None:
        self._directory = directory
        self._device = directory.stat().st_dev
        self._thread = thread
        for entry in directory.iterdir():
            # A process that was killed has left it, before it became a namespace or after it was one. Hidden files are
            # none of these: what is noted in them goes with the holder, as the namespaces do.
            if not entry.name.startswith(".") and not self._is_kept(entry.stat()):
                entry.unlink()

    def names(self) -> list[str]:
        """Return the names of the namespaces there are, in order."""
        return sorted(self.identities())

    def identities(self) -> dict[str, int]:
        """Return what tells each namespace there is from an earlier one of its name."""
        found = ((entry.name, entry.stat()) for entry in os.scandir(self._directory))
        return {name: of.st_ino for name, of in found if self._is_kept(of)}

    def has(self, name: str) -> bool:
        """Whether there is a namespace of a name."""
        try:
            return self._is_kept((self._directory / name).stat())
        except FileNotFoundError:
            return False

    def create(
        self, name: str, prepare: Callable[[], None], spare: Callable[[], int | None] = lambda: None
    ) -> None:
        """Make a namespace, or leave the one there is; it has its name only once `prepare` is done.

        `spare` may return the descriptor of one that is prepared already.
        """
        path = self._directory / name
        # The kernel lets nobody open a namespace that is kept for writing, as `touch` would.
        if self.has(name):
            return
        path.touch()
        ready = spare()
        fd = self._thread.create(prepare) if ready is None else ready
        try:
            mount(f"/proc/self/fd/{fd}", str(path), "none", MS_BIND)
        finally:
            os.close(fd)

    def delete(self, name: str) -> None:
        """Give a namespace up: it goes, with every link in it, when no process lives in it any more."""
        path = self._directory / name
        # Where an earlier attempt ended, it is no mount any more.
        with suppress(OSError):
            unmount(str(path))
        path.unlink(missing_ok=True)

    def _is_kept(self, found: os.stat_result) -> bool:
        """Tell a namespace from the empty file that a crash has left: it belongs to another file system."""
        return found.st_dev != self._device

    def identity(self, name: str) -> int:
        """Return what tells a namespace from an earlier one of its name. Raises FileNotFoundError."""
        return (self._directory / name).stat().st_ino

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """Open a namespace for as long as the block runs. Raises FileNotFoundError."""
        fd = os.open(self._directory / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not self._is_kept(os.fstat(fd)):
                # Somebody has taken the namespace away; the file that it was mounted on is left.
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            yield fd
        finally:
            os.close(fd)

    def inside(self, name: str, function: Callable[[], T]) -> T:
        """Run a function in a namespace. Raises FileNotFoundError."""
        with self.opened(name) as fd:
            return self._thread.inside(fd, function)
