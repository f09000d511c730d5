"""Programs of this machine that are attached to network interfaces: their records, and attaching and detaching.

The owner attaches a program with `understudy attach`. Its interface is in use while it runs. The program is known by
its process, so that an interface is free again also when whoever started the program was killed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.processes import start_of
from understudy_aws.gateway.controller import Controller, Due, World
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.network_interfaces import (
    ATTACHED,
    ATTACHING,
    DETACHING,
    Attachment,
    NetworkInterface,
    network_interfaces,
    remove,
)
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class AttachedProgram(Record, frozen=True, kw_only=True):
    """A program that has an interface to itself.

    `pid` and `started` are the process that started it (`dataplane.processes.start_of`). `made` says that the interface
    was made for it, and goes when it ends. `problem` is why this machine can't make its network, `since` then. Of one
    that has `ended` the interface stays, and is free when its network was taken down.
    """

    account: str
    region: str
    interface: str
    pid: int
    started: str
    command: str
    made: bool = False
    problem: str = ""
    since: datetime | None = None
    ended: bool = False


attached_programs = Table(
    "ec2/attached-program",
    AttachedProgram,
    key=lambda program: (program.account, program.region, program.interface),
    indexes={
        "has": lambda program: (program.interface,) if program.made else (),
        "attached_to": lambda program: () if program.made else (program.interface,),
    },
)

PROGRAM_REFERENCES: References = (
    Reference(
        "has",
        lambda program: (program.interface,) if program.made else (),
        index="has",
        holds=True,
        owns=True,
    ),
    Reference(
        "is attached to",
        lambda program: () if program.made else (program.interface,),
        index="attached_to",
        holds=True,
    ),
)


def program_name(program: AttachedProgram) -> str:
    """Return by what a person knows a program: its process and its command."""
    return f"{program.pid} ({program.command})"


def attach_program(
    tx: Transaction, interface: NetworkInterface, program: AttachedProgram, *, ids: Ids, at: datetime
) -> None:
    """Attach a program to an interface. Raises ApiError for one that is attached to something."""
    if interface.attachment is not None:
        raise errors.interface_in_use(interface.id)
    attachment = Attachment(id=ids.ec2("ela-attach"), owner=interface.account, at=at, device_index=0)
    network_interfaces.put(tx, replace(interface, attachment=attachment))
    attached_programs.put(tx, program)


def note_networks(tx: Transaction, missing: Container[str], problem: str, at: datetime) -> None:
    """Note which interfaces of programs this machine has not got the network of, and why; all others are attached."""
    for program in running_programs(tx):
        lacking = program.interface in missing
        if lacking == bool(program.problem) and (not lacking or program.problem == problem):
            continue
        since = (program.since or at) if lacking else None
        attached_programs.put(tx, replace(program, problem=problem if lacking else "", since=since))
        interface = network_interfaces.get(tx, program.account, program.region, program.interface)
        if interface is not None and interface.attachment is not None:
            attachment = replace(interface.attachment, status=ATTACHING if lacking else ATTACHED)
            network_interfaces.put(tx, replace(interface, attachment=attachment))


def running_programs(tx: Transaction) -> list[AttachedProgram]:
    """Return the programs that have not ended."""
    return [each for each in attached_programs.scan(tx) if not each.ended]


def ended_programs(tx: Transaction) -> list[AttachedProgram]:
    """Return the programs that have ended, and whose interfaces are not free yet."""
    return [each for each in attached_programs.scan(tx) if each.ended]


def detach_program(tx: Transaction, program: AttachedProgram) -> None:
    """Detach the interface of a program that has ended, or delete it when it was made for the program."""
    interface = network_interfaces.get(tx, program.account, program.region, program.interface)
    if interface is None or interface.attachment is None:
        attached_programs.delete(tx, program)
    elif program.made:
        attached_programs.delete(tx, program)
        remove(tx, interface)
    else:
        attached_programs.put(tx, replace(program, ended=True, problem="", since=None))
        attachment = replace(interface.attachment, status=DETACHING)
        network_interfaces.put(tx, replace(interface, attachment=attachment))


def free_interfaces(tx: Transaction, used: Container[str]) -> None:
    """Free the interfaces of programs that have ended, but for those that this machine's network has still."""
    for program in ended_programs(tx):
        if program.interface in used:
            continue
        attached_programs.delete(tx, program)
        interface = network_interfaces.get(tx, program.account, program.region, program.interface)
        if interface is not None:
            network_interfaces.put(tx, replace(interface, attachment=None))


def detached_programs() -> Controller:
    """Return the background work that detaches the interfaces of programs whose process is gone."""

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for program in running_programs(tx):
            if start_of(program.pid) != program.started:
                yield Due((program.account, program.region, program.interface), program.account, now)

    async def reconcile(key: tuple[str, ...], world: World) -> datetime | None:
        with world.database.transaction() as tx:
            program = attached_programs.get(tx, *key)
            if program is not None and not program.ended and start_of(program.pid) != program.started:
                detach_program(tx, program)
        return None

    return Controller("ended programs", due, reconcile, poll_seconds=1.0)
