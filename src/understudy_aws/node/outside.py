"""Keeps the network's way to the world: starts the program that carries packets, again when it ends, and its filter."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux import outside
from understudy_aws.dataplane.linux.names import INTERNET
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.wanted import Network

_RECORD, _LOG = ".outside.json", ".outside.log"
_START_SECONDS = 5.0
# A program that can't start is not tried again at once.
_PAUSE_SECONDS = 30.0


class Outside:
    """The way to the world while a VPC has an internet gateway; one program for all of them.

    `program` is what carries packets now; it is empty while nothing does, and `error` says why where one is wanted.
    """

    name = "internet"

    def __init__(self, namespaces: Namespaces, place: Path, holder: int, asked: str = "auto") -> None:
        # What is noted here goes with the holder, as the program does.
        self._record = place / _RECORD
        self._log = place / _LOG
        self._namespaces = namespaces
        self._namespace = place / INTERNET
        self._holder = holder
        self._asked = asked
        self._running = self._read()
        self._filter: tuple[frozenset[outside.Block], int] | None = None
        self._not_before = 0.0
        self._lock = asyncio.Lock()
        self._pause = threading.Event()
        self.program = ""
        self.error = ""

    async def want(self, network: Network) -> None:
        """Have a way to the world if a VPC asks for one, and none otherwise. Raises OSError when there is no way."""
        wanted = self._asked != "none" and any(
            vpc.internet_gateway or vpc.egress_only_gateway for vpc in network.vpcs
        )
        async with self._lock:
            await asyncio.get_running_loop().run_in_executor(None, self._keep if wanted else self._end)
        if self.error:
            raise OSError(self.error)

    async def close(self) -> None:
        """Let go of it: the program goes on."""

    def _keep(self) -> None:
        self._filtered()
        if self._carries():
            return
        self.program = ""
        if monotonic_seconds() >= self._not_before:
            self._start()

    def _carries(self) -> bool:
        there = self._namespaces.inside(INTERNET, outside.link_is_there)
        if there and self._running is not None and self._running.runs:
            self.program, self.error = self._running.program, ""
            return True
        return False

    def _filtered(self) -> None:
        """Put the filter in its place, also after the machine was given other addresses, or somebody took it away."""
        own, _ = outside.ways_of_this_machine()
        known = self._filter
        if known is not None and known[0] == own:
            rules = known[1]
            if self._namespaces.inside(INTERNET, lambda: outside.has_filter(rules)):
                return
        messages = outside.filter_messages(own)
        self._namespaces.inside(INTERNET, lambda: outside.commit(messages))
        self._filter = (own, outside.rules_in(messages))

    def _start(self) -> None:
        """Start the first program that this machine has and that works."""
        self._end()
        # One that was killed a moment ago may still have its link.
        self._namespaces.inside(INTERNET, outside.remove_link)
        errors = []
        for carrier, path in outside.installed():
            if self._asked not in {"auto", carrier.program}:
                continue
            running = outside.start(carrier, path, self._namespace, self._holder, self._log)
            self._running = running
            self._record.write_bytes(msgspec.json.encode(running))
            if self._comes_up(running):
                _, versions = outside.ways_of_this_machine()
                self._namespaces.inside(INTERNET, partial(outside.configure_link, carrier, versions or {4}))
                self.program, self.error = carrier.program, ""
                return
            outside.end(running)
            errors.append(f"{carrier.program}: {outside.last_words(self._log) or 'it ended at once'}")
        self.error = "; ".join(errors) or outside.NOT_INSTALLED
        self._not_before = monotonic_seconds() + _PAUSE_SECONDS

    def _comes_up(self, running: outside.Running) -> bool:
        for _ in range(int(_START_SECONDS / 0.005)):
            if self._namespaces.inside(INTERNET, outside.link_is_there):
                return True
            if not running.runs:
                return False
            self._pause.wait(0.005)
        return False

    def _end(self) -> None:
        if self._running is not None:
            outside.end(self._running)
            self._record.unlink(missing_ok=True)
        self._running, self.program, self.error = None, "", ""

    def _read(self) -> outside.Running | None:
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._record.read_bytes(), type=outside.Running)
        return None
