"""What is to be done so that those instances run that should: pure, from what is wanted, seen and remembered.

One that ends by itself is started again, each time after twice as long. One that should run no more is asked to end,
and killed when it has not ended in its time, as containers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.runtime.driver import Observed, Running
from understudy_aws.dataplane.wanted_services import Instance

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until one that has ended is started again: first, and at most."""

WELL_AFTER = 120.0
"""One that has run so many seconds begins with the first pause again when it ends."""

GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an instance: when it was started, seen ended and asked to end, by a clock of seconds."""

    starts: int = 0
    failures: int = 0
    began: float | None = None
    ended: float | None = None
    asked: float | None = None


NEVER = Memory()


class Start(msgspec.Struct, frozen=True):
    """Start an instance."""

    id: str


class AskToEnd(msgspec.Struct, frozen=True):
    """Send SIGTERM."""

    id: str


class Kill(msgspec.Struct, frozen=True):
    """End every process of it."""

    id: str


class Forget(msgspec.Struct, frozen=True):
    """Remove what is left of it."""

    id: str


Step: TypeAlias = Start | AskToEnd | Kill | Forget


class Plan(msgspec.Struct, frozen=True):
    """Steps for now, and in how many seconds there may be others; None when nothing waits for a time."""

    steps: tuple[Step, ...]
    again: float | None


def plan(
    wanted: Mapping[str, Instance],
    observed: Mapping[str, Observed],
    remembered: Mapping[str, Memory],
    networks: Mapping[str, str],
    *,
    now: float,
    grace: float = GRACE,
) -> Plan:
    """Return what to do. No instance gets more than one step, and none is started while another of its id runs.

    `networks` tells, for each interface there is, the namespace that it has from others of its name.
    """
    steps: list[Step] = []
    times: list[float] = []
    for id in sorted({*wanted, *observed}):
        instance, found, memory = wanted.get(id), observed.get(id), remembered.get(id, NEVER)
        runs = found is not None and found.runs
        if found is not None and runs and not _is_as_wanted(found.record, instance, networks):
            step, again = _end(id, memory, now, grace)
            steps += [step] if step is not None else []
            times += [again] if again is not None else []
        elif instance is None:
            steps.append(Forget(id))
        elif not runs and instance.interface in networks:
            due = now if memory.ended is None else memory.ended + pause_after(memory.failures)
            if due <= now:
                steps.append(Start(id))
            else:
                times.append(due)
    return Plan(tuple(steps), min(times) - now if times else None)


def _is_as_wanted(record: Running, instance: Instance | None, networks: Mapping[str, str]) -> bool:
    if instance is None or record.program != program_of(instance):
        return False
    # Somebody has taken the namespace away, and it was made anew: the former one leads nowhere.
    return networks.get(instance.interface, record.network) == record.network


def _end(id: str, memory: Memory, now: float, grace: float) -> tuple[Step | None, float | None]:
    """Return the step there is now for one that is to end, and when there is another."""
    if memory.asked is None:
        return AskToEnd(id), now + grace
    due = memory.asked + grace
    return (Kill(id), None) if due <= now else (None, due)


def pause_after(failures: int) -> float:
    """Return how many seconds one waits that has ended so many times in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 16)) if failures else 0.0


def ended(memory: Memory, now: float) -> Memory:
    """Return what is remembered of one that has been seen to end now; no failure if it was asked to."""
    if memory.asked is not None:
        return msgspec.structs.replace(memory, ended=now, failures=0)
    well = memory.began is not None and now - memory.began >= WELL_AFTER
    return msgspec.structs.replace(memory, ended=now, failures=1 if well else memory.failures + 1)


def program_of(instance: Instance) -> str:
    """Return what tells whether a process was started from this instance: all but how its health is found out."""
    same = msgspec.structs.replace(instance, health_check=type(instance.health_check)(), log_stream="")
    return blake2b(msgspec.json.encode(same), digest_size=16).hexdigest()
