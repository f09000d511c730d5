"""Runs a server and its background work until a signal stops them, in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from understudy_aws.core.errors import UserError
from understudy_aws.server.http import Application, Server, cannot_listen
from understudy_aws.server.limits import Limits
from understudy_aws.server.memory import keep_freed_memory

Background = Callable[[], Coroutine[Any, Any, None]]


def run(
    app: Application,
    *,
    host: str,
    port: int,
    ready: Callable[[int], object] = int,
    background: Sequence[Background] = (),
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    inside: Path | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. `ready` is told the port once requests are answered.

    `inside` is the directory of the node, which passes on connections from inside the networks.

    SIGHUP is ignored when it was ignored before, as under `nohup`. Raises UserError when the port cannot be used, and
    whatever ended background work: the server stops, rather than answer on without it.
    """
    keep_freed_memory()
    uvloop.run(
        _serve(
            app,
            host=host,
            port=port,
            ready=ready,
            background=background,
            tls=tls,
            limits=limits,
            inside=inside,
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
    inside: Path | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
    server = Server(app, limits)
    tasks: list[asyncio.Task[None]] = []
    # What is there now stays: looking through it again and again for garbage would only make requests wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        bound = await server.listen(host, port, tls)
        if inside is not None:
            server.listen_inside(inside, tls)
        for work in background:
            tasks.append(asyncio.create_task(work()))
            tasks[-1].add_done_callback(lambda task: stop.set() if _failure(task) else None)
        ready(bound)
        await stop.wait()
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await server.close()
    for task in tasks:
        if failure := _failure(task):
            raise failure


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    """Return the error that ended background work. The server stops then, because it would look healthy without it."""
    return None if task.cancelled() else task.exception()


def check_address(host: str, port: int) -> None:
    """Raise UserError when a server cannot listen there now; nothing is left listening."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(address)
                # Another program may be bound there with the same option; only one can listen.
                trial.listen(1)
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def free_port(host: str, wanted: int) -> int:
    """Return the wanted port if one can listen there now, or else one that is free. Raises OSError if none is."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
                # Another program may be bound there with the same option; only one can listen.
                trial.listen(1)
            except OSError:
                if not port:
                    raise
                continue
            found: int = trial.getsockname()[1]
            return found
    raise AssertionError("the last port is a free one")


def tls_context(certificate: str) -> ssl.SSLContext:
    """Return how to serve TLS with the chain and key of a file. Raises UserError when they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        why = error if isinstance(error, ssl.SSLError) or not error.strerror else error.strerror.lower()
        raise UserError(f"The certificate {certificate} cannot be used: {why}.") from error
    return context
