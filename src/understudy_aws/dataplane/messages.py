"""What the server and the node say to each other: one JSON object a line over a Unix socket.

The server asks, the node answers each question in order. A question that the node does not know, or can't read, is
answered by `Refused`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.deltas import NetworkDelta
from understudy_aws.dataplane.flows import FlowWindow
from understudy_aws.dataplane.tasks import Task, TaskStatus
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Services


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Make the network so."""

    network: Network


class WantChange(msgspec.Struct, frozen=True, tag="change"):
    """Make of the network of a revision another one; without a difference it stays the same, and its revision too.

    A node that has not got that network answers `WantWhole`.
    """

    base: str
    delta: NetworkDelta


class GetStatus(msgspec.Struct, frozen=True, tag="status"):
    """Say how things are."""


class Probe(msgspec.Struct, frozen=True, tag="probe"):
    """Send a real packet from an interface to an address, and to a port of TCP or UDP, and say what came of it.

    `protocol` is a number; of others than TCP, UDP, ICMP and ICMPv6 no answer is known. `arrives_at` is the interface
    that has the address, where it is known: it is looked at whether a packet that nobody answers gets there.
    """

    interface: str
    address: str
    port: int
    timeout: float = 2.0
    protocol: str = "6"
    arrives_at: str = ""


class GetFlows(msgspec.Struct, frozen=True, tag="flows"):
    """Say the windows of flows with a number above `after`; those up to it need not be kept, if `node` kept them."""

    node: str = ""
    after: int = 0


class WatchFlows(msgspec.Struct, frozen=True, tag="watch-flows"):
    """Say the flows of all interfaces, second by second, in windows with a number above `after` of this `node`.

    They are counted from the first question on, and as long as one comes every ten seconds.
    """

    node: str = ""
    after: int = 0


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Take the network down, everything that runs in it, and end."""


class TakeRepairs(msgspec.Struct, frozen=True, tag="take-repairs"):
    """Tell what was put right, oldest first; those of the ids in `noted` may be forgotten."""

    noted: tuple[str, ...] = ()


class WantServices(msgspec.Struct, frozen=True, tag="want-services"):
    """Run these instances, and lead requests to these services."""

    services: Services


class GetInstances(msgspec.Struct, frozen=True, tag="instances"):
    """Say how the instances do, and how busy the services are."""


class StartTask(msgspec.Struct, frozen=True, tag="start-task"):
    """Begin a task, unless there is one of this id, and say how far it is."""

    id: str
    task: Task


class GetTask(msgspec.Struct, frozen=True, tag="get-task"):
    """Say how far a task is; one that is not known has failed."""

    id: str


class ForgetTask(msgspec.Struct, frozen=True, tag="forget-task"):
    """End a task if it runs, and forget it; what it has made stays."""

    id: str


class GetTasks(msgspec.Struct, frozen=True, tag="get-tasks"):
    """Say which tasks there are."""


class KeepArtifacts(msgspec.Struct, frozen=True, tag="keep-artifacts"):
    """Delete the built source trees and unpacked images that are not among these and that nothing uses.

    While something is built or pulled nothing is deleted.
    """

    sources: tuple[str, ...]
    images: tuple[str, ...]


class AwaitChanges(msgspec.Struct, frozen=True, tag="await-changes"):
    """Say which tasks and instances have changed after the change `after` of this `node`, as soon as one has.

    When none has changed within `seconds`, that is said.
    """

    node: str = ""
    after: int = 0
    seconds: float = 20.0


class GetOutput(msgspec.Struct, frozen=True, tag="output"):
    """Say the lines of output with a number above `after`; those up to it need not be kept, if `node` kept them."""

    node: str = ""
    after: int = 0


Question: TypeAlias = (
    Want
    | WantChange
    | GetStatus
    | Probe
    | GetFlows
    | WatchFlows
    | Stop
    | TakeRepairs
    | WantServices
    | GetInstances
    | StartTask
    | GetTask
    | ForgetTask
    | GetTasks
    | KeepArtifacts
    | GetOutput
    | AwaitChanges
)


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It was done."""


class TaskIds(msgspec.Struct, frozen=True, tag="tasks"):
    """The ids of the tasks there are, in order."""

    ids: tuple[str, ...] = ()


class Changes(msgspec.Struct, frozen=True, tag="changes"):
    """Which tasks have ended, and which instances do otherwise than before, by their ids.

    `last` is the number of the last change; numbers begin anew with each `node`. Where it is not known any more
    what has changed, `all` may have.
    """

    node: str
    last: int
    ids: tuple[str, ...] = ()
    all: bool = False


class WantWhole(msgspec.Struct, frozen=True, tag="whole"):
    """The network that was to be changed is not known here: say the whole of it."""


class Status(msgspec.Struct, frozen=True, tag="status", kw_only=True):
    """How things are.

    `driver` makes the network (`dataplane/driver.py`); `obstacle` says why it filters no packets, if it does not.
    `limits` are what it can't do here otherwise.
    `holder` is 0 where the network ends with the node.
    `converged` says that the driver has what is wanted, `error` why it has not.
    `repaired` counts what somebody else had changed and the node has put right; of these, `untold` wait for
    `TakeRepairs`. `missing` are interfaces that are not there, or not wholly, since `failing_since`. `services` says
    why what is served inside the networks is not, by its name. `outside` is the program that carries packets to the
    world, if one does. `memory` are the bytes that the node has, 0 where the system does not tell.
    """

    pid: int
    holder: int
    converged: bool
    vpcs: int
    interfaces: tuple[str, ...]
    repaired: int = 0
    error: str = ""
    services: Mapping[str, str] = {}
    outside: str = ""
    untold: int = 0
    missing: tuple[str, ...] = ()
    failing_since: datetime | None = None
    driver: str = "linux"
    obstacle: str = ""
    limits: tuple[str, ...] = ()
    memory: int = 0


class Probed(msgspec.Struct, frozen=True, tag="probed"):
    """What came of a packet: `connected`, `refused` by a host where nothing listens, or `silent`: it did not arrive.

    Of all but TCP there is `arrived` too: nobody answered it.

    It was computed, and no packet was sent, where there is an `obstacle`.
    """

    outcome: str
    obstacle: str = ""


class Flows(msgspec.Struct, frozen=True, tag="flows"):
    """Finished windows of flows, in order of their numbers, which begin anew with each `node`.

    There are none where an `obstacle` keeps packets from being filtered.
    """

    node: str
    windows: tuple[FlowWindow, ...]
    obstacle: str = ""


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else had changed in a VPC's part of the network, and the node has put right.

    `what` are clauses that say what it was, the first of `count`. `vpc` is empty between VPCs and the world.
    """

    id: str
    at: datetime
    vpc: str
    what: tuple[str, ...]
    count: int


class Repairs(msgspec.Struct, frozen=True, tag="repairs"):
    """What was put right and is in no trail yet, oldest first."""

    repairs: tuple[Repair, ...]


class InstanceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How an instance does.

    `state` is `waiting` (for its interface), `starting` (not yet healthy), `healthy`, `unhealthy` (was healthy, or
    never became it within its thresholds), or `ended`. One that ends by itself is started again after a `pause` of
    seconds, ever later; `starts` counts. `reason` says in one sentence why it is not healthy, `exit_status` is the
    last, -9 when signal 9 ended it, 126 or 127 when it could not be executed. `requests` are under way. `pid` is 0
    when no process runs. `unanswered` are addresses and ports to which it was seen to begin connections that nobody
    had answered, while it was not healthy.
    """

    id: str
    state: str
    reason: str = ""
    exit_status: int | None = None
    starts: int = 0
    pause: float = 0.0
    requests: int = 0
    pid: int = 0
    unanswered: tuple[tuple[str, int], ...] = ()


class ServiceLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How busy a service is: requests under way and waiting now, the most of both since the last question.

    `answered` counts requests by the class of their status, 2 to 5, since the node began. `idle_seconds` passed since
    the last request, or the node's begin.
    """

    arn: str
    active: int = 0
    waiting: int = 0
    peak: int = 0
    answered: tuple[tuple[int, int], ...] = ()
    idle_seconds: float = 0.0


class Instances(msgspec.Struct, frozen=True, tag="instances", kw_only=True):
    """How the instances do, and how busy the services are.

    `ingress` is the address and port where requests are taken, empty where none are, and `ingress_error` says why they
    are not taken where it is wanted. `limits` are what instances are not held to on this machine, as sentences with the
    remedy.
    """

    instances: tuple[InstanceStatus, ...] = ()
    loads: tuple[ServiceLoad, ...] = ()
    ingress: str = ""
    ingress_error: str = ""
    limits: tuple[str, ...] = ()


class OutputLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that an instance or a build has written, without its end: `at` is in milliseconds since 1970."""

    number: int
    service: str
    stream: str
    at: int
    text: str


class Output(msgspec.Struct, frozen=True, tag="output"):
    """Lines of output in order of their numbers, which begin anew with each `node`. `lost` counts dropped ones."""

    node: str
    lines: tuple[OutputLine, ...]
    lost: int = 0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It was not done, and why."""

    reason: str


Answer: TypeAlias = (
    Done
    | WantWhole
    | Status
    | Probed
    | Flows
    | Refused
    | Repairs
    | Instances
    | TaskStatus
    | TaskIds
    | Output
    | Changes
)


def revision_of(line: bytes) -> str:
    """Return the revision that a line with `Want` or `WantChange` leads to.

    A change names the revision before it, so that two networks that were told alike have the same one, and no others.
    """
    return blake2b(line, digest_size=16).hexdigest()
