"""Strangers cost little: many of them, slow ones, silent ones and greedy ones, against a real server process."""

from __future__ import annotations

import contextlib
import re
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import time
from pathlib import Path

import pytest
from server_process import ServerProcess

pytestmark = pytest.mark.system

MEGABYTE = 1024 * 1024
HEALTH = b"GET /_understudy/health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
# What a test allows for on top of the bound: pages of the allocator, a body that is being put together.
SLACK = 40 * MEGABYTE


class Crowd:
    """A server process, and many raw connections to it."""

    def __init__(self, process: ServerProcess) -> None:
        self.pid = process.process.pid
        self.port = int(process.said["endpoint"].rpartition(":")[2])
        self.connections: list[socket.socket] = []

    def memory(self, name: str = "VmRSS") -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) * 1024

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.connections.append(made)
        return made

    def disperse(self) -> None:
        for each in self.connections:
            each.close()
        self.connections.clear()

    def asked(self, sent: bytes = HEALTH) -> tuple[int, float]:
        """The status of the answer on a connection of its own, and how many seconds it took."""
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(sent)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return int(answer.split(b" ", 2)[1]), time.perf_counter() - began

    def settled(self, most: int) -> int:
        """The server's memory once it is at most that, or after a few seconds."""
        until = time.monotonic() + 10
        while self.memory() > most and time.monotonic() < until:
            time.sleep(0.1)
        return self.memory()


@contextlib.contextmanager
def crowded(*arguments: str, files: int = 1024):
    """A server that may open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        process = ServerProcess("--state", "memory:", "--json", *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with process:
        crowd = Crowd(process)
        try:
            yield crowd
        finally:
            crowd.disperse()


def post(length: int, content_type: bytes = b"application/x-www-form-urlencoded") -> bytes:
    return (
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        % (content_type, length)
    )


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"", b"a=" + b"%41" * 21 + b"&"), (b"Action=ListUsers&Version=2010-05-08&a=", b"aaaa"), (b"", b"\xff")],
    ids=["form", "value", "bytes"],
)
def test_bodies_of_closed_connections_leave_nothing_behind(start, piece):
    """40 bodies of 10 MB, unsigned, one connection after another."""
    body = start + piece * ((10_000_000 - len(start)) // len(piece))
    with crowded() as crowd:
        crowd.asked()
        before = crowd.memory()
        for _ in range(40):
            assert 400 <= crowd.asked(post(len(body)) + body)[0] < 500
        assert crowd.settled(before + SLACK) <= before + SLACK


def test_all_bodies_together_have_a_bound():
    """60 connections, each one byte short of 10 MiB; small requests are still taken."""
    size = 10 * MEGABYTE
    with crowded() as crowd:
        crowd.asked()
        before = crowd.memory()
        for _ in range(60):
            connection = crowd.connect()
            with contextlib.suppress(OSError):
                connection.sendall(post(size) + bytes(size - 1))
        assert 200 == crowd.asked()[0]
        assert 403 == crowd.asked(post(43) + b"Action=GetCallerIdentity&Version=2011-06-15")[0]
        assert crowd.memory("VmHWM") <= before + 64 * MEGABYTE + SLACK
        crowd.disperse()
        assert crowd.settled(before + SLACK) <= before + SLACK


def test_who_was_refused_for_the_bound_is_told_so():
    size = 10 * MEGABYTE
    with crowded() as crowd:
        for _ in range(9):
            connection = crowd.connect()
            connection.sendall(post(size) + bytes(size - 1))
        crowd.asked()
        told = []
        for connection in crowd.connections:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                told.append(connection.recv(1000))
        assert told, "nine bodies are more than the bound"
        assert all(each.startswith(b"HTTP/1.1 503 ") for each in told)


def test_silent_connections_make_room_for_newcomers():
    """900 and more that never say a word: the longest silent go, and newcomers need not wait for them."""
    with crowded() as crowd:
        _fill(crowd, 900)
        time.sleep(1.1)
        answers = [crowd.asked() for _ in range(20)]
        assert {200} == {status for status, _ in answers}
        assert statistics.median(seconds for _, seconds in answers) < 0.25
        assert max(seconds for _, seconds in answers) < 5


def _fill(crowd: Crowd, count: int) -> None:
    """Open connections, with as many files of our own as that takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 200
    if soft < wanted:
        if hard < wanted:
            pytest.skip(f"needs {wanted} open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    for _ in range(count):
        crowd.connect()


def test_newcomers_that_find_no_room_are_told_503_and_not_reset():
    """With few files there are few connections; while none of them is idle, a newcomer is told so."""
    with crowded(files=256) as crowd:
        # Each has a request under way, so none of them can make room.
        for _ in range(164):
            crowd.connect().sendall(b"GET / HTTP/1.1\r\nHost")
        time.sleep(0.2)
        assert {503} == {crowd.asked()[0] for _ in range(20)}
        assert crowd.open_files() < 256
        crowd.disperse()
        time.sleep(0.2)
        assert 200 == crowd.asked()[0]


def test_slow_clients_do_not_slow_others():
    """Fifty requests of which a byte comes now and then, and fifty answers that nobody takes in."""
    with crowded() as crowd:
        for _ in range(50):
            crowd.connect().sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
            crowd.connect().sendall(HEALTH.replace(b"Connection: close\r\n", b"") * 50)
        took = []
        for number in range(50):
            crowd.connections[2 * number].sendall(b"a")
            status, seconds = crowd.asked()
            assert 200 == status
            took.append(seconds)
        assert statistics.median(took) < 0.25
        assert max(took) < 5


def test_a_form_of_ten_megabytes_of_escapes_does_not_hold_others_up():
    body = b"Action=ListUsers&Version=2010-05-08&a=" + b"%41" * (10_000_000 // 3)
    with crowded() as crowd:
        took = []
        for _ in range(5):
            greedy = crowd.connect()
            greedy.sendall(post(len(body)) + body)
            took.append(crowd.asked()[1])
            assert greedy.recv(100).startswith(b"HTTP/1.1 413 ")
        assert min(took) < 0.25


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with openssl")
    both = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", both, "-out", tmp_path / "c.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    with both.open("a") as file:
        file.write((tmp_path / "c.pem").read_text())
    return both


def test_handshakes_that_are_never_finished_make_room(certificate):
    """They are counted as connections, and the oldest go first."""
    with crowded("--tls-certificate", str(certificate), files=256) as crowd:
        context = ssl.create_default_context(cafile=certificate)
        for number in range(300):
            connection = crowd.connect()
            if number % 2:
                # The beginning of a client's first message.
                with contextlib.suppress(OSError):
                    connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        time.sleep(1.1)
        assert crowd.open_files() < 256
        took = []
        for _ in range(10):
            began = time.perf_counter()
            with (
                socket.create_connection(("127.0.0.1", crowd.port), timeout=20) as raw,
                context.wrap_socket(raw, server_hostname="localhost") as secured,
            ):
                secured.sendall(HEALTH)
                assert secured.recv(100).startswith(b"HTTP/1.1 200 ")
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.25


def test_a_storm_of_handshakes_does_not_use_the_files_up(certificate):
    """Every 64 of them used the last files, and nobody was accepted for a second: newcomers waited behind them."""
    with crowded("--tls-certificate", str(certificate), files=256) as crowd:
        began = time.perf_counter()
        _fill(crowd, 700)
        # The server has taken or closed them all when the one after them was told something.
        with socket.create_connection(("127.0.0.1", crowd.port), timeout=20) as last:
            last.sendall(b"no TLS")
            with contextlib.suppress(ConnectionError):
                last.recv(1)
        assert crowd.open_files() < 256
        assert time.perf_counter() - began < 6
