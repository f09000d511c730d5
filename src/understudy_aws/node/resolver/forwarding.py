"""Questions asked of the machine's own resolver: a bounded number at a time, each for a bounded time."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    from understudy_aws.node.resolver import messages
else:
    messages = deferred("understudy_aws.node.resolver.messages")

Server: TypeAlias = tuple[str, int]

MOST, MOST_OF_ONE = 256, 64
"""How many questions are under way at most: in all, and of one VPC."""

_RESOLVER_FILE = Path("/etc/resolv.conf")
_PORT = 53
# As the C library has it: three servers, of which the next is asked when one says nothing.
_MOST_SERVERS = 3
_PATIENCE = 2.0


class NoAnswerError(Exception):
    """Nobody answered the question, or it was one too many."""


class MachineServers:
    """The name servers of this machine, read anew when the file that names them has changed."""

    def __init__(self, file: Path = _RESOLVER_FILE) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._servers: Sequence[Server] = ()

    def __call__(self) -> Sequence[Server]:
        """Return the servers in the order in which they are asked."""
        try:
            found = self._file.stat()
            if self._read_at != (found.st_ino, found.st_mtime_ns):
                text = self._file.read_text(encoding="utf-8", errors="replace")
                self._servers = tuple(_named_servers(text))[:_MOST_SERVERS]
                self._read_at = (found.st_ino, found.st_mtime_ns)
        except OSError:
            return ()
        return self._servers


class Forwarder:
    """Asks name servers, each of them over the protocol that the question came by."""

    def __init__(self, servers: Callable[[], Sequence[Server]], patience: float = _PATIENCE) -> None:
        self._servers = servers
        self._patience = patience
        self._under_way: Counter[str] = Counter()

    @property
    def under_way(self) -> int:
        """How many questions wait for an answer."""
        return self._under_way.total()

    async def ask(self, question: messages.Question, vpc: str, is_own: Callable[[str], bool]) -> bytes:
        """Return the answer to a question from a VPC; of names that are its own nobody else tells anything.

        Raises NoAnswerError.
        """
        with self._counted(vpc):
            for server in self._servers():
                query = messages.forwarded(question)
                with suppress(OSError, TimeoutError, EOFError):
                    async with asyncio.timeout(self._patience):
                        answered = await (_over_tcp if question.stream else _over_udp)(server, query)
                    passed_on = messages.passed_on(answered, question, is_own)
                    if passed_on is not None:
                        return passed_on
        raise NoAnswerError

    @contextmanager
    def _counted(self, vpc: str) -> Iterator[None]:
        if self.under_way >= MOST or self._under_way[vpc] >= MOST_OF_ONE:
            raise NoAnswerError
        self._under_way[vpc] += 1
        try:
            yield
        finally:
            self._under_way[vpc] -= 1
            if not self._under_way[vpc]:
                del self._under_way[vpc]


class _Waiting(asyncio.DatagramProtocol):
    """Waits for the answer to one query, from the server that it was sent to alone: the socket is connected."""

    def __init__(self, query: bytes) -> None:
        self._query = query
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        if not self.answer.done() and messages.is_answer_to(data, self._query):
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _over_udp(server: Server, query: bytes) -> bytes:
    """Ask a server once, from a port of its own: the kernel draws it."""
    loop = asyncio.get_running_loop()
    transport, waiting = await loop.create_datagram_endpoint(lambda: _Waiting(query), remote_addr=server)
    try:
        transport.sendto(query)
        return await waiting.answer
    finally:
        transport.close()


async def _over_tcp(server: Server, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(query).to_bytes(2) + query)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    finally:
        writer.close()
    if not messages.is_answer_to(answer, query):
        raise OSError(os.strerror(71))
    return answer


def _named_servers(text: str) -> Iterator[Server]:
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            with suppress(ValueError):
                ip_address(words[1])
                yield words[1], _PORT
