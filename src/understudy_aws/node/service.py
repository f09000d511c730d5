"""The node's socket: questions of the server, answered in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.client import SOCKET, short_path
from understudy_aws.dataplane.linux.holder import Holder, forget_holder
from understudy_aws.dataplane.messages import (
    Answer,
    Done,
    Flows,
    GetFlows,
    GetStatus,
    Probe,
    Probed,
    Question,
    Refused,
    Repairs,
    Status,
    Stop,
    TakeRepairs,
    Want,
    WantChange,
    WantWhole,
    WatchFlows,
    revision_of,
)
from understudy_aws.dataplane.processes import own_memory
from understudy_aws.dataplane.remedies import told_of
from understudy_aws.dataplane.threads import Threads
from understudy_aws.node.fabric import Fabric
from understudy_aws.node.flow_recorder import FlowRecorder
from understudy_aws.node.network_services import NetworkService, NetworkServices
from understudy_aws.node.peers import is_of_this_user, when_ended

T = TypeVar("T")


# What the kernel refuses, and what a value is that is no network.
_REFUSED = (OSError, ValueError, LookupError)
# A wanted network of 1,000 interfaces is about 300 KB.
_LONGEST_LINE = 64 * 1024 * 1024


# What is done once and takes a while, such as a task's clearing up.
_OTHERS_AT_ONCE = 8
# Who watches flows asks again sooner than this.
_WATCHED_SECONDS = 10.0
# Flows of one answer, about a megabyte.
_MOST_FLOWS = 5_000
NO_ANSWERS: Mapping[type[Any], Callable[[Any], Awaitable[Answer]]] = MappingProxyType({})


class NodeService:
    """Answers questions at a Unix socket, and looks after the network in between.

    Without a `holder` the network ends with this process. `answers` are given by whatever runs services, to questions
    about them, by their type; they may raise OSError, ValueError or LookupError. `forgets` are called before all ends
    because it is wanted no more.
    """

    def __init__(
        self,
        directory: Path,
        fabric: Fabric,
        holder: Holder | None,
        period: float,
        services: Sequence[NetworkService] = (),
        *,
        owner: int | None = None,
        outside: Callable[[], str] = str,
        flows: FlowRecorder | None = None,
        answers: Mapping[type[Any], Callable[[Any], Awaitable[Answer]]] = NO_ANSWERS,
        forgets: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._answers = answers
        self._forgets = forgets
        self._flows = flows
        # Until when flows are counted for whoever watches them.
        self._watched_until = 0.0
        # Numbers of windows for who watches begin anew with each node.
        self._name = Ids().hexadecimal()
        self._outside = outside
        self._directory = directory
        self._services = NetworkServices(services)
        self._fabric = fabric
        self._holder = holder
        self._period = period
        self._owner = owner
        self.serving = False
        self._serving_networks = asyncio.Lock()
        self._ended = asyncio.Event()
        # The kernel is asked by one thread, one thing after another; a probe waits in others.
        self._kernel = Threads(1, "kernel")
        self._probes = Threads(8, "probe")
        self._decode = msgspec.json.Decoder(Question).decode

    async def run(self, holder_fd: int | None) -> None:
        """Serve until told to stop, or until the holder of a descriptor ends, or the owner, with whom all ends."""
        path = self._directory / SOCKET
        path.unlink(missing_ok=True)
        ended = self._ended
        loop = asyncio.get_running_loop()
        loop.set_default_executor(Threads(_OTHERS_AT_ONCE, "others"))
        if holder_fd is not None:
            loop.add_reader(holder_fd, ended.set)
        if self._owner is not None:
            when_ended(self._owner, self._end_all)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        await self._check()
        listening = socket.socket(socket.AF_UNIX)
        with short_path(self._directory) as place:
            listening.bind(str(place / SOCKET))
        server = await asyncio.start_unix_server(self._serve, sock=listening, limit=_LONGEST_LINE)
        path.chmod(0o600)
        self.serving = True
        look_after = asyncio.create_task(self._look_after())
        look_after.add_done_callback(lambda _: ended.set())
        await ended.wait()
        look_after.cancel()
        server.close()
        await self._services.close()
        path.unlink(missing_ok=True)
        # What is under way with the kernel ends before the fabric is let go of.
        self._kernel.shutdown(cancel_futures=True)
        self._probes.shutdown(cancel_futures=True)
        # A mistake of ours ends this node, and not what runs: the server starts another one, which finds it.
        with suppress(asyncio.CancelledError):
            await look_after

    async def _look_after(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._period)

    async def _watch(self, *, watched: bool) -> None:
        """Count the flows of all interfaces for whoever watches, or no more. Raises OSError."""
        assert self._flows is not None
        self._flows.watch(watched=watched)
        await self._with_kernel(lambda: self._fabric.watch(watched=watched))
        await self._serve_networks()

    async def _watched_flows(self, question: WatchFlows) -> Answer:
        """Return the flows since the last question, and go on counting. Raises OSError."""
        if self._flows is None:
            return Flows(self._name, (), self._fabric.driver.obstacle)
        self._watched_until = monotonic_seconds() + _WATCHED_SECONDS
        if not (self._fabric.watched and self._flows.is_watched):
            await self._watch(watched=True)
        after = question.after if question.node == self._name else 0
        return Flows(self._name, tuple(self._flows.live(after, _MOST_FLOWS)))

    async def _look(self) -> None:
        """Look at the network, and put right what is not as wanted. Questions are answered between its pieces."""
        try:
            if self._fabric.watched and monotonic_seconds() > self._watched_until:
                await self._watch(watched=False)
            for piece in await self._with_kernel(self._fabric.pieces):
                if await self._with_kernel(partial(self._fabric.differs, piece)):
                    await self._check()
                    return
            self._fabric.error, self._fabric.failing_since = "", None
        except _REFUSED as error:
            self._fabric.failed(error)
        await self._serve_networks()

    async def _check(self) -> None:
        """Put right what is not as wanted; what the kernel refuses is kept for the status, and tried again."""
        try:
            await self._with_kernel(self._fabric.check)
        except _REFUSED as error:
            if not self._fabric.error:
                self._fabric.failed(error)
        await self._serve_networks()

    async def _serve_networks(self) -> None:
        # One after another: a change may be made while a look at the network is under way.
        async with self._serving_networks:
            if self._fabric.converged:
                await self._services.want(self._fabric.wanted)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not is_of_this_user(writer.get_extra_info("socket")):
                return
            while line := await reader.readline():
                answer = await self._answer(line.removesuffix(b"\n"))
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            # The other side has gone, sends lines that nobody sends, or the node ends.
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            question = self._decode(line)
        except msgspec.MsgspecError as error:
            return Refused(f"This is no question for a node: {error}")
        try:
            return await self._carry_out(question, line)
        except _REFUSED as error:
            return Refused(told_of(error))

    async def _carry_out(self, question: Question, line: bytes) -> Answer:
        if self._flows is not None and isinstance(question, Want | WantChange | Stop):
            await self._flows.read_now()
        if isinstance(question, Want):
            await self._with_kernel(lambda: self._fabric.want(question.network, revision_of(line)))
            await self._serve_networks()
            return Done()
        if isinstance(question, WantChange):
            known = await self._with_kernel(lambda: self._fabric.change(line, question))
            await self._serve_networks()
            return Done() if known else WantWhole()
        answer = self._answers.get(type(question))
        if answer is not None:
            return await answer(question)
        return await self._of_network(question)

    async def _of_network(self, question: Question) -> Answer:
        if isinstance(question, GetStatus):
            return self._status()
        if isinstance(question, Probe):
            loop = asyncio.get_running_loop()
            outcome = await loop.run_in_executor(self._probes, self._fabric.probe, question)
            return Probed(outcome, self._fabric.driver.obstacle)
        if isinstance(question, WatchFlows):
            return await self._watched_flows(question)
        if isinstance(question, TakeRepairs | GetFlows):
            return await self._fetched(question)
        if isinstance(question, Stop):
            self._end_all()
            return Done()
        return Refused("This node runs no services.")

    def _repairs(self, noted: Sequence[str]) -> Repairs:
        self._fabric.repairs.forget(noted)
        return Repairs(self._fabric.repairs.waiting())

    async def _fetched(self, question: TakeRepairs | GetFlows) -> Answer:
        """Return what is kept until the server has it."""
        if isinstance(question, TakeRepairs):
            return await self._with_kernel(lambda: self._repairs(question.noted))
        if self._flows is None:
            return Flows(self._name, (), self._fabric.driver.obstacle)
        after = question.after if question.node == self._flows.recording else 0
        return Flows(self._flows.recording, tuple(self._flows.told(after, _MOST_FLOWS)))

    def _end_all(self) -> None:
        """End everything in the holder's namespaces, and with it this node."""
        self._fabric.forget()
        for forget in self._forgets:
            forget()
        if self._holder is None:
            self._ended.set()
            return
        forget_holder(self._directory)
        with suppress(ProcessLookupError):
            os.kill(self._holder.pid, signal.SIGKILL)

    def _status(self) -> Status:
        network = self._fabric.wanted
        return Status(
            pid=os.getpid(),
            holder=self._holder.pid if self._holder is not None else 0,
            driver=self._fabric.driver.name,
            obstacle=self._fabric.driver.obstacle,
            limits=self._fabric.driver.limits,
            converged=self._fabric.converged,
            vpcs=len(network.vpcs),
            interfaces=tuple(interface.id for vpc in network.vpcs for interface in vpc.interfaces),
            repaired=self._fabric.repaired,
            error=self._fabric.problem,
            untold=len(self._fabric.repairs),
            missing=self._fabric.missing,
            failing_since=self._fabric.failing_since,
            services=self._services.errors,
            outside=self._outside(),
            memory=own_memory(),
        )

    async def _with_kernel(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._kernel, function)
