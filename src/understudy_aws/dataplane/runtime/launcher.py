"""Starts the program of one instance, told by its input, in a process that the fork server forks (`fork_server.py`).

What it is told stands in no argument, since other users see those. It prints the record of the start and ends; the
program becomes a child of the holder, so that it goes on when whoever asked for it ends, and ends with the holder.

Only one launcher at a time starts an instance: it holds a lock until the program's record is written, and whoever
comes then finds that it runs.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import shutil
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    bound_capabilities,
    mount,
    setns,
    unshare,
)
from understudy_aws.dataplane.linux.user_maps import FIRST, enter_range
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.control_groups import processes_of
from understudy_aws.dataplane.runtime.driver import Running
from understudy_aws.dataplane.runtime.records import LOCK, STATUS, observed, opened_spool, write_record
from understudy_aws.dataplane.runtime.sandbox import CAPABILITIES

# Of the directories of an instance's own: programs look for the mode that they have elsewhere.
_OF_EVERYBODY = {"tmp", "var-tmp", "shm"}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

SEEN_BY_ALL = "/tmp"  # noqa: S108 - where a mount of this instance's own is
"""Where the layer is mounted for users of an image's own, who don't come into this user's directories."""

FILES = "files"
"""The directory of a layer with copies of files for such users."""


class Overlay(msgspec.Struct, frozen=True):
    """A directory that gets a layer over it in which an instance writes; it is made at `name` of the layer's place."""

    lower: str
    name: str


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What a launcher is told.

    `words` are bubblewrap's, `command` is what it runs, and `seccomp` the filter in hexadecimal digits. In `layer`, a
    directory of at most `layer_bytes` that only this instance sees, `directories` and `overlays` are made; in `root`,
    which is one of these, there are then directories at `points` and `made`, and files at `files`. `groups` are
    control groups that the process enters, and `limits` those of the process, by their number. With `is_root` the
    program is root, in `group`, of a user namespace that has the holder's range of ids; it reads `copies` of files.
    With `is_one_user` it is an image's root without that.
    """

    id: str
    program: str
    start: int
    port: int
    place: str
    spool: str
    network: str
    identity: str
    holder: int
    bubblewrap: str
    words: tuple[str, ...]
    command: tuple[str, ...]
    layer: str
    layer_bytes: int
    directories: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    root: str = ""
    made: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    points: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limits: tuple[tuple[int, int], ...] = ()
    seccomp: str = ""
    token: str = ""
    is_root: bool = False
    group: int = 0
    is_one_user: bool = False
    copies: tuple[str, ...] = ()

    @property
    def owner(self) -> int:
        """The user and group of the program's root, by their number here."""
        return FIRST if self.is_root else 0


def main() -> int:
    """Start what the input says."""
    launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)
    place = Path(launch.place)
    lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    found = observed(place)
    if found is not None and found.runs:
        os.write(1, msgspec.json.encode(found.record))
        return 0
    network = os.open(launch.network, os.O_RDONLY | os.O_CLOEXEC)
    holder = os.pidfd_open(launch.holder)
    setns(network, CLONE_NEWNET)
    # Nothing else has this network: a program listens on any port without a right to, as it does in a container.
    with suppress(OSError):
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
    _make_layer(launch)
    setns(holder, CLONE_NEWPID)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    # A process whose parent in its own process namespace has ended becomes the holder's.
    between = os.getpid()
    if os.fork():
        os._exit(0)
    try:
        _become(launch, between)
    except OSError as error:
        os.write(2, f"{error.filename or launch.id}: {error.strerror}\n".encode())
    os._exit(126)


def _make_layer(launch: Launch) -> None:
    """Mount what the instance may write to, where nobody else sees it."""
    unshare(CLONE_NEWNS)
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    layer = Path(launch.layer)
    mount("tmpfs", launch.layer, "tmpfs", MS_NOSUID | MS_NODEV, f"size={launch.layer_bytes},mode=0755")
    for name in launch.directories:
        _make(layer / name, launch.owner)
        if name in _OF_EVERYBODY:
            (layer / name).chmod(0o1777)
    for overlay in launch.overlays:
        upper, work, merged = (layer / f"{overlay.name}{end}" for end in (".upper", ".work", ""))
        for each in (upper, work, merged):
            each.mkdir()
        lower = Path(overlay.lower).stat()
        os.chown(upper, lower.st_uid, lower.st_gid)
        upper.chmod(lower.st_mode & 0o7777)
        options = f"lowerdir={_escaped(overlay.lower)},upperdir={upper},workdir={work},userxattr"
        mount("overlay", str(merged), "overlay", MS_NOSUID | MS_NODEV, options)
    if launch.root:
        for point in (*launch.points, *launch.files):
            _make_point(Path(launch.root), point, launch.owner, is_file=point in launch.files)
        for directory in launch.made:
            _make_directory(Path(launch.root), directory, launch.owner)
    if launch.copies:
        (layer / FILES).mkdir()
    for text in launch.copies:
        _make_copy(Path(text), layer / FILES, launch.owner)


def _make(directory: Path, owner: int) -> None:
    directory.mkdir(0o755)
    os.chown(directory, owner, owner)


def _make_copy(file: Path, directory: Path, owner: int) -> None:
    copy = directory / file.name
    copy.write_bytes(file.read_bytes())
    copy.chmod(0o644)
    os.chown(copy, owner, owner)


def _make_point(root: Path, point: str, owner: int, *, is_file: bool) -> None:
    """Have a place in an image where bubblewrap can mount; links on its way give way, which could lead out of it."""
    place = root
    names = [name for name in point.split("/") if name not in {"", ".", ".."}]
    for at, name in enumerate(names, 1):
        place /= name
        wanted_file = is_file and at == len(names)
        kind = place.lstat().st_mode if os.path.lexists(place) else 0
        if kind and not (stat.S_ISREG(kind) if wanted_file else stat.S_ISDIR(kind)):
            if stat.S_ISDIR(kind):
                shutil.rmtree(place)
            else:
                place.unlink()
            kind = 0
        if not kind and wanted_file:
            place.touch(0o644)
            os.chown(place, owner, owner)
        elif not kind:
            _make(place, owner)


def _make_directory(root: Path, directory: str, owner: int) -> None:
    """Make a directory that an image names and need not have; behind links it must have it."""
    place = root
    for name in directory.split("/"):
        place /= name
        if place.is_symlink():
            return
        if not place.is_dir():
            _make(place, owner)


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _become(launch: Launch, between: int) -> NoReturn:
    """Become bubblewrap, as the holder's child, once the start is noted."""
    with suppress(ProcessLookupError):
        # It has ended when this can be read, and this process is the holder's child.
        ended = select.poll()
        ended.register(os.pidfd_open(between), select.POLLIN)
        ended.poll()
    os.setsid()
    for entered in processes_of(launch.groups):
        Path(entered).write_text("0")
    for number, most in launch.limits:
        _, hard = resource.getrlimit(number)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (allowed, allowed))
    place = Path(launch.place)
    spool = opened_spool(launch.spool)
    status = os.open(place / STATUS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    seccomp = _in_memory(bytes.fromhex(launch.seccomp))
    # The environment is among the words, in which there may be secrets.
    first = ("--json-status-fd", str(status), "--seccomp", str(seccomp))
    given = _in_memory("".join(f"{each}\0" for each in (*first, *launch.words)).encode())
    # `/proc` is that of the machine, where this process has another number than it knows.
    pid = int(Path("/proc/self").readlink().name)
    record = Running(
        id=launch.id, program=launch.program, pid=pid, started=start_of(pid), start=launch.start,
        port=launch.port, output_from=os.fstat(spool).st_size, network=launch.identity,
        groups=launch.groups, stop_signal=launch.stop_signal, is_one_user=launch.is_one_user,
    )  # fmt: skip
    write_record(place, record)
    # Whoever asked may have been killed meanwhile; the next node finds the record.
    with suppress(OSError):
        os.write(1, msgspec.json.encode(record))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (spool, 1), (spool, 2)):
        os.dup2(descriptor, number)
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    kept = {0, 1, 2, status, seccomp, given}
    for each in list(Path("/proc/self/fd").iterdir()):
        # The lock is let go of here, too, now that the start is noted.
        if int(each.name) not in kept:
            with suppress(OSError):
                os.close(int(each.name))
    for descriptor in (status, seccomp, given):
        os.set_inheritable(descriptor, True)
    os.chdir("/")
    own = {"PATH": "/usr/bin:/bin", "UNDERSTUDY_NODE": launch.token}
    with suppress(OSError):
        # Bubblewrap looks its child up by the number that it knows, which is another one on the machine. Where this is
        # refused, there must be a process of that number.
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    # Nothing of the instance's environment is bubblewrap's own: it still has the network's rights.
    # It is opened by this user: another may not come to where it is.
    program = os.open(launch.bubblewrap, os.O_RDONLY | os.O_CLOEXEC)
    if launch.is_root:
        _become_root(launch)
    os.execve(program, ["bwrap", "--args", str(given), "--", *launch.command], own)  # noqa: S606 - found by name


def _become_root(launch: Launch) -> None:
    """Become root of a user namespace of the instance's own: what it has of rights counts for its own files alone."""
    # Programs open their standard output by its name, too.
    os.fchmod(1, 0o602)
    mount(launch.layer, SEEN_BY_ALL, "none", MS_BIND | MS_REC)
    enter_range(launch.group, CLONE_NEWUSER)
    with suppress(OSError):
        # The filter of system calls refuses them as well.
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    bound_capabilities(CAPABILITIES.values())


def _in_memory(data: bytes) -> int:
    """Return a descriptor that this can be read from."""
    made = os.memfd_create("words")
    os.write(made, data)
    os.lseek(made, 0, os.SEEK_SET)
    return made
