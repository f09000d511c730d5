"""Whether instances are well: each is asked again and again, as its health check says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from urllib.parse import quote

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.wanted_services import HealthCheck
from understudy_aws.node.dialer import Dialer, Listening
from understudy_aws.node.endpoints import Endpoint

State = Literal["starting", "healthy", "unhealthy"]

# One that starts is asked more often than its interval says, so that it is known soon that it has begun to listen. Only
# the last of these answers counts in an interval.
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.02, 0.5, 1.25
# Nothing but the first line of an answer is looked at, and a program may send anything.
_LONGEST_LINE = 4096
_PIECE = 4096
# App Runner documents no list of statuses that are well; these are what others take (decision 0033).
_WELL = range(200, 400)
# So many connections that nobody answers are told of an instance, those that were seen first.
_MOST_UNANSWERED = 3
# What relays connections finds within this time that nothing takes them.
_RELAY_SECONDS = 0.3


class Health(msgspec.Struct, frozen=True):
    """How an instance is; `reason` says in one sentence why it is not healthy."""

    state: State
    reason: str = ""


_UNKNOWN = Health("starting")


class _Watch:
    """An instance that is asked."""

    def __init__(self, check: HealthCheck, endpoint: Endpoint) -> None:
        self.check = check
        self.endpoint = endpoint
        self.health = _UNKNOWN
        self.successes = 0
        self.failures = 0
        self.unanswered: tuple[tuple[str, int], ...] = ()
        self.task: asyncio.Task[None] | None = None


class HealthChecks:
    """Asks instances from when they begin until they end; `told` are told the id of one whose state has changed."""

    def __init__(self, dialer: Dialer, *told: Callable[[str], None]) -> None:
        self._dialer = dialer
        self.told = list(told)
        self._watches: dict[str, _Watch] = {}

    def begin(self, id: str, check: HealthCheck, endpoint: Endpoint) -> None:
        """Begin to ask an instance whose program was just started, or is found to run."""
        self.end(id)
        watch = self._watches[id] = _Watch(check, endpoint)
        watch.task = asyncio.get_running_loop().create_task(self._watch(id, watch))

    def end(self, id: str) -> None:
        """Ask an instance no more."""
        watch = self._watches.pop(id, None)
        if watch is None:
            return
        if watch.task is not None:
            watch.task.cancel()
        if watch.health.state == "healthy":
            self._changed(id)

    def close(self) -> None:
        """Ask nobody any more."""
        for id in list(self._watches):
            self.end(id)

    def health(self, id: str) -> Health:
        """Return how an instance is."""
        watch = self._watches.get(id)
        return watch.health if watch is not None else _UNKNOWN

    def unanswered(self, id: str) -> tuple[tuple[str, int], ...]:
        """Return addresses and ports that an instance was seen to wait for while it was not well."""
        watch = self._watches.get(id)
        return watch.unanswered if watch is not None else ()

    def is_healthy(self, id: str) -> bool:
        """Whether an instance takes requests."""
        watch = self._watches.get(id)
        return watch is not None and watch.health.state == "healthy"

    def _changed(self, id: str) -> None:
        for each in self.told:
            each(id)

    async def _watch(self, id: str, watch: _Watch) -> None:
        while True:
            due = monotonic_seconds() + watch.check.interval
            reason = await self._asked(watch, due)
            before = watch.health.state
            _count(watch, reason)
            if watch.health.state != before:
                self._changed(id)
            await asyncio.sleep(max(0.0, due - monotonic_seconds()))

    async def _asked(self, watch: _Watch, until: float) -> str:
        """Return why an instance is not well, empty when it is. While it starts it is asked until it is well."""
        pause = _FIRST_PAUSE
        while True:
            reason = await self._why_not(watch)
            if reason:
                await self._see_unanswered(watch)
            if not reason or watch.health.state != "starting" or monotonic_seconds() + pause >= until:
                return reason
            watch.health = Health("starting", reason)
            await asyncio.sleep(pause)
            pause = min(_GROWTH * pause, _LONGEST_PAUSE)

    async def _why_not(self, watch: _Watch) -> str:
        check, endpoint = watch.check, watch.endpoint
        try:
            async with asyncio.timeout(check.timeout):
                try:
                    sock = await self._dialer.connect(endpoint, check.timeout)
                except ConnectionRefusedError:
                    return await self._why_refused(endpoint)
                with sock:
                    if check.protocol == "HTTP":
                        return await _answer_to(sock, check)
                    closed = endpoint.relayed and await _is_closed(sock)
                    return f"Nothing listens on port {endpoint.port}." if closed else ""
        except TimeoutError:
            if check.protocol == "HTTP":
                return f"GET {check.path} was not answered within {check.timeout} s."
            return f"Port {endpoint.port} took no connection within {check.timeout} s."
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            return f"Port {endpoint.port} could not be asked: {why}."

    async def _see_unanswered(self, watch: _Watch) -> None:
        """Note which connections an instance waits for, such as one to its database."""
        namespace = watch.endpoint.namespace
        if namespace is None or len(watch.unanswered) >= _MOST_UNANSWERED:
            return
        try:
            found = await self._dialer.connecting(namespace)
        except OSError:
            return
        # What asks for its health goes to its own address.
        others = [each for each in found if each[0] != watch.endpoint.address]
        watch.unanswered = tuple(dict.fromkeys((*watch.unanswered, *others)))[:_MOST_UNANSWERED]

    async def _why_refused(self, endpoint: Endpoint) -> str:
        """Say why nothing took a connection, from what listens where the instance is alone."""
        listening: tuple[Listening, ...] = ()
        if endpoint.namespace is not None:
            try:
                listening = await self._dialer.listening(endpoint.namespace)
            except OSError:
                listening = ()
        if any(each.port == endpoint.port and ip_address(each.address).is_loopback for each in listening):
            return (
                f"It listens on port {endpoint.port} of 127.0.0.1 only, where no request arrives; "
                "it must listen on 0.0.0.0."
            )
        # The endpoint of its credentials listens in its namespace too, at an address that is link-local.
        others = sorted({each.port for each in listening if _takes_requests(ip_address(each.address))})
        if others:
            where = ", ".join(str(port) for port in others[:3])
            return f"Nothing listens on port {endpoint.port}; it listens on port {where}."
        return f"Nothing listens on port {endpoint.port}."


def _takes_requests(address: IPv4Address | IPv6Address) -> bool:
    return not (address.is_loopback or address.is_link_local)


def _count(watch: _Watch, reason: str) -> None:
    """Count an answer, and see whether there are as many as it takes."""
    check, state = watch.check, watch.health.state
    if not reason:
        watch.successes, watch.failures = watch.successes + 1, 0
        well = state == "healthy" or watch.successes >= check.healthy_threshold
        watch.health = Health("healthy") if well else Health(state, watch.health.reason)
        return
    watch.successes, watch.failures = 0, watch.failures + 1
    if watch.failures >= check.unhealthy_threshold:
        state = "unhealthy"
    # One that is healthy still, and failed once, says nothing of it.
    watch.health = Health(state, "" if state == "healthy" else reason)


async def _is_closed(sock: socket.socket) -> bool:
    """Whether the other side closes a connection at once, over which nothing was said."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_RELAY_SECONDS):
            try:
                return not await asyncio.get_running_loop().sock_recv(sock, 1)
            except ConnectionError:
                return True
    return False


async def _answer_to(sock: socket.socket, check: HealthCheck) -> str:
    """Ask by HTTP, and return why the answer is not well, empty when it is."""
    loop = asyncio.get_running_loop()
    path = quote(check.path, safe="/?&=%:@!$'()*+,;~-._")
    if not path.startswith("/"):
        path = f"/{path}"
    host, port = sock.getpeername()[:2]
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = f"GET {path} HTTP/1.1", f"Host: {named}", "User-Agent: health-check", "Connection: close"
    request = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    asked = f"GET {check.path}"
    try:
        await loop.sock_sendall(sock, request.encode())
        line = b""
        while b"\n" not in line and len(line) < _LONGEST_LINE:
            piece = await loop.sock_recv(sock, _PIECE)
            if not piece:
                break
            line += piece
    except ConnectionError:
        return f"{asked} was not answered: the connection was reset."
    if not line:
        return f"{asked} was not answered: the connection was closed."
    version, _, rest = line.partition(b"\n")[0].partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        return f"What listens on port {port} does not speak HTTP."
    return "" if int(status) in _WELL else f"{asked} answered {int(status)}."
