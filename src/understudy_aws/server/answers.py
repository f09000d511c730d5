"""Answers that wait, in the order of their requests, until what they tell is durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from understudy_aws.core.http import FileBody, HttpRequest


class Durability(Protocol):
    """Tells whether everything that was committed up to some time is durable.

    `done` is false until that is known. Then `error` is None, or the reason why it never will be.
    """

    @property
    def done(self) -> bool: ...

    @property
    def error(self) -> BaseException | None: ...

    def add_done_callback(self, callback: Callable[[Durability], None], /) -> None:
        """Call back on the event loop's thread as soon as it is done."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """An answer in bytes, and what it waits for: nothing, if `durability` is None.

    `request` and `keep_alive` are kept to say instead, in the request's own protocol, that it could not be kept.
    `made` is asked for the answer when it was not made yet; `durability` is done when it is. `file` has what follows
    `pieces`.
    """

    pieces: tuple[bytes, ...]
    size: int
    durability: Durability | None = None
    request: HttpRequest | None = None
    keep_alive: bool = True
    made: Callable[[], Answer] | None = None
    file: FileBody | None = None


class AnswerQueue:
    """The answers of one connection that are not written yet.

    `replace` makes the answer for a request whose changes could not be kept. `ready` is called when an answer that
    waited may leave. `size` is the bytes of all answers together, files left out. `file` has the rest of the answer
    that was taken last; no other is taken before it is set to None again.
    """

    __slots__ = ("_queue", "_ready", "_replace", "_waiting_for", "file", "size")

    def __init__(self, replace: Callable[[Answer], Answer], ready: Callable[[], None]) -> None:
        self.size = 0
        self.file: FileBody | None = None
        self._queue: deque[Answer] = deque()
        self._replace = replace
        self._ready = ready
        self._waiting_for: Durability | None = None

    def __bool__(self) -> bool:
        return bool(self._queue)

    def append(self, answer: Answer) -> None:
        self._queue.append(answer)
        self.size += answer.size

    def take(self) -> list[bytes]:
        """Remove the answers that may leave, and give back their bytes. No answer overtakes an earlier one."""
        queue = self._queue
        if self.file is not None:
            return []
        if (
            len(queue) == 1
            and ((of := queue[0].durability) is None or (of.done and of.error is None))
            and queue[0].made is None
        ):
            # As it is nearly always.
            self.size = 0
            answer = queue.popleft()
            self.file = answer.file
            return list(answer.pieces)
        taken: list[bytes] = []
        while queue and self.file is None:
            answer = queue[0]
            durability = answer.durability
            if durability is not None:
                if not durability.done:
                    self._wait_for(durability)
                    break
                if answer.made is not None:
                    # What was made may wait for a write of its own.
                    queue[0] = answer.made()
                    self.size += queue[0].size
                    continue
                if durability.error is not None:
                    self.size -= answer.size
                    if answer.file is not None:
                        answer.file.file.close()
                    answer = queue[0] = self._replace(answer)
                    self.size += answer.size
            queue.popleft()
            self.size -= answer.size
            self.file = answer.file
            taken += answer.pieces
        return taken

    def close(self) -> None:
        """Drop all answers; nobody is left to read them."""
        files = [self.file, *(answer.file for answer in self._queue)]
        for body in files:
            if body is not None:
                body.file.close()
        self.file = None
        self._queue.clear()
        self.size = 0
        # The connection and this object refer to each other; without the cycle both are freed at once.
        self._ready, self._replace = _nobody, _no_replacement

    def _wait_for(self, durability: Durability) -> None:
        # One callback is enough for all answers that wait for the same write.
        if self._waiting_for is not durability:
            self._waiting_for = durability
            durability.add_done_callback(self._done)

    def _done(self, durability: Durability) -> None:
        if self._waiting_for is durability:
            self._waiting_for = None
            self._ready()


def _no_replacement(answer: Answer) -> Answer:
    return answer


def _nobody() -> None:
    """Do nothing: the connection is closed."""
