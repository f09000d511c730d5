"""A root of its own for an attached program that is to see none of this user's files.

It has this machine's programs, a few settings that hold no secret, one directory if that is wanted, all read-only, and
places in memory to write to. The former root is let go of, so that nothing leads back to it.
"""

from __future__ import annotations

import os
from pathlib import Path

from understudy_aws.dataplane.linux.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    make_read_only,
    mount,
    pivot_root,
    unmount,
)
from understudy_aws.dataplane.runtime.isolation import SETTINGS
from understudy_aws.dataplane.runtime.managed import SHOWN

_ROOT = Path("/run/understudy-root")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS_OF_DEVICES = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# What is written is in memory, and bounded.
_OF_FILES, _OF_SYSTEM = "size=2g,mode=1777", "size=1m,mode=755"


def enter_own_root(owner: tuple[int, int], readable: str) -> None:
    """Give the calling process, which may mount, a root of its own, in which `readable` can be read unless it is empty.

    `owner` are the user and group that it is. Raises OSError.
    """
    _ROOT.mkdir()
    _memory(_ROOT, _OF_SYSTEM)
    for path in map(Path, SHOWN):
        if path.is_symlink():
            (_ROOT / path.relative_to("/")).symlink_to(path.readlink())
        else:
            _show(path)
    for name in (*SETTINGS, "nsswitch.conf"):
        _show(Path("/etc", name))
    _name_user(owner)
    for place in ("/proc", "/sys"):
        _bind(Path(place), MS_BIND | MS_REC)
    make_read_only(str(_ROOT / "sys"))
    # What stands there was put there for the program alone; its root is mounted there, and left out.
    _bind(Path("/run"), MS_BIND)
    _make_devices(_ROOT / "dev")
    (_ROOT / "tmp").mkdir()
    _memory(_ROOT / "tmp", _OF_FILES)
    (_ROOT / "var").mkdir()
    (_ROOT / "var/tmp").symlink_to("../tmp")
    if readable:
        _show(Path(readable))
    os.chdir(_ROOT)
    pivot_root()
    unmount(".")
    os.chdir("/")
    mount("none", "/", "none", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _memory(place: Path, options: str) -> None:
    mount("tmpfs", str(place), "tmpfs", MS_NOSUID | MS_NODEV, options)


def _bind(path: Path, flags: int) -> Path:
    """Have what is at a path at the same path of the root."""
    target = _ROOT / path.relative_to("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(path), str(target), "none", flags)
    return target


def _show(path: Path) -> None:
    """Show a file or a directory with all that is mounted in it, read-only; nothing where there is none."""
    if path.exists():
        make_read_only(str(_bind(path, MS_BIND | MS_REC)))


def _name_user(owner: tuple[int, int]) -> None:
    user, group = owner
    names = "" if user == 0 else f"user:x:{user}:{group}::/tmp:/bin/sh\n"
    groups = "" if group == 0 else f"user:x:{group}:\n"
    (_ROOT / "etc/passwd").write_text(f"root:x:0:0:root:/tmp:/bin/sh\n{names}")
    (_ROOT / "etc/group").write_text(f"root:x:0:\n{groups}")


def _make_devices(place: Path) -> None:
    place.mkdir()
    _memory(place, _OF_SYSTEM)
    for name in _DEVICES:
        _bind(Path("/dev", name), MS_BIND)
    for name, target in _LINKS_OF_DEVICES.items():
        (place / name).symlink_to(target)
    for name in ("pts", "shm"):
        (place / name).mkdir()
    # Of its own: those of the machine are other programs' terminals.
    mount(
        "devpts", str(place / "pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"
    )
    _memory(place / "shm", _OF_FILES)
    mount("none", str(place), "none", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
