"""What an attached program sees of the machine: this user's files, and little else.

Its network is an interface alone. It has processes, IPC and mounts of its own, no capability anywhere, and can gain
none. Files are this user's, but for those by which it would get out: the state of Understudy is hidden, and so are the
sockets of the machine's services in `/run`; `/proc/sys` and its like can't be written, which root could do without any
capability. It is no sandbox for files: decision 0024 says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.linux.own_root import enter_own_root
from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    unshare,
)

_RESOLVER_FILE = Path("/etc/resolv.conf")
_RUN = Path("/run")
OWN_FILES = _RUN
"""Where a program finds files that are its own alone."""
# Where our copy of the resolver's file stands when the system has its own elsewhere.
_OWN_RESOLVER_FILE = _RUN / "understudy-resolv.conf"
_NAME_SERVICES = Path("/etc/nsswitch.conf")
_OWN_NAME_SERVICES = _RUN / "understudy-nsswitch.conf"
_INERT = MS_NOSUID | MS_NODEV | MS_NOEXEC
# What root may write there is not asked for capabilities everywhere.
_SETTINGS_OF_THE_MACHINE = ("sys", "sysrq-trigger", "irq", "bus", "fs")


def leave_the_machine(
    owner: tuple[int, int],
    hidden: Iterable[Path],
    resolver: str,
    files: Mapping[str, str],
    readable: str | None = None,
) -> None:
    """Give the calling process namespaces of its own, in which the next process it forks is the first.

    `owner` are the user and group that it stays; `hidden` are directories that it sees empty, and `resolver` is what
    it finds as `/etc/resolv.conf`; `files` are texts of files by their names in `OWN_FILES`. With `readable` it has a
    root of its own (`own_root.py`). Raises OSError. The process still has capabilities in the new namespaces.
    """
    unshare(CLONE_NEWNS)
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    # The links that are seen there are those of the network in which it is mounted. Where the machine hides parts of
    # it, the kernel refuses that, and the host's names of links stay visible.
    with suppress(OSError):
        mount("sysfs", "/sys", "sysfs", _INERT | MS_RDONLY)
    unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{owner[0]} 0 1")
    Path("/proc/self/gid_map").write_text(f"{owner[1]} 0 1")
    for directory in hidden:
        if directory.is_dir():
            mount("tmpfs", str(directory), "tmpfs", _INERT | MS_RDONLY)
    _hide_services()
    _put_resolver_file(resolver)
    _look_names_up_by_dns()
    for name, text in files.items():
        (OWN_FILES / name).write_text(text)
    if readable is not None:
        enter_own_root(owner, readable)


def see_own_processes() -> None:
    """Have `/proc` show the processes of the calling process's namespace, whose first it is."""
    # Where the machine hides parts of it, as containers do, the kernel refuses that: the host's processes are seen
    # then, and still can be neither signaled nor looked into.
    with suppress(OSError):
        mount("proc", "/proc", "proc", _INERT)
    for name in _SETTINGS_OF_THE_MACHINE:
        path = f"/proc/{name}"
        with suppress(OSError):
            mount(path, path, "none", MS_BIND | MS_REC)
            mount("none", path, "none", MS_BIND | MS_REMOUNT | MS_RDONLY | _INERT)


def _hide_services() -> None:
    """Empty `/run`, where the machine's services have their sockets, but for links that lead elsewhere."""
    links = [(each.name, each.readlink()) for each in _RUN.iterdir() if each.is_symlink()]
    mount("tmpfs", str(_RUN), "tmpfs", MS_NOSUID | MS_NODEV)
    _RUN.chmod(0o755)
    for name, target in links:
        (_RUN / name).symlink_to(target)


def _put_resolver_file(text: str) -> None:
    place = _RESOLVER_FILE.resolve()
    if place.is_relative_to(_RUN):
        # A service of the machine keeps it there, so that it is hidden now.
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return
    _OWN_RESOLVER_FILE.write_text(text)
    mount(str(_OWN_RESOLVER_FILE), str(place), "none", MS_BIND)


def _look_names_up_by_dns() -> None:
    """Have the C library look names up in `/etc/hosts` and at the VPC's resolver, whatever the machine has it ask."""
    # Another C library than GNU's has no such file, and does nothing else.
    if _NAME_SERVICES.exists():
        _OWN_NAME_SERVICES.write_text(name_services(_NAME_SERVICES.read_text(errors="replace")))
        mount(str(_OWN_NAME_SERVICES), str(_NAME_SERVICES.resolve()), "none", MS_BIND)


def name_services(text: str) -> str:
    """Return the text of `/etc/nsswitch.conf` with hosts looked up in files and by DNS, and all else as it was."""
    others = (line for line in text.splitlines() if not line.lstrip().startswith("hosts:"))
    return "".join(f"{line}\n" for line in (*others, "hosts: files dns"))
