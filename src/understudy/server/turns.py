"""One durable write for everything that is committed in one turn of the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from understudy.server.answers import Durability

_LOG = logging.getLogger("understudy.server")


class Turn:
    """The durability of what is committed in one turn."""

    __slots__ = ("_callbacks", "done", "error")

    def __init__(self) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[Durability], None]] = []

    def add_done_callback(self, callback: Callable[[Durability], None], /) -> None:
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def end(self, error: BaseException | None) -> None:
        """Tell everybody who waits."""
        self.done, self.error = True, error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)


class Turns:
    """Calls `sync` once at the end of a turn, if somebody asked: it makes what is committed durable, or raises."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._turn: Turn | None = None

    def durability(self) -> Turn:
        """The durability of what was committed up to now."""
        turn = self._turn
        if turn is None:
            turn = self._turn = Turn()
            asyncio.get_running_loop().call_soon(self._end)
        return turn

    def _end(self) -> None:
        turn, self._turn = self._turn, None
        assert turn is not None, "a turn ends once"
        try:
            self._sync()
        except Exception as error:  # noqa: BLE001 - whatever the store's reason is, the requests are told
            _LOG.error("What was answered could not be kept: %s.", error)
            turn.end(error)
        else:
            turn.end(None)
