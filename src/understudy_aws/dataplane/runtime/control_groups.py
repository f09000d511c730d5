"""Control groups, by which the kernel holds an instance to its memory, processors and number of processes.

There are two versions. Of the first each kind has a tree of its own, of the second there is one, in which a group
either has processes or hands kinds on to groups below it. Groups are made below the one this process is in, or beside
it, so that whatever that is held to holds for instances too. Where this user may make none, the reason is kept.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

MOST_PROCESSES = 1024
"""Processes and threads of an instance."""

REMEDY = "start Understudy with `systemd-run --user --scope -p Delegate=yes understudy …`, or as root"

_KINDS = ("memory", "cpu", "pids")
_PERIOD = 100_000
_UNITS = 1024
_MEGABYTE = 1024**2
_PROCESSES = "cgroup.procs"
_GO_PAUSE, _GO_TIMES = 0.01, 200


class Tree(msgspec.Struct, frozen=True):
    """Where groups are made for some kinds, in a hierarchy of a version."""

    place: Path
    kinds: tuple[str, ...]
    version: int


class ControlGroups:
    """The groups of the instances of a node's directory. `limits` says what can't be limited, and why."""

    def __init__(self, directory: Path, *, mounts: str = "", own: str = "") -> None:
        """Look for what this user may make; `mounts` and `own` are the texts of mountinfo and cgroup of `/proc`."""
        self._name = f"understudy-{blake2b(os.fsencode(directory), digest_size=8).hexdigest()}"
        self._trees: list[Tree] = []
        reason = ""
        try:
            mounts = mounts or Path("/proc/self/mountinfo").read_text()
            own = own or Path("/proc/self/cgroup").read_text()
            found = list(trees(mounts, own))
        except OSError as error:
            found, reason = [], str(error)
        for tree in found:
            try:
                self._trees.append(self._made(tree))
            except OSError as error:
                reason = f"{error.filename}: {error.strerror}"
        for tree in self._trees:
            # It was made to see whether it can be: nothing is there before an instance needs it.
            with suppress(OSError):
                tree.place.rmdir()
        self.kinds = frozenset(kind for tree in self._trees for kind in tree.kinds)
        self.reason = reason or "no control groups are mounted here"

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to."""
        missing = [kind for kind in _KINDS if kind not in self.kinds]
        if not missing:
            return ()
        names = {"memory": "memory", "cpu": "processors", "pids": "number of processes"}
        what = ", ".join(names[kind] for kind in missing)
        return (f"Instances are not held to their {what} as a whole ({self.reason}); {REMEDY}.",)

    def make(self, id: str, cpu: int, memory: int) -> tuple[str, ...]:
        """Make the groups of an instance, with units of processors and megabytes; returns them. Raises OSError."""
        made = []
        for tree in self._trees:
            group = self._made(Tree(tree.place.parent, tree.kinds, tree.version)).place / id
            group.mkdir(exist_ok=True)
            for name, value in _settings(tree, cpu, memory).items():
                # Swap is not accounted everywhere, nor can every kernel end all processes of a group at once.
                with suppress(FileNotFoundError):
                    (group / name).write_text(value)
            made.append(str(group))
        return tuple(made)

    def end(self) -> None:
        """Remove the groups of all instances, which have ended or are about to."""
        for tree in self._trees:
            with suppress(OSError):
                remove(str(each) for each in tree.place.iterdir() if each.is_dir())
                tree.place.rmdir()

    def _made(self, tree: Tree) -> Tree:
        """Make the group below which those of instances are. Raises OSError."""
        place = tree.place / self._name
        place.mkdir(exist_ok=True)
        if tree.version == 1:
            # Whether a kind may be set is seen only by setting it.
            return Tree(place, tree.kinds, 1)
        wanted = " ".join(f"+{kind}" for kind in tree.kinds)
        try:
            (tree.place / "cgroup.subtree_control").write_text(wanted)
            (place / "cgroup.subtree_control").write_text(wanted)
        except OSError:
            place.rmdir()
            raise
        return Tree(place, tree.kinds, 2)


def processes_of(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files by which a process enters groups."""
    return tuple(f"{group}/{_PROCESSES}" for group in groups)


def remove(groups: Iterator[str] | tuple[str, ...]) -> None:
    """Remove groups whose processes have ended; the kernel takes some milliseconds to see that."""
    pause = threading.Event()
    for group in groups:
        for _ in range(_GO_TIMES):
            try:
                Path(group).rmdir()
            except FileNotFoundError:
                break
            except OSError:
                pause.wait(_GO_PAUSE)
            else:
                break


def memory_of(groups: tuple[str, ...]) -> int:
    """Return the bytes of memory that groups have; 0 where none tells."""
    for group in groups:
        for name in ("memory.current", "memory.usage_in_bytes"):
            with suppress(OSError, ValueError):
                return int(Path(group, name).read_text())
    return 0


def killed_for_memory(groups: tuple[str, ...]) -> bool:
    """Whether the kernel has ended a process of groups because there was no memory left to it."""
    for group in groups:
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                found = dict(line.split() for line in Path(group, name).read_text().splitlines())
                return found.get("oom_kill", "0") != "0"
    return False


def trees(mounts: str, own: str) -> Iterator[Tree]:
    """Yield where groups may be made, from the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`."""
    paths = dict(_own_paths(own))
    left = set(_KINDS)
    unified = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        root, place = fields[3], Path(fields[4])
        if kind == "cgroup":
            kinds = tuple(each for each in _KINDS if each in options.split(",") and each in left)
            if kinds:
                left -= set(kinds)
                yield Tree(_below(place, root, paths.get(kinds[0], "/")), kinds, 1)
        elif kind == "cgroup2":
            unified = place, root
    if unified is not None and left:
        place, root = unified
        here = _below(place, root, paths.get("", "/"))
        # A group with processes hands nothing on; the one above it does.
        base = here if here == place else here.parent
        with suppress(OSError):
            offered = (base / "cgroup.controllers").read_text().split()
            kinds = tuple(each for each in _KINDS if each in offered and each in left)
            if kinds:
                yield Tree(base, kinds, 2)


def _own_paths(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        _, kinds, path = line.split(":", 2)
        for kind in kinds.split(","):
            yield kind, path


def _below(place: Path, root: str, path: str) -> Path:
    """Return where a group is seen whose hierarchy is mounted from `root` on."""
    with suppress(ValueError):
        return place / Path(path).relative_to(root)
    return place


def _settings(tree: Tree, cpu: int, memory: int) -> Mapping[str, str]:
    quota, most = str(cpu * _PERIOD // _UNITS), str(memory * _MEGABYTE)
    of_version: Mapping[str, Mapping[str, str]] = {
        "memory": {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes": most},
        "cpu": {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": quota},
        "pids": {"pids.max": str(MOST_PROCESSES)},
    }
    if tree.version == 2:
        of_version = {
            "memory": {"memory.max": most, "memory.swap.max": "0", "memory.oom.group": "1"},
            "cpu": {"cpu.max": f"{quota} {_PERIOD}"},
            "pids": {"pids.max": str(MOST_PROCESSES)},
        }
    return {name: value for kind in tree.kinds for name, value in of_version[kind].items()}
