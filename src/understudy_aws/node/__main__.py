"""Runs the node of a directory: `python -m understudy_aws.node DIRECTORY [--period SECONDS] [--with PID]`."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import uvloop

from understudy_aws.dataplane.client import LOCK
from understudy_aws.dataplane.linux.driver import LinuxDriver
from understudy_aws.dataplane.linux.holder import (
    Holder,
    HolderError,
    enter_holder,
    find_holder,
    forget_holder,
    namespaces_directory,
    start_holder,
)
from understudy_aws.dataplane.linux.outside import CARRIERS
from understudy_aws.dataplane.linux.probe import obstacle
from understudy_aws.dataplane.linux.syscalls import unmount
from understudy_aws.dataplane.memory import MemoryDriver
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.bubblewrap import Bubblewrap
from understudy_aws.dataplane.runtime.fork_server import ForkServer
from understudy_aws.dataplane.runtime.loopback import loopback_ports
from understudy_aws.dataplane.runtime.without_namespaces import WithoutNamespaces
from understudy_aws.node.api_doors import ApiDoors, LoopbackDoors
from understudy_aws.node.changes import ChangeLog
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.fabric import Fabric
from understudy_aws.node.flow_recorder import FlowRecorder
from understudy_aws.node.full_tables import FullTables
from understudy_aws.node.health import HealthChecks
from understudy_aws.node.ingress.ingress import within_open_files
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.service import IngressService
from understudy_aws.node.instances import Instances
from understudy_aws.node.outside import Outside
from understudy_aws.node.resolver.forwarding import Forwarder, MachineServers
from understudy_aws.node.resolver.service import Resolvers
from understudy_aws.node.service import NodeService
from understudy_aws.node.spool import Spool
from understudy_aws.node.supervisor import supervise
from understudy_aws.node.tasks import Tasks
from understudy_aws.node.time_service import TimeService

_PERIOD = 5.0


def main(words: list[str]) -> int:
    """Run until told to stop, or until the process `--with` ends.

    Returns 0, 1 when this machine can't, 3 when another node has the directory.
    """
    asked = _asked(words)
    directory: Path = asked.directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = asked.lock
    if lock is None:
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.set_inheritable(lock, False)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    if asked.replaced:
        return supervise(directory, lambda is_successor: _run(asked, is_successor=is_successor))
    return _run(asked)


def _run(asked: argparse.Namespace, *, is_successor: bool = False) -> int:
    """Run the node of a directory; a successor only where a network is left."""
    directory: Path = asked.directory
    holder = find_holder(directory)
    if holder is None and is_successor:
        return 0
    # What this machine allows is asked once, before the first namespace: a network that runs is never given up for it.
    refused = obstacle() if holder is None else ""
    if refused:
        return _run_in_memory(asked, refused)
    started = None
    try:
        if holder is None:
            owner_fd = os.pidfd_open(asked.owner) if asked.owner else None
            holder = started = start_holder(directory, owner_fd)
        holder_fd = enter_holder(holder)
    except (HolderError, OSError) as error:
        sys.stderr.write(f"understudy node: {error}\n")
        return 1
    fork_server = _fork_server()
    # Threads may start only now: the kernel lets a process with several not enter a user namespace.
    place = namespaces_directory(directory)
    driver = LinuxDriver(place)
    # What is served inside the networks: each with a way into the namespaces.
    outside = Outside(driver.namespaces, place, holder.pid, asked.outside)
    named = tuple(asked.name_server or ())
    resolvers = Resolvers(driver.namespaces, Forwarder((lambda: named) if named else MachineServers()))
    clocks = TimeService(driver.namespaces)
    doors = ApiDoors(directory, driver.namespaces)
    flows = FlowRecorder(driver.namespaces, directory, f"{holder.pid} {holder.started}")
    fabric = Fabric(directory, driver, outlived=started is None)
    dialer = Dialer(driver.namespaces)
    changes = ChangeLog()
    checks = HealthChecks(dialer, changes.note)
    bubblewrap = Bubblewrap(directory, place, holder.pid, fork_server)
    spool = Spool(directory)
    instances = Instances(
        directory, bubblewrap, checks, driver.namespaces.identity, spool, changed=changes.note
    )
    ingress = IngressService(directory, dialer, checks, instances, driver.namespaces)
    tasks = Tasks(
        directory, spool.add, fork_server, outside=asked.outside, ended=changes.note, used=instances.used
    )

    service = NodeService(
        directory,
        fabric,
        holder,
        asked.period,
        (
            resolvers,
            clocks,
            doors,
            outside,
            flows,
            FullTables(driver.namespaces),
            instances,
            ingress,
        ),
        owner=asked.owner,
        outside=lambda: outside.program,
        flows=flows,
        answers={**tasks.answers, **instances.answers, **ingress.answers, **changes.answers},
        forgets=(instances.forget, ingress.forget, flows.forget),
    )
    return _serve(fabric, service, asked.owner, holder_fd, started)


def _run_in_memory(asked: argparse.Namespace, refused: str) -> int:
    """Run a node on a machine that makes no networks; `refused` says why."""
    directory: Path = asked.directory
    fork_server = _fork_server()
    fabric = Fabric(directory, MemoryDriver(refused))
    spool = Spool(directory)
    dialer = Dialer(None)
    changes = ChangeLog()
    checks = HealthChecks(dialer, changes.note)
    ports = loopback_ports(directory)
    doors = LoopbackDoors(directory, ports)
    instances = Instances(
        directory, WithoutNamespaces(directory, ports), checks, lambda _: "", spool, changed=changes.note
    )
    ingress = IngressService(directory, dialer, checks, instances)
    tasks = Tasks(
        directory, spool.add, fork_server, outside=asked.outside, ended=changes.note, used=instances.used
    )

    service = NodeService(
        directory,
        fabric,
        None,
        asked.period,
        (doors, instances, ingress),
        owner=asked.owner,
        answers={**tasks.answers, **instances.answers, **ingress.answers, **changes.answers},
        forgets=(instances.forget, ingress.forget),
    )
    return _serve(fabric, service, asked.owner)


def _fork_server() -> ForkServer:
    """Return what forks processes from here on, which may open as many files as this one."""
    within_open_files(IngressLimits().connections)
    return ForkServer()


def _asked(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m understudy_aws.node", allow_abbrev=False)
    parser.add_argument("directory", type=Path, help="where the node keeps its socket and what is wanted")
    parser.add_argument("--period", type=float, default=_PERIOD, help="seconds between looks at the network")
    parser.add_argument(
        "--name-server", type=_server, action="append", metavar="ADDRESS:PORT",
        help="who is asked for names that are no VPC's, instead of the servers of this machine",
    )  # fmt: skip
    parser.add_argument(
        "--lock", type=int, help="a descriptor with the directory's lock, from who starts the node"
    )
    parser.add_argument("--with", type=int, dest="owner", help="a process with which the network ends")
    parser.add_argument(
        "--outside", choices=("auto", *(each.program for each in CARRIERS), "none"), default="auto",
        help="what carries packets to the world; by default the first that works, with none no packet gets there",
    )  # fmt: skip
    parser.add_argument(
        "--replaced", action="store_true",
        help="fork the node from this process, and another one at once when it was killed and a network is left",
    )  # fmt: skip
    return parser.parse_args(words)


def _serve(
    fabric: Fabric,
    service: NodeService,
    owner: int | None,
    holder_fd: int | None = None,
    started: Holder | None = None,
) -> int:
    """Hold the network to what is wanted until told to stop; `started` is the holder if it is this node's own."""
    try:
        uvloop.run(service.run(holder_fd))
    finally:
        if started is not None and not service.serving:
            # Nobody could ask for anything yet, so it holds nothing that anybody wants.
            forget_holder(fabric.directory)
            os.kill(started.pid, signal.SIGKILL)
        fabric.close()
        if owner is not None and not start_of(owner):
            # What the owner had was in memory, and nothing of that is left. This process sees what is mounted there.
            with suppress(OSError):
                unmount(str(namespaces_directory(fabric.directory)))
            shutil.rmtree(fabric.directory, ignore_errors=True)
    return 0


def _server(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
