"""A light load generator: connections kept open, prepared requests in turn, answers timed and their status checked.

Runs in a process of its own (`measure`), so that it and the server under test each have a core.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figures:
    """What a run gave: requests a second, latencies in seconds, answers that were no 2xx."""

    rate: float
    p50: float
    p99: float
    errors: int
    total: int


class Connection:
    """One connection that always has one request under way."""

    __slots__ = ("address", "buffer", "closes", "expected", "request", "selector", "socket", "started")

    def __init__(self, host: str, port: int, selector: selectors.BaseSelector) -> None:
        self.address = (host, port)
        self.selector = selector
        self.buffer = bytearray()
        self.closes = False
        self.expected = -1
        self.request = b""
        self.started = 0.0
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(self.socket, selectors.EVENT_READ, self)

    def reconnect(self) -> None:
        """Some servers close after every answer, or after a thousand; the time that takes counts."""
        self.selector.unregister(self.socket)
        self.socket.close()
        self.connect()
        self.buffer.clear()
        self.closes = False
        self.socket.sendall(self.request)

    def send(self, request: bytes) -> None:
        self.buffer.clear()
        self.expected = -1
        self.request = request
        self.started = time.perf_counter()
        try:
            if self.closes:
                self.reconnect()
            else:
                self.socket.sendall(request)
        except OSError:
            self.reconnect()

    def receive(self) -> bytes | None:
        """The head of the answer once all of it is there."""
        try:
            data = self.socket.recv(262144)
        except OSError:
            data = b""
        if not data:
            self.reconnect()
            return None
        self.buffer += data
        if self.expected < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = bytes(self.buffer[:end]).lower()
            self.closes = b"connection: close" in head
            self.expected = end + 4 + body_length(head, self.buffer, end + 4)
            if self.expected < end + 4:
                self.expected = -1
        if self.expected < 0 or len(self.buffer) < self.expected:
            return None
        return bytes(self.buffer[:16])


def body_length(head: bytes, buffer: bytearray, start: int) -> int:
    """Content-Length; of a chunked answer, what has come so far once its end is there (or -1 - start)."""
    place = head.find(b"content-length:")
    if place >= 0:
        return int(head[place + 15 :].split(b"\r\n", 1)[0])
    if b"transfer-encoding: chunked" in head:
        return len(buffer) - start if buffer.endswith(b"0\r\n\r\n") else -1 - start
    return 0


def run(
    host: str, port: int, requests: Sequence[bytes], concurrency: int, total: int, seconds: float
) -> Figures:
    """Send `total` requests, or as many as fit in the seconds, over so many connections."""
    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    sent = errors = 0
    count = len(requests)
    began = time.perf_counter()
    for _ in range(min(concurrency, total)):
        connection = Connection(host, port, selector)
        connection.send(requests[sent % count])
        sent += 1
    while len(latencies) < sent:
        for key, _ in selector.select(10):
            connection = key.data
            head = connection.receive()
            if head is None:
                continue
            now = time.perf_counter()
            latencies.append(now - connection.started)
            if head[9:10] != b"2":
                errors += 1
            if sent < total and now - began < seconds:
                connection.send(requests[sent % count])
                sent += 1
    elapsed = time.perf_counter() - began
    latencies.sort()
    return Figures(
        rate=len(latencies) / elapsed,
        p50=latencies[len(latencies) // 2],
        p99=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
        errors=errors,
        total=len(latencies),
    )


def measure(
    host: str, port: int, requests: Sequence[bytes], *, concurrency: int, total: int, seconds: float = 20
) -> Figures:
    """`run` in a process of its own."""
    order = {"host": host, "port": port, "concurrency": concurrency, "total": total, "seconds": seconds}
    lines = [json.dumps(order), *(request.hex() for request in requests)]
    done = subprocess.run(
        [sys.executable, str(Path(__file__))],
        input="\n".join(lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Figures(**json.loads(done.stdout))


if __name__ == "__main__":
    first, *rest = sys.stdin.read().split("\n")
    given = json.loads(first)
    figures = run(requests=[bytes.fromhex(line) for line in rest], **given)
    print(json.dumps(asdict(figures)))
