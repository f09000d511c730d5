"""The drivers of the data plane, and a process of its own for the one that changes its process for good."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy_aws.dataplane.driver import Driver
from understudy_aws.dataplane.linux.driver import LinuxDriver
from understudy_aws.dataplane.linux.holder import enter_holder, namespaces_directory, start_holder
from understudy_aws.dataplane.memory import MemoryDriver

_PR_SET_DUMPABLE = 4


def with_driver(kind: str, test: Callable[[Driver], None]) -> None:
    """Run a test with a driver that has made nothing yet; fails as the test does."""
    if kind == "memory":
        driver = MemoryDriver()
        test(driver)
        driver.close()
    else:
        with tempfile.TemporaryDirectory() as place:
            failed = _in_another_process(lambda: _with_linux(Path(place), test))
        assert not failed, failed


def with_namespaces(test: Callable[[Path], None]) -> None:
    """Run a test with the directory of the namespaces of a holder that the process of the test has entered."""

    def run() -> None:
        with _holder(Path(place)) as directory:
            test(directory)

    with tempfile.TemporaryDirectory() as place:
        failed = _in_another_process(run)
    assert not failed, failed


def _with_linux(place: Path, test: Callable[[Driver], None]) -> None:
    with _holder(place) as namespaces:
        driver = LinuxDriver(namespaces)
        try:
            test(driver)
        finally:
            driver.close()


@contextmanager
def _holder(directory: Path) -> Iterator[Path]:
    holder = start_holder(directory)
    try:
        enter_holder(holder)
        yield namespaces_directory(directory)
    finally:
        os.kill(holder.pid, signal.SIGKILL)


def _in_another_process(function: Callable[[], None]) -> str:
    """Run a function in a forked process; return the trace of what it raised, empty when it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # One that has had another user's rights is hidden from others, and so is the holder that it forks.
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
            function()
        except BaseException:
            os.write(write, traceback.format_exc().encode()[-60_000:])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said
