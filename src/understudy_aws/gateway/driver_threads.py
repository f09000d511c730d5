"""Blocking functions, awaited: each in a thread of its own that holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a blocking function in a new thread; answers what it returns, or raises what it raises.

    A function that never returns keeps its thread and nothing else: who awaits it can be cancelled, no pool runs out,
    and a process that ends does not wait for it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def work() -> None:
        result, error = None, None
        try:
            result = function(*args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is awaited
            error = raised
        with contextlib.suppress(RuntimeError):
            # The loop may have been closed meanwhile; then nobody waits.
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=f"driver: {function!r}"[:80], daemon=True).start()
    return await future
