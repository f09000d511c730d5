"""Start in order, stop in reverse, until told to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop

from understudy.core.errors import UserError
from understudy.server.http import Application, Limits, Server

Background = Callable[[], Coroutine[Any, Any, None]]


def run(
    app: Application,
    *,
    host: str,
    port: int,
    ready: Callable[[int], object] = int,
    background: Sequence[Background] = (),
    tls_certificate: str = "",
    limits: Limits | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is told the port once requests are answered.

    Raises UserError when the port or the certificate cannot be used.
    """
    uvloop.run(
        _serve(
            app,
            host=host,
            port=port,
            ready=ready,
            background=background,
            tls=_tls(tls_certificate),
            limits=limits,
        )
    )


async def _serve(
    app: Application,
    *,
    host: str,
    port: int,
    ready: Callable[[int], object],
    background: Sequence[Background],
    tls: ssl.SSLContext | None,
    limits: Limits | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
    server = Server(app, limits)
    tasks: list[asyncio.Task[None]] = []
    try:
        bound = await server.listen(host, port, tls)
        tasks = [asyncio.create_task(work()) for work in background]
        ready(bound)
        await stop.wait()
    finally:
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.close()


def _tls(certificate: str) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"The certificate {certificate} cannot be used: {error}.") from error
    return context
