"""A name server for tests, on this machine's loopback link."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.rrset

Behaviour = Callable[[dns.message.Message], bytes | None]


def everything_is(address: str, records: int = 1) -> Behaviour:
    """Answer every question with an address, so many times that an answer may be too long for a datagram."""

    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query, recursion_available=True)
        texts = [f"198.51.{number // 250}.{number % 250}" for number in range(1, records)]
        response.answer = [dns.rrset.from_text_list(query.question[0].name, 17, "IN", "A", [address, *texts])]
        return response.to_wire(max_size=65535)

    return answer


def nothing(query: dns.message.Message) -> None:
    """Say nothing, as a server that is down."""


class NameServer:
    """Answers over UDP and TCP; `asked` are the questions, in order, with how they came."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.asked: list[tuple[str, str]] = []
        self._behaviour = behaviour
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = self._listening.getsockname()
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(self.address)
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._over_udp, self._over_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def _answer(self, wire: bytes, how: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        self.asked.append((query.question[0].name.to_text(), how))
        answer = self._behaviour(query)
        if answer is not None and how == "udp" and len(answer) > 512:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC
            return short.to_wire()
        return answer

    def _over_udp(self) -> None:
        with suppress(OSError):
            while True:
                wire, source = self._datagrams.recvfrom(4096)
                if not wire:
                    # So does a socket end that is shut down.
                    return
                answer = self._answer(wire, "udp")
                if answer is not None:
                    self._datagrams.sendto(answer, source)

    def _over_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, connection.makefile("rb") as file, suppress(OSError):
                    wire = file.read(int.from_bytes(file.read(2)))
                    answer = self._answer(wire, "tcp") if wire else None
                    if answer is not None:
                        connection.sendall(len(answer).to_bytes(2) + answer)

    def close(self) -> None:
        for each in (self._datagrams, self._listening):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def name_server(behaviour: Behaviour) -> Iterator[NameServer]:
    server = NameServer(behaviour)
    try:
        yield server
    finally:
        server.close()
