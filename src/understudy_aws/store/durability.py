"""Whether what was committed is durable yet, for those who must wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator


class Durability:
    """The state of one write to the store. Awaiting it raises the error if the write failed.

    `done` is True once the outcome is known; `error` is then None, or the reason why nothing was kept.
    """

    __slots__ = ("_callbacks", "done", "error")

    def __init__(self, *, done: bool = False) -> None:
        self.done = done
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[Durability], None]] | None = None

    def add_done_callback(self, callback: Callable[[Durability], None]) -> None:
        """Call `callback` when the outcome is known; at once if it is known already."""
        if self.done:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def finish(self, error: BaseException | None = None) -> None:
        """Make the outcome known. Only the committer calls this, once."""
        assert not self.done, "an outcome is known once"
        self.done = True
        self.error = error
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            try:
                callback(self)
            except Exception:  # noqa: BLE001 - the others wait too
                _LOG.exception("what waited for a write failed")

    def __await__(self) -> Generator[object, None, None]:
        if not self.done:
            waiter = asyncio.get_running_loop().create_future()
            self.add_done_callback(lambda _: None if waiter.done() else waiter.set_result(None))
            yield from waiter
        if self.error is not None:
            raise self.error


_LOG = logging.getLogger("understudy_aws.store")
DURABLE = Durability(done=True)
