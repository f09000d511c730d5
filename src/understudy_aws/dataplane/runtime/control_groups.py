"""Control groups, by which the kernel holds an instance to its memory, processors and number of processes.

Programs size themselves by the groups that they are in, so these are shown to them.

There are two versions. Of the first each kind has a tree of its own, of the second there is one, in which a group
either has processes or hands kinds on to groups below it. Groups are made below the one this process is in, or beside
it, so that whatever that is held to holds for instances too. Where this user may make none, the reason is kept.

Another process that ends them may be in another group than this one, and would look for them elsewhere. So where groups
are made is written down before, in a file of the node's directory.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from understudy_aws.dataplane.wanted_services import Pairs

MOST_PROCESSES = 1024
"""Processes and threads of an instance."""

TASK = "task-"
"""What the name of a group of a task begins with; the number of its process follows."""

REMEDY = "start Understudy with `systemd-run --user --scope -p Delegate=yes understudy …`, or as root"

_KINDS = ("memory", "cpu", "pids")
# Of the first version Java takes its limits from groups of these kinds beside the others, or from none.
_LOOKED_FOR = ("cpuacct", "cpuset")
# A group of the first version takes no process before it has these.
_TAKEN_OVER = ("cpuset.cpus", "cpuset.mems")
_PERIOD = 100_000
_UNITS = 1024
_MEGABYTE = 1024**2
_PROCESSES = "cgroup.procs"
_PLACES = "groups"
_GO_PAUSE, _GO_TIMES = 0.01, 200
_TRIES = 20
_SEEN = "/sys/fs/cgroup"


class Tree(msgspec.Struct, frozen=True):
    """Where groups are made for some kinds, in a hierarchy of a version; of the first with the name that it goes by."""

    place: Path
    kinds: tuple[str, ...]
    version: int
    name: str = ""


class Shown(msgspec.Struct, frozen=True):
    """What processes see of their groups: pairs of a place and the directory seen there, of a link and its target."""

    directories: Pairs = ()
    links: Pairs = ()


def name_for(directory: Path) -> str:
    """Return the name of the group that those of a node's directory are below."""
    return f"understudy-{blake2b(os.fsencode(directory), digest_size=8).hexdigest()}"


class ControlGroups:
    """The groups of the instances of a node's directory, below one of a `name`. `limits` says what can't be limited."""

    def __init__(self, directory: Path, *, mounts: str = "", own: str = "") -> None:
        """Look for what this user may make; `mounts` and `own` are the texts of mountinfo and cgroup of `/proc`."""
        self._directory = directory
        self.name = name_for(directory)
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
                self._trees.append(self._tried(tree))
            except OSError as error:
                if not _limits(tree):
                    continue
                reason = f"{error.filename}: {error.strerror}"
        self.kinds = frozenset(kind for tree in self._trees for kind in tree.kinds)
        self.reason = reason or "no control groups are mounted here"

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to."""
        said = self.missing("Instances are not held to their")
        return (said,) if said else ()

    def missing(self, begun: str) -> str:
        """Return what can't be limited, in a sentence that begins so; empty when everything can."""
        missing = [kind for kind in _KINDS if kind not in self.kinds]
        if not missing:
            return ""
        names = {"memory": "memory", "cpu": "processors", "pids": "number of processes"}
        what = ", ".join(names[kind] for kind in missing)
        return f"{begun} {what} as a whole ({self.reason}); {REMEDY}."

    def make(self, id: str, cpu: int, memory: int) -> tuple[str, ...]:
        """Make the groups of an instance, with units of processors and megabytes; returns them. Raises OSError."""
        made = []
        self._note()
        for tree in self._trees:
            try:
                group = self._made_in(tree, id)
            except OSError:
                if not _limits(tree):
                    continue
                raise
            for name, value in _settings(tree, cpu, memory).items():
                # Swap is not accounted everywhere, nor can every kernel end all processes of a group at once.
                with suppress(FileNotFoundError):
                    (group / name).write_text(value)
            made.append(str(group))
        return tuple(made)

    def shown(self, groups: tuple[str, ...]) -> Shown:
        """Return where programs look for the groups that were made for them, by which they size themselves."""
        directories, links = [], []
        places = {str(tree.place): tree for tree in self._trees}
        for group in groups:
            tree = places[str(Path(group).parent)]
            # Beside hierarchies of the first version the second one has a name, too.
            name = tree.name or ("unified" if len(groups) > 1 else "")
            directories.append((f"{_SEEN}/{name}" if name else _SEEN, group))
            links += [(f"{_SEEN}/{kind}", name) for kind in name.split(",") if kind != name]
        return Shown(tuple(directories), tuple(links))

    def end(self) -> None:
        """Remove the groups of all instances, which have ended or are about to."""
        end_groups(self._directory)

    def end_if_unused(self) -> None:
        """Remove the groups below which those of instances and tasks are, unless there are any."""
        for tree in self._trees:
            with suppress(OSError):
                tree.place.rmdir()

    def remove_task(self, pid: int) -> None:
        """Remove the groups of a task whose process was killed."""
        remove(str(tree.place / f"{TASK}{pid}") for tree in self._trees)
        self.end_if_unused()

    def _made_in(self, tree: Tree, id: str) -> Path:
        """Make a group. Another process may find the one above it empty meanwhile, and remove it."""
        for _ in range(_TRIES):
            tree.place.mkdir(exist_ok=True)
            group = tree.place / id
            with suppress(FileNotFoundError):
                _take_over(tree, tree.place)
                if tree.version == 2:
                    (tree.place / "cgroup.subtree_control").write_text(_handed_on(tree))
                group.mkdir(exist_ok=True)
                _take_over(tree, group)
                return group
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(tree.place))

    def _tried(self, tree: Tree) -> Tree:
        """Return the group below which those of instances are, if it can be made. Raises OSError.

        It is not made before an instance needs it: a process that is killed right then would leave it.
        """
        if not os.access(tree.place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tree.place))
        if tree.version == 2:
            (tree.place / "cgroup.subtree_control").write_text(_handed_on(tree))
        # Of the first version, whether a kind may be set is seen only by setting it.
        return msgspec.structs.replace(tree, place=tree.place / self.name)

    def _note(self) -> None:
        """Write down where groups are made. Raises OSError."""
        known = _noted(self._directory)
        new = [str(tree.place) for tree in self._trees if str(tree.place) not in known]
        if new:
            with (self._directory / _PLACES).open("a") as file:
                file.write("".join(f"{each}\n" for each in new))


def _limits(tree: Tree) -> bool:
    """Whether something is limited by groups there; others are only looked at."""
    return not set(tree.kinds).isdisjoint(_KINDS)


def _take_over(tree: Tree, group: Path) -> None:
    """Let a group have the processors and memory nodes of the one above it, where its kind does not do so by itself."""
    if tree.version == 1 and "cpuset" in tree.kinds:
        for name in _TAKEN_OVER:
            (group / name).write_text((group.parent / name).read_text())


def end_groups(directory: Path) -> None:
    """Remove the groups of all instances of a node's directory, wherever they were made; all processes have ended."""
    for place in map(Path, _noted(directory)):
        with suppress(OSError):
            remove(str(each) for each in place.iterdir() if each.is_dir())
            place.rmdir()
    (directory / _PLACES).unlink(missing_ok=True)


def _noted(directory: Path) -> list[str]:
    try:
        return (directory / _PLACES).read_text().splitlines()
    except OSError:
        return []


def _handed_on(tree: Tree) -> str:
    return " ".join(f"+{kind}" for kind in tree.kinds)


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
    left = {*_KINDS, *_LOOKED_FOR}
    unified = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        root, place = fields[3], Path(fields[4])
        if kind == "cgroup":
            offered = left.intersection(options.split(","))
            kinds = tuple(each for each in _KINDS if each in offered) or tuple(sorted(offered))
            if kinds:
                left -= offered
                yield Tree(_below(place, root, paths.get(kinds[0], "/")), kinds, 1, place.name)
        elif kind == "cgroup2":
            unified = place, root
    if unified is not None and left:
        place, root = unified
        here = _below(place, root, paths.get("", "/"))
        # A group with processes hands nothing on; the one above it does.
        base = here if here == place else here.parent
        with suppress(OSError):
            left.intersection_update((base / "cgroup.controllers").read_text().split())
            kinds = tuple(each for each in _KINDS if each in left)
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
    return {name: value for kind in tree.kinds for name, value in of_version.get(kind, {}).items()}
