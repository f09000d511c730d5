"""The sockets of one VPC's resolver, over UDP and TCP, and what comes in at them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from understudy_aws.core.deferred import deferred
from understudy_aws.node.resolver.asking import Allowance
from understudy_aws.node.resolver.forwarding import Forwarder, NoAnswerError
from understudy_aws.node.resolver.zone import Zone

if TYPE_CHECKING:
    from understudy_aws.node.resolver import messages
else:
    # The library takes 0.1 s to import, which is early enough for the first question.
    messages = deferred("understudy_aws.node.resolver.messages")

MOST_CONNECTIONS = 64
"""How many TCP connections a VPC's resolver has at a time; one more is closed."""

_PORT = 53
# Answers are kept for questions that are no longer than any that programs ask.
_MOST_ANSWERS, _LONGEST_KEPT = 512, 320
_BACKLOG = 32
_IDLE_SECONDS = 10.0


def make_sockets(addresses: Sequence[str]) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return sockets for datagrams and sockets that listen, in the namespace of the calling thread. Raises OSError."""
    datagrams: list[socket.socket] = []
    listening: list[socket.socket] = []
    try:
        for address in addresses:
            for kind, made in ((socket.SOCK_DGRAM, datagrams), (socket.SOCK_STREAM, listening)):
                made.append(_socket(address, kind))
    except OSError:
        for each in (*datagrams, *listening):
            each.close()
        raise
    return datagrams, listening


def _socket(address: str, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, _PORT))
        if kind == socket.SOCK_STREAM:
            made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


class Listener:
    """Answers the questions of one VPC; what it answers from can be replaced at any time (`use`)."""

    def __init__(self, vpc: str, zone: Zone, allowance: Allowance, forwarder: Forwarder) -> None:
        self._zone = zone
        # What was answered from it, by what was asked, but for the number of the message, and whether with DNS64.
        self._answers: dict[tuple[bytes, bool], bytes] = {}
        self._allowance = allowance
        self._vpc = vpc
        self._forwarder = forwarder
        self._transports: list[asyncio.DatagramTransport] = []
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[socket.socket] = set()

    def use(self, zone: Zone) -> None:
        """Answer from another zone from now on."""
        self._zone = zone
        self._answers.clear()

    async def open(self, datagrams: Sequence[socket.socket], listening: Sequence[socket.socket]) -> None:
        """Take the sockets, and begin to answer."""
        loop = asyncio.get_running_loop()
        for each in datagrams:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=each)
            self._transports.append(transport)
        for each in listening:
            self._listening.append(each)
            self._begin(self._accept(each))

    async def close(self) -> None:
        """End what is under way, and close the sockets."""
        for transport in self._transports:
            transport.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        # The loop lets go of a socket when its task has ended; until then its descriptor must not be another one's.
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those for datagrams are closed in the loop's next turn.
        await asyncio.sleep(0)
        for each in (*self._listening, *self._connections):
            each.close()

    def receive(self, wire: bytes, source: str, send: Callable[[bytes], None]) -> None:
        """Answer a datagram, now or when somebody else has."""
        if not self._allowance.takes(self._zone.interface_of(source)):
            return
        dns64 = self._zone.synthesizes(source)
        known = self._answers.get((wire[2:], dns64))
        if known is not None:
            send(wire[:2] + known)
            return
        answer = self._answer(wire, stream=False, dns64=dns64)
        if isinstance(answer, bytes):
            self._keep(wire, dns64, answer)
            send(answer)
        elif answer is not None:
            self._begin(self._forward(answer, send))

    def _keep(self, wire: bytes, dns64: bool, answer: bytes) -> None:
        if len(wire) <= _LONGEST_KEPT:
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            self._answers[wire[2:], dns64] = answer[2:]

    def _answer(self, wire: bytes, *, stream: bool, dns64: bool) -> messages.Question | bytes | None:
        """Return the answer to a message, or the question when somebody else must be asked; None for no answer."""
        question = messages.read(wire, stream=stream, dns64=dns64)
        if question is None or isinstance(question, bytes):
            return question
        answer = messages.answer(question, self._zone)
        return question if answer is None else answer

    async def _asked(self, question: messages.Question) -> bytes:
        answer = await self._forwarded(question)
        if question.synthesizes and messages.lacks_addresses(answer):
            in_ipv4 = await self._forwarded(messages.about_ipv4(question))
            return messages.synthesized(in_ipv4, question, answer)
        return answer

    async def _forwarded(self, question: messages.Question) -> bytes:
        try:
            return await self._forwarder.ask(question, self._vpc, self._zone.is_own)
        except NoAnswerError:
            return messages.servfail(question)

    async def _forward(self, question: messages.Question, send: Callable[[bytes], None]) -> None:
        send(await self._asked(question))

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, source = await loop.sock_accept(listening)
            except OSError:
                # No descriptor is free, or who connected has gone: there may be more later.
                await asyncio.sleep(0.1)
                continue
            if len(self._connections) >= MOST_CONNECTIONS:
                connection.close()
                continue
            self._connections.add(connection)
            self._begin(self._converse(connection, source[0]))

    async def _converse(self, connection: socket.socket, source: str) -> None:
        """Answer the questions of a connection, one after another, until nothing comes for a while."""
        loop = asyncio.get_running_loop()
        try:
            with suppress(OSError, TimeoutError, EOFError):
                while True:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        length = int.from_bytes(await _exactly(loop, connection, 2))
                        if length > messages.LONGEST_QUESTION:
                            return
                        wire = await _exactly(loop, connection, length)
                    if not self._allowance.takes(self._zone.interface_of(source)):
                        return
                    answer = self._answer(wire, stream=True, dns64=self._zone.synthesizes(source))
                    if answer is None:
                        return
                    if not isinstance(answer, bytes):
                        answer = await self._asked(answer)
                    async with asyncio.timeout(_IDLE_SECONDS):
                        await loop.sock_sendall(connection, len(answer).to_bytes(2) + answer)
        finally:
            self._connections.discard(connection)
            connection.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _exactly(loop: asyncio.AbstractEventLoop, connection: socket.socket, length: int) -> bytes:
    """Return so many bytes of a connection. Raises EOFError when it ends before."""
    got = b""
    while len(got) < length:
        more = await loop.sock_recv(connection, length - len(got))
        if not more:
            raise EOFError
        got += more
    return got


class _Datagrams(asyncio.DatagramProtocol):
    """One socket for datagrams."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport = self._transport
        assert transport is not None

        def send(answer: bytes) -> None:
            # What the kernel does not take is dropped, as datagrams may be, and not kept for later.
            if not (self._is_full or transport.is_closing()):
                transport.sendto(answer, addr)

        self._listener.receive(data, addr[0], send)
