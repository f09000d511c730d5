"""What has changed of tasks and instances, for who would otherwise have to ask again and again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.messages import Answer, AwaitChanges, Changes

# Who asks for what is older is told that everything may have changed.
_KEPT = 4096
_LONGEST_SECONDS = 60.0


class ChangeLog:
    """The last changes, in their order."""

    def __init__(self) -> None:
        self._node = Ids().hexadecimal()
        self._last = 0
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self._changed = asyncio.Event()

    @property
    def answers(self) -> Mapping[type[Any], Callable[[Any], Awaitable[Answer]]]:
        """Return what answers the questions about changes."""
        return {AwaitChanges: self._await}

    def note(self, id: str) -> None:
        """Note that a task has ended, or that an instance does otherwise than before."""
        self._last += 1
        self._kept.append(id)
        # Whoever waits is woken, and who comes later waits for the next.
        self._changed.set()
        self._changed = asyncio.Event()

    async def _await(self, question: AwaitChanges) -> Answer:
        if question.node == self._node and question.after == self._last:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(question.seconds, _LONGEST_SECONDS)):
                    await self._changed.wait()
        count = self._last - question.after
        if question.node != self._node or not 0 <= count <= len(self._kept):
            return Changes(self._node, self._last, all=True)
        ids = list(self._kept)[len(self._kept) - count :]
        return Changes(self._node, self._last, tuple(dict.fromkeys(ids)))
