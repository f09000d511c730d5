"""Runs a command where the machine refuses something, as other machines do: `python restrictions.py KIND -- CMD…`.

Each kind is the real thing in small: a limit of a user namespace of the command's own, a filter of system calls, a file
system that can't be written. Nothing outside the command sees it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
# The numbers of system calls: unshare and socket.
_CALLS = {"x86_64": (272, 41), "aarch64": (97, 198)}
_NOBODY, FURTHER = 65534, 300_000
_NETLINK, _NETFILTER = 16, 12


def restricted(kind: str, *command: str) -> list[str]:
    """Return the words that run a command with a restriction."""
    return [sys.executable, __file__, kind, "--", *command]


def refusal_of(kind: str) -> str:
    """Why a restriction can't be made here; empty when it can."""
    done = subprocess.run(restricted(kind, "true"), capture_output=True, text=True, check=False)
    return (
        "" if done.returncode == 0 else f"{kind} can't be made here: {done.stderr.strip().splitlines()[-1:]}"
    )


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _own_user_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(_NEWUSER | _NEWNS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _check(_libc.mount(b"none", b"/", b"none", _REC | _PRIVATE, None), "/")


def _limit(name: str) -> None:
    _own_user_namespace()
    Path("/proc/sys/user", name).write_text("0")


def _filter(*instructions: tuple[int, int, int, int]) -> None:
    """Let the kernel ask a program of BPF about every system call from now on."""
    code = b"".join(struct.pack("=HBBI", *each) for each in instructions)
    kept = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(instructions), ctypes.addressof(kept)))
    _check(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_libc.prctl(_SET_SECCOMP, _MODE_FILTER, program, 0, 0), "seccomp")


def _load(offset: int) -> tuple[int, int, int, int]:
    return 0x20, 0, 0, offset


def _unless(value: int, skipped: int) -> tuple[int, int, int, int]:
    return 0x15, 0, skipped, value


def _return(value: int) -> tuple[int, int, int, int]:
    return 0x06, 0, 0, value


def no_unshare() -> None:
    """No namespaces, as by the filter of a container."""
    unshare, _ = _CALLS[platform.machine()]
    _filter(_load(0), _unless(unshare, 1), _return(_ERRNO | errno.EPERM), _return(_ALLOW))


def no_nftables() -> None:
    """No netfilter sockets, as where the kernel has no nf_tables."""
    _, socket = _CALLS[platform.machine()]
    _filter(
        _load(0), _unless(socket, 5), _load(16), _unless(_NETLINK, 3), _load(32), _unless(_NETFILTER, 1),
        _return(_ERRNO | errno.EPROTONOSUPPORT), _return(_ALLOW),
    )  # fmt: skip


def no_user_namespaces() -> None:
    """user.max_user_namespaces is 0."""
    _limit("max_user_namespaces")


def no_network_namespaces() -> None:
    """user.max_net_namespaces is 0."""
    _limit("max_net_namespaces")


def few_network_namespaces() -> None:
    """There may be two network namespaces until the file that LIFTED names is there."""
    _own_user_namespace()
    limit = Path("/proc/sys/user/max_net_namespaces")
    limit.write_text("2")
    lifted, parent = Path(os.environ["LIFTED"]), os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent and not lifted.exists():
            time.sleep(0.05)
        limit.write_text("100")
        os._exit(0)


def read_only_sysctls() -> None:
    """/proc/sys can't be written, as in containers."""
    _own_user_namespace()
    _check(_libc.mount(b"/proc/sys", b"/proc/sys", b"none", _BIND | _REC, None), "/proc/sys")
    _check(_libc.mount(b"none", b"/proc/sys", b"none", _BIND | _REMOUNT | _RDONLY, None), "/proc/sys")


def hidden_proc() -> None:
    """/proc is empty."""
    _own_user_namespace()
    _check(_libc.mount(b"none", b"/proc", b"tmpfs", 0, None), "/proc")


def _own_proc(options: str) -> None:
    """Another /proc, which this user must be root for; the command runs as nobody in particular."""
    _check(_libc.unshare(_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", b"none", _REC | _PRIVATE, None), "/")
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, options.encode()), "/proc")


def proc_of_own_processes() -> None:
    """In /proc are the processes alone that this user may look into, as hardened machines have it."""
    _own_proc("hidepid=2")


def proc_of_processes_alone() -> None:
    """In /proc are processes and nothing else."""
    _own_proc("subset=pid")


def few_files() -> None:
    """A process may have 40 open files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


def further_ids() -> None:
    """The command runs as nobody in particular, who has subordinate ids; this user must be root for it."""
    _check(_libc.unshare(_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", b"none", _REC | _PRIVATE, None), "/")
    with tempfile.NamedTemporaryFile("w") as listed:
        listed.write(f"{_NOBODY}:{FURTHER}:65536\n")
        listed.flush()
        Path(listed.name).chmod(0o644)
        for name in (b"/etc/subuid", b"/etc/subgid"):
            _check(_libc.mount(listed.name.encode(), name, b"none", _BIND, None), name.decode())
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


KINDS = {
    "further-ids": further_ids,
    "no-unshare": no_unshare,
    "no-nftables": no_nftables,
    "no-user-namespaces": no_user_namespaces,
    "no-network-namespaces": no_network_namespaces,
    "few-network-namespaces": few_network_namespaces,
    "read-only-sysctls": read_only_sysctls,
    "hidden-proc": hidden_proc,
    "few-files": few_files,
    "proc-of-own-processes": proc_of_own_processes,
    "proc-of-processes-alone": proc_of_processes_alone,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
    os.execvp(sys.argv[3], sys.argv[3:])
