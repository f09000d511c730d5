"""The instances of this machine, held to what is wanted.

What should run is kept in a file, so that a node that starts anew goes on with it; what runs is found by its records.
An instance is started when the network has its interface, and again when it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.link_local import RESOLVER6, resolvers
from understudy_aws.dataplane.messages import (
    Answer,
    Done,
    GetInstances,
    GetOutput,
    InstanceStatus,
    WantServices,
)
from understudy_aws.dataplane.messages import Instances as InstancesAnswer
from understudy_aws.dataplane.runtime import records
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.driver import Observed, Place, PlaceGoneError, RuntimeDriver, StartError
from understudy_aws.dataplane.runtime.image_users import ONE_USER, changes_users
from understudy_aws.dataplane.runtime.planning import (
    GRACE,
    NEVER,
    AskToEnd,
    Forget,
    Kill,
    Memory,
    Start,
    Step,
    ended,
    pause_after,
    plan,
)
from understudy_aws.dataplane.runtime.unexecuted import unexecuted
from understudy_aws.dataplane.threads import Threads
from understudy_aws.dataplane.wanted import Network, Vpc
from understudy_aws.dataplane.wanted_services import HealthCheck, Instance, Services
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.health import Health
from understudy_aws.node.process_ends import ProcessEnds
from understudy_aws.node.spool import Spool

SERVICES = "services.json"
"""The file with what should run, secrets of it too; for this user alone."""

_AT_ONCE, _STARTED_AT_ONCE = 2, 4
_LOOPBACK = "127.0.0.1"
# As much of what an instance has said last is told with why it ended.
_LAST_LINES, _LAST_BYTES = 3, 2048
# Programs may go on to say that they end.
_LINES_WITH_CAUSE = 20


class Checks(Protocol):
    """Finds out how instances are, from when they begin until they end."""

    def begin(self, id: str, check: HealthCheck, endpoint: Endpoint) -> None: ...

    def end(self, id: str) -> None: ...

    def health(self, id: str) -> Health: ...

    def unanswered(self, id: str) -> tuple[tuple[str, int], ...]: ...


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance needs to know of its interface."""

    address: str
    resolver: str
    network: str


class Instances:
    """The instances of a node. It runs in the node's event loop; what blocks runs in threads.

    `identity` tells the namespace of an interface from others of its name; it raises FileNotFoundError where there is
    none. `grace` is how many seconds one has to end. `changed` is told the id of one that has ended, could not be
    started or is gone; of others their health tells.
    """

    name = "instances"

    def __init__(
        self,
        directory: Path,
        driver: RuntimeDriver,
        checks: Checks,
        identity: Callable[[str], object],
        spool: Spool,
        *,
        grace: float = GRACE,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._changed = changed
        self._spool = spool
        self._driver = driver
        self._checks = checks
        self._identity = identity
        self._grace = grace
        self._artifacts = Artifacts(directory)
        self._file = directory / SERVICES
        self._services = self._read()
        self._network = Network()
        self._interfaces: dict[str, Interface] = {}
        self._observed: dict[str, Observed] = {}
        self._memory: dict[str, Memory] = {}
        self._errors: dict[str, str] = {}
        # What those that have ended waited for when they were last seen.
        self._unanswered: dict[str, tuple[tuple[str, int], ...]] = {}
        # Those that a step is carried out for, which get no other one meanwhile.
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._ends = ProcessEnds(self._poke)
        self._poked = asyncio.Event()
        self._converging: asyncio.Task[None] | None = None
        self._threads = Threads(_AT_ONCE, "instances")
        # Starts take a while, and what is asked meanwhile does not wait for them.
        self._starting = Threads(_STARTED_AT_ONCE, "starts")
        self._forgotten = False

    @property
    def answers(self) -> Mapping[type[Any], Callable[[Any], Awaitable[Answer]]]:
        """Return what answers the questions about instances."""
        return {
            WantServices: self._want_services,
            GetInstances: self._get_instances,
            GetOutput: self._get_output,
        }

    @property
    def services(self) -> Services:
        """Return what should run."""
        return self._services

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to on this machine."""
        return self._driver.limits

    async def want(self, network: Network) -> None:
        """Take the network that there is: instances start when their interface is in it."""
        self._network = network
        self._look_at_network()
        # This is said each period, also while nobody asks for output.
        self._spool.bound()

    async def want_services(self, services: Services) -> None:
        """Run these instances and no others. Raises OSError when that can't be kept."""
        await self._in_thread(partial(records.write_private, self._file, msgspec.json.encode(services)))
        self._services = services
        self._look_at_network()
        self._poke()

    def endpoint(self, id: str) -> Endpoint | None:
        """Return where an instance takes connections; None when it does not run."""
        found, instance = self._observed.get(id), self._wanted(id)
        if found is None or instance is None or not found.runs:
            return None
        if self._driver.shares_network:
            record = found.record
            relayed = bool(record.container) and not record.address
            return Endpoint(None, record.address or _LOOPBACK, record.port, relayed=relayed)
        interface = self._interfaces.get(instance.interface)
        if interface is None:
            return None
        return Endpoint(instance.interface, interface.address, found.record.port)

    def is_coming(self, id: str) -> bool:
        """Whether a wanted instance starts, or waits for its interface; one that has ended by itself does not."""
        memory = self._memory.get(id, NEVER)
        if self._wanted(id) is None or (memory.ended is not None and memory.failures):
            return False
        return self._checks.health(id).state == "starting"

    def used(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the source trees and images that are needed: of what should run."""
        programs = [each.program for each in self._services.instances]
        return frozenset(each.source for each in programs) - {""}, frozenset(
            each.image for each in programs
        ) - {""}

    def statuses(self) -> tuple[InstanceStatus, ...]:
        """Return how the wanted instances are."""
        return tuple(self._status(each) for each in self._services.instances)

    def forget(self) -> None:
        """Want nothing any more: everything ends when this is closed."""
        self._forgotten = True
        self._services = Services()
        self._file.unlink(missing_ok=True)

    async def close(self) -> None:
        """Let go of instances, which go on unless they are forgotten."""
        if self._converging is not None:
            self._converging.cancel()
        self._ends.close()
        if self._busy:
            await asyncio.wait(self._busy.values())
        if self._forgotten:
            await self._in_thread(self._driver.end_all)
            self._spool.forget()
        else:
            await self._in_thread(self._driver.let_go)
        self._threads.shutdown()
        self._starting.shutdown()

    async def _want_services(self, question: WantServices) -> Answer:
        await self.want_services(question.services)
        return Done()

    async def _get_instances(self, _: GetInstances) -> Answer:
        return InstancesAnswer(instances=self.statuses(), limits=self.limits)

    async def _get_output(self, question: GetOutput) -> Answer:
        return self._spool.output(question.node, question.after)

    def _wanted(self, id: str) -> Instance | None:
        return next((each for each in self._services.instances if each.id == id), None)

    def _poke(self) -> None:
        self._poked.set()
        if self._converging is None:
            self._converging = asyncio.create_task(self._converge())

    async def _converge(self) -> None:
        while True:
            self._poked.clear()
            again = await self._carry_out_plan()
            with suppress(TimeoutError):
                async with asyncio.timeout(again):
                    await self._poked.wait()

    async def _carry_out_plan(self) -> float | None:
        """Begin the steps that there are for now; returns in how many seconds there may be others."""
        await self._look()
        wanted = {each.id: each for each in self._services.instances if each.id not in self._busy}
        observed = {id: found for id, found in self._observed.items() if id not in self._busy}
        networks = {id: each.network for id, each in self._interfaces.items()}
        now = monotonic_seconds()
        made = plan(wanted, observed, self._memory, networks, now=now, grace=self._grace)
        for step in made.steps:
            self._busy[step.id] = asyncio.create_task(self._carry_out(step))
        return made.again

    async def _look(self) -> None:
        """See what runs, and note what has ended since the last look, and what was found to run."""
        # A step that ends meanwhile knows more of its instance than was seen; it is looked at again.
        busy = frozenset(self._busy)
        try:
            seen = dict(await self._in_thread(self._driver.observe))
        except OSError:
            return
        for id, found in seen.items():
            if id in busy:
                continue
            before, memory = self._observed.get(id), self._memory.get(id, NEVER)
            self._observed[id] = found
            if found.runs and (before is None or before.record != found.record):
                self._began(found, memory)
            elif not found.runs and memory.ended is None:
                self._unanswered[id] = self._checks.unanswered(id)
                self._checks.end(id)
                memory = msgspec.structs.replace(memory, starts=found.record.start)
                # One that has ended before this node began is started at once.
                now = monotonic_seconds()
                self._memory[id] = (
                    ended(memory, now) if before is not None else msgspec.structs.replace(memory, ended=now)
                )
                self._changed(id)
        for id in [each for each in self._observed if each not in seen and each not in busy]:
            del self._observed[id]
        self._ends.watch({found.record.pid for found in self._observed.values() if found.runs})

    def _began(self, found: Observed, memory: Memory) -> None:
        """Note that an instance runs, which was started by this node or by one before it."""
        id = found.record.id
        self._memory[id] = Memory(
            starts=found.record.start, failures=memory.failures, began=monotonic_seconds()
        )
        self._observed[id] = found
        instance, endpoint = self._wanted(id), self.endpoint(id)
        if instance is not None and endpoint is not None:
            self._checks.begin(id, instance.health_check, endpoint)

    async def _carry_out(self, step: Step) -> None:
        try:
            match step:
                case Start(id):
                    await self._start(id)
                case AskToEnd(id):
                    self._checks.end(id)
                    memory = self._memory.get(id, NEVER)
                    self._memory[id] = msgspec.structs.replace(memory, asked=monotonic_seconds())
                    await self._in_thread(partial(self._driver.ask_to_end, self._observed[id]))
                case Kill(id):
                    await self._in_thread(partial(self._driver.kill, self._observed[id]))
                case Forget(id):
                    self._spool.finish(id)
                    await self._in_thread(partial(self._driver.forget, id))
                    for known in (
                        self._observed,
                        self._memory,
                        self._errors,
                        self._unanswered,
                    ):
                        known.pop(id, None)
                    self._changed(id)
        except OSError as error:
            self._failed(step.id, f"{error.filename or step.id}: {error.strerror or error}")
        except Exception as error:
            # Whatever it was, it is tried again after a pause and not at once; the loop says where it came from.
            self._failed(step.id, f"This node has failed: {type(error).__name__}: {error}.")
            raise
        finally:
            self._busy.pop(step.id, None)
            self._poke()

    async def _start(self, id: str) -> None:
        instance = self._wanted(id)
        interface = self._interfaces.get(instance.interface) if instance is not None else None
        if instance is None or interface is None:
            return
        if self._driver.obstacle:
            self._failed(id, self._driver.obstacle)
            return
        memory = self._memory.get(id, NEVER)
        place = Place(
            network=interface.network, address=interface.address, resolver=interface.resolver,
            spool=str(self._spool.begin(id, instance.service, instance.log_stream)),
        )  # fmt: skip
        try:
            start = partial(self._driver.start, instance, place, memory.starts + 1)
            found = await asyncio.get_running_loop().run_in_executor(self._starting, start)
        except PlaceGoneError:
            # It is no fault of the instance. It waits for its interface: in the next node, for this one ends as well.
            self._network = Network()
            self._look_at_network()
            return
        except StartError as error:
            self._failed(id, str(error))
            return
        self._errors.pop(id, None)
        self._began(found, memory)

    def _failed(self, id: str, reason: str) -> None:
        self._errors[id] = reason
        memory = self._memory.get(id, NEVER)
        self._memory[id] = ended(memory, monotonic_seconds())
        self._changed(id)

    def _status(self, instance: Instance) -> InstanceStatus:
        id = instance.id
        found, memory = self._observed.get(id), self._memory.get(id, NEVER)
        if found is not None and found.runs:
            health = self._checks.health(id)
            # A program may stay whose own processes end by that.
            refused = self._refused(found, self._last_lines(found)) if health.reason else ""
            return InstanceStatus(
                id=id, state=health.state, reason=f"{health.reason} {refused}".rstrip(), starts=memory.starts,
                pid=found.record.pid, unanswered=self._checks.unanswered(id),
            )  # fmt: skip
        if memory.ended is not None and not memory.failures:
            # What ran it was killed, or it was asked to: it is no fault of its own.
            return InstanceStatus(
                id=id, state="starting", starts=memory.starts, reason="It is being started again."
            )
        if memory.ended is not None:
            status, reason = self._how_ended(instance, found)
            return InstanceStatus(
                id=id, state="ended", exit_status=status, starts=memory.starts, reason=reason,
                pause=pause_after(memory.failures), unanswered=self._unanswered.get(id, ()),
            )  # fmt: skip
        if instance.interface not in self._interfaces:
            reason = f"Its network interface {instance.interface} is not there yet."
            return InstanceStatus(id=id, state="waiting", reason=reason)
        return InstanceStatus(id=id, state="starting", reason="It is being started.")

    def _how_ended(self, instance: Instance, found: Observed | None) -> tuple[int | None, str]:
        """Return the status that an instance has ended with, and why in sentences."""
        status = found.exit_status if found is not None else None
        if error := self._errors.get(instance.id):
            return status, error
        if found is None:
            return None, "It ended."
        last = self._last_lines(found)
        never_ran = unexecuted(found, instance.program, last, self._artifacts)
        if never_ran is not None:
            return never_ran.status, never_ran.reason
        said = f" It said last: {' / '.join(last[-_LAST_LINES:]).removesuffix('.')}." if last else ""
        why = self._driver.why_ended(found) or self._refused(found, last)
        return status, f"It {_how(status)}.{f' {why}' if why else ''}{said}"

    def _refused(self, found: Observed, last: list[str]) -> str:
        """Say what an image was refused that it has elsewhere, if its last lines tell of that."""
        return ONE_USER if found.record.is_one_user and changes_users(last) else ""

    def _last_lines(self, found: Observed) -> list[str]:
        record = found.record
        return self._spool.last_lines(record.id, record.output_from, _LINES_WITH_CAUSE, _LAST_BYTES)

    def _look_at_network(self) -> None:
        """See which interfaces of wanted instances there are."""
        found = self._found()
        if found != self._interfaces or self._converging is None:
            self._interfaces = found
            self._poke()

    def _found(self) -> dict[str, Interface]:
        wanted = {each.interface for each in self._services.instances}
        found = {}
        for vpc in self._network.vpcs:
            for interface in vpc.interfaces:
                if interface.id in wanted:
                    with suppress(FileNotFoundError):
                        found[interface.id] = Interface(
                            address=interface.addresses[0],
                            resolver=resolver_file(vpc, interface.addresses),
                            network=str(self._identity(interface.id)),
                        )
        return found

    def _read(self) -> Services:
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self._file.read_bytes(), type=Services)
        return Services()

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


def resolver_file(vpc: Vpc, addresses: tuple[str, ...]) -> str:
    """Return what an instance finds as `/etc/resolv.conf`: the resolver of its VPC."""
    version4 = any(":" not in each for each in addresses)
    server = resolvers(vpc)[0] if version4 else RESOLVER6
    return f"# {vpc.id}\nnameserver {server}\n"


def _how(status: int | None) -> str:
    if status is None:
        return "ended, and nobody saw how"
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
