"""Connections from the moment they are accepted, so that beginnings which never finish are counted and bounded.

What comes before the first request is the handshake of TLS, and on connections that the node has passed on, before
that, whom it passes on (`dataplane/edge.py`): nobody but the node can reach the socket where this is read.

The event loop's own servers tell of a connection only after its handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.edge import ARRIVAL_LENGTH, Arrival, length_in, read_arrival
from understudy_aws.server.connection import Connection
from understudy_aws.server.limits import Limits
from understudy_aws.server.parsing import Refusal

# How many connections are accepted before the loop does something else. Those that make room for them are closed only
# then, so both take files meanwhile: `limits.within_open_files` leaves room for so many.
_AT_ONCE = 16
# How long nothing is accepted when the process can open no more files.
_PAUSE = 0.1


class Host(Protocol):
    """What a handshake needs of the server it belongs to."""

    limits: Limits

    def opened(self, connection: Handshake) -> Refusal | None: ...

    def after(self, handshake: Handshake) -> Connection: ...

    def closed(self, connection: Handshake) -> None: ...


class Handshake:
    """A connection whose beginning is not finished; a `Connection` takes its place afterwards.

    It has the methods of a connection that the server calls. `incoming` is 0: no request comes in before TLS.
    `arrival` is who was `announced`, once that was read.
    """

    def __init__(
        self, host: Host, sock: socket.socket, context: ssl.SSLContext | None, *, announced: bool = False
    ) -> None:
        self.incoming = 0
        self.secure = context is not None
        self.arrival: Arrival | None = None
        self._announced = announced
        self._host = host
        self._sock = sock
        self._since = monotonic_seconds()
        self._is_closing = False
        # Who is refused is told so after the handshake, unless there are too many even for that.
        host.opened(self)
        if self._is_closing:
            sock.close()
            host.closed(self)
            return
        self._task = asyncio.get_running_loop().create_task(self._run(context))

    async def _run(self, context: ssl.SSLContext | None) -> None:
        seconds = self._host.limits.handshake_seconds
        try:
            if self._announced:
                async with asyncio.timeout(seconds):
                    self.arrival = await _read_arrival(self._sock)
                if self.arrival.interface:
                    # Credentials are asked for without TLS: nobody is in between.
                    context, self.secure = None, False
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._host.after(self),
                self._sock,
                ssl=context,
                ssl_handshake_timeout=seconds if context is not None else None,
            )
        except (OSError, asyncio.CancelledError, msgspec.DecodeError):
            # A client that does not speak TLS, that went away, or that had to make room: nothing can be told to it.
            self._sock.close()
        finally:
            self._host.closed(self)

    @property
    def waits_for_client_since(self) -> float | None:
        """Since when the handshake has been unfinished; None when it is being closed."""
        return None if self._is_closing else self._since

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way. None is before TLS has begun."""
        return False

    def refuse(self, _refusal: Refusal) -> None:
        """Close: before TLS nothing can be told."""
        self.abort()

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._is_closing = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close_if_idle(self) -> None:
        """Close: no request is under way."""
        self.abort()

    def close_if_late(self, now: float) -> None:
        """Close when the handshake takes too long; the loop's own limit ends it as well."""
        if now - self._since > self._host.limits.handshake_seconds:
            self.abort()


async def _read_arrival(sock: socket.socket) -> Arrival:
    """Read who is passed on. Raises OSError when the node ends before that, or this is none."""
    head = await _read_exactly(sock, ARRIVAL_LENGTH)
    return read_arrival(await _read_exactly(sock, length_in(head)))


async def _read_exactly(sock: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = await asyncio.get_running_loop().sock_recv(sock, count - len(read))
        if not piece:
            raise ConnectionResetError("it ended before it began")
        read += piece
    return read


class TlsListener:
    """Accepts connections on the addresses of a host and calls `accepted` with the socket of each."""

    def __init__(self, accepted: Callable[[socket.socket], object]) -> None:
        self.sockets: list[socket.socket] = []
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    async def listen(self, host: str, port: int, backlog: int) -> None:
        """Bind and listen. Raises OSError when an address cannot be had."""
        found = await self._loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = []
        try:
            for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
                sock = socket.socket(family, socket.SOCK_STREAM)
                listening.append(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(address)
                sock.listen(backlog)
        except OSError:
            for sock in listening:
                sock.close()
            raise
        for sock in listening:
            self.accept_at(sock)

    def accept_at(self, sock: socket.socket) -> None:
        """Accept connections at a socket that listens; it is closed with the others."""
        sock.setblocking(False)
        self.sockets.append(sock)
        self._loop.add_reader(sock, self._accept, sock)

    def close(self) -> None:
        """Listen no more."""
        for sock in self.sockets:
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock)
                sock.close()
        for pause in self._pauses.values():
            pause.cancel()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _ = listening.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause(listening)
                # Otherwise nobody waits any more, or the client went away.
                return
            sock.setblocking(False)
            self._accepted(sock)

    def _pause(self, listening: socket.socket) -> None:
        self._loop.remove_reader(listening)
        self._pauses[listening] = self._loop.call_later(
            _PAUSE, self._loop.add_reader, listening, self._accept, listening
        )
