"""Further ids of user namespaces: those of this user beside its own, by which an image's root can become its others.

An ordinary user has a range of subordinate ids in `/etc/subuid` and `/etc/subgid`, and a program of the system's maps
it (newuidmap(1)). Root takes one that systemd's list leaves to nobody, unless these files name one. In the holder's
namespace 0 is this user, as ever, and the range follows from 1 on.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from understudy_aws.dataplane.linux.syscalls import unshare

COUNT = 65536
"""How many ids a range has: those that an image's files and users may have."""

FIRST = 1
"""The first id of the range in the holder's namespace; what is there has all of them."""

# Above those of containers and below those of foreign files (systemd's UIDS-GIDS.md: 0x70000000 to 0x7FFDFFFF, unused).
_OF_ROOT = 0x70000000
_LISTS = (Path("/etc/subuid"), Path("/etc/subgid"))
_PROGRAMS = ("newuidmap", "newgidmap")
_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_SECONDS = 10
_OWN_MAPS = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))


class Range(NamedTuple):
    """The first of `COUNT` users and of as many groups."""

    user: int
    group: int


def found_range() -> Range | None:
    """Return the further ids that this user may map; None when there are none, or nothing that maps them."""
    user, group = (_listed(each) for each in _LISTS)
    if os.geteuid() == 0:
        if user is None or group is None:
            user = group = _OF_ROOT
        here = all(_has(map, id) for map, id in zip(_OWN_MAPS, (user, group), strict=True))
        return Range(user, group) if here else None
    if user is None or group is None or any(shutil.which(each, path=_PATH) is None for each in _PROGRAMS):
        return None
    return Range(user, group)


def obstacle() -> str:
    """Return why this user can map no further ids, with the remedy; empty when it can."""
    if found_range() is not None:
        return ""
    if os.geteuid() == 0:
        return "root has no further ids here, as in a container"
    programs = [each for each in _PROGRAMS if shutil.which(each, path=_PATH) is None]
    if programs:
        return f"{' and '.join(programs)} not installed (`sudo apt install uidmap`)"
    name, ids = _name(), "100000-165535"
    return (
        f"{name} has no {COUNT} ids in {' and '.join(map(str, _LISTS))} (`sudo usermod --add-subuids {ids} "
        f"--add-subgids {ids} {name}`, or ids that nobody else there has)"
    )


def is_mapped() -> bool:
    """Whether the calling process is in a holder's namespace that has the range."""
    return all(any(line[0] == FIRST and line[2] >= COUNT for line in _lines(each)) for each in _OWN_MAPS)


def enter_root_of(user: int, group: int, flags: int) -> None:
    """Enter new namespaces, among them one of users where root is this user, with further ids if it has some.

    The process must have one thread alone. Raises OSError.
    """
    found = found_range()
    if found is None:
        unshare(flags)
    else:
        _enter(flags, partial(_map_outside, user, group, found))
    maps = zip(_OWN_MAPS, (user, group), strict=True)
    for place, id in maps:
        # Whoever was asked to map more may have refused one of them, or both.
        if not place.read_text().strip():
            if place.name == "gid_map":
                Path("/proc/self/setgroups").write_text("deny")
            place.write_text(f"0 {id} 1")


def enter_range(group: int, flags: int) -> None:
    """Enter, from a holder's namespace, a user namespace that has the range alone, as its root in a group.

    The process must have one thread alone. Raises OSError.
    """
    _enter(flags, _map_inside)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(0, 0, 0)


def _enter(flags: int, map: Callable[[int], None]) -> None:
    """Enter new namespaces while a child that does not tells the kernel which ids there are; it may fail."""
    # `/proc` is that of the machine, where this process has another number than it knows.
    number = int(Path("/proc/self").readlink().name)
    entered, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        _map(entered, partial(map, number))
    os.close(entered)
    try:
        unshare(flags)
        os.write(tell, b"e")
    finally:
        os.close(tell)
        os.waitpid(child, 0)


def _map(entered: int, map: Callable[[], None]) -> NoReturn:
    with suppress(OSError, subprocess.SubprocessError):
        if os.read(entered, 1):
            map()
    os._exit(0)


def _map_outside(user: int, group: int, found: Range, number: int) -> None:
    for program, name, own, first in (
        ("newuidmap", "uid_map", user, found.user),
        ("newgidmap", "gid_map", group, found.group),
    ):
        if user == 0:
            Path(f"/proc/{number}/{name}").write_text(f"0 {own} 1\n{FIRST} {first} {COUNT}\n")
        else:
            words = [str(each) for each in (number, 0, own, 1, FIRST, first, COUNT)]
            subprocess.run(  # noqa: S603 - found by name
                [shutil.which(program, path=_PATH) or program, *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_SECONDS,
                check=True,
            )  # fmt: skip


def _map_inside(number: int) -> None:
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{number}/{name}").write_text(f"0 {FIRST} {COUNT}\n")


def _has(map: Path, first: int) -> bool:
    """Whether all of a range are known to a map of ids."""
    return any(start <= first and first + COUNT <= start + count for start, _, count in _lines(map))


def _lines(map: Path) -> list[tuple[int, int, int]]:
    """Return the lines of a map as the kernel shows it: an id, what it is outside, and how many follow it."""
    with suppress(OSError):
        rows = (line.split() for line in map.read_text().splitlines())
        return [(int(start), int(outside), int(count)) for start, outside, count in rows]
    return []


def _listed(file: Path) -> int | None:
    """Return the first id of a large enough range that a file has for this user, by its name or number."""
    names = {_name(), str(os.geteuid())}
    with suppress(OSError, UnicodeDecodeError):
        for line in file.read_text().splitlines():
            fields = line.split(":")
            if len(fields) == len(("name", "start", "count")) and fields[0] in names:
                with suppress(ValueError):
                    start, count = int(fields[1]), int(fields[2])
                    if count >= COUNT and start > 0:
                        return start
    return None


def _name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
