"""Commands of other people's source code, run apart from this machine: by bubblewrap, without any capability.

A command sees programs and libraries of this machine, read-only, a few files of `/etc` that hold no secret, the
directories that it is given, and nothing else: no home, no sockets of services, no other processes. Where the machine
lets nobody make namespaces, commands run as plain processes of this user, which whoever runs them has to say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime.managed import SHOWN
from understudy_aws.dataplane.runtime.sandbox import proc_words

NOT_INSTALLED = "bubblewrap is not installed (`sudo apt install bubblewrap`)"
"""Why commands are not run apart where the machine would allow it."""

WORKING_DIRECTORY, HOME = "/app", "/home/app"
"""Where a source tree and what was installed for it are seen inside."""

_ASK_SECONDS = 20
_USER = 1000
# What programs look up, and what tells them which certificates to trust; nothing secret.
SETTINGS = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "host.conf",
    "hosts", "java", "java-8-openjdk", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "java-25-openjdk",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "maven", "mime.types", "npmrc", "os-release",
    "php", "pip.conf", "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem", "protocols", "python3", "python3.11",
    "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf", "timezone", "xdg/pip",
)  # fmt: skip

# What a command has in memory for what it writes beside the directories that it is given.
_MEMORY_FILES, _SHARED_MEMORY = 2 * 1024**3, 256 * 1024**2


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A directory or file of this machine, and where a command sees it."""

    source: str
    target: str
    writable: bool = False


@cache
def obstacle() -> str:
    """Return why commands can't be run apart from this machine; empty when they can."""
    program = shutil.which("bwrap")
    if program is None:
        return NOT_INSTALLED
    try:
        tried = subprocess.run(  # noqa: S603 - a program found by name
            [*_namespaces(program), "--ro-bind", "/", "/", "--proc", "/proc", "--", "/bin/true"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run: {error}"
    said = tried.stderr.strip().splitlines()
    return (
        f"bubblewrap can't make namespaces: {said[-1] if said else tried.returncode}"
        if tried.returncode
        else ""
    )


def find_out() -> None:
    """Find out for all processes that are forked from this one what commands can be run by.

    That they can't is not kept: it may change at any time.
    """
    if obstacle():
        obstacle.cache_clear()
    else:
        _empty()


def isolated(
    command: Sequence[str],
    mounts: Sequence[Mount],
    *,
    directory: str,
    place: Path,
    files: Mapping[str, str] | None = None,
    network: bool = True,
) -> list[str]:
    """Return the words that run a command with these mounts, in a directory.

    It gets the environment that bubblewrap is started with, and the network that it is in, or none. What `files` has is
    seen as files of `/etc`; they are kept at `place`.
    """
    words = _namespaces(shutil.which("bwrap") or "bwrap")
    if not network:
        words.append("--unshare-net")
    for path in SHOWN:
        words += _shown(Path(path))
    words += [*proc_words(), *_empty()]
    given = {**_names(), **(files or {})}
    for name in SETTINGS:
        if name not in given:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for name, text in given.items():
        file = place / name
        write_if_other(file, text)
        words += ["--ro-bind", str(file), f"/etc/{name}"]
    for mount in mounts:
        words += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    # What bubblewrap begins with is in memory, and has no bounds of ours.
    return [*words, "--remount-ro", "/", "--chdir", directory, "--", *command]


def _empty() -> list[str]:
    """Return the words for directories that begin empty, and are bounded."""
    words = ["--dir", "/etc", "--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108
    words += ["--dev", "/dev"]
    for place, size in (("/tmp", _MEMORY_FILES), ("/dev/shm", _SHARED_MEMORY)):  # noqa: S108
        if _knows(shutil.which("bwrap") or "bwrap", "--size"):
            words += ["--size", str(size)]
        words += ["--tmpfs", place]
    return [*words, "--remount-ro", "/dev"]


def _namespaces(program: str) -> list[str]:
    words = [
        program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--uid", str(_USER), "--gid", str(_USER), "--cap-drop", "ALL", "--hostname", "build",
        "--die-with-parent", "--new-session",
    ]  # fmt: skip
    return [*words, "--disable-userns"] if _knows(program, "--disable-userns") else words


@cache
def _knows(program: str, word: str) -> bool:
    """Whether this bubblewrap takes a word: those of 0.8 and newer keep commands from making namespaces."""
    try:
        said = subprocess.run(  # noqa: S603 - a program found by name
            [program, "--help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return word in said.stdout + said.stderr


def _shown(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.is_dir() else []


def _names() -> dict[str, str]:
    return {
        "passwd": (
            "root:x:0:0:root:/:/bin/sh\n"
            f"app:x:{_USER}:{_USER}:app:{HOME}:/bin/sh\n"
            "nobody:x:65534:65534::/:/bin/false\n"
        ),
        "group": f"root:x:0:\napp:x:{_USER}:\nnogroup:x:65534:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def write_if_other(file: Path, text: str) -> None:
    """Write a file that commands may be reading, unless it has this text."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A command that runs sees the same file.
    if not file.exists() or file.read_text() != text:
        unfinished = file.with_name(f"{file.name}.{os.getpid()}")
        unfinished.write_text(text)
        unfinished.rename(file)
