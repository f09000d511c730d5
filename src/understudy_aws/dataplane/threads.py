"""Threads on a machine that may let nobody start another one: then an OSError says so, as of everything else."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread

from understudy_aws.dataplane.remedies import NO_MORE_THREADS


def start_thread(thread: Thread) -> None:
    """Start a thread. Raises BlockingIOError, which is an OSError, where the machine lets no more be started."""
    try:
        thread.start()
    except RuntimeError as error:
        raise BlockingIOError(errno.EAGAIN, NO_MORE_THREADS) from error


class Threads(ThreadPoolExecutor):
    """So many threads that run functions, one of which is there from the start.

    Where no more can be started, functions wait for those there are. Raises OSError when not even one can be.
    """

    def __init__(self, most: int, name: str) -> None:
        super().__init__(most, name)
        self.submit(lambda: None)
        if not self._threads:
            self.shutdown(cancel_futures=True)
            raise BlockingIOError(errno.EAGAIN, NO_MORE_THREADS)

    def _adjust_thread_count(self) -> None:
        # What is submitted is in the queue already.
        with suppress(RuntimeError):
            super()._adjust_thread_count()
