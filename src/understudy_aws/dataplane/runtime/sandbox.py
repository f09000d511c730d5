"""What an instance sees of the machine, as bubblewrap's words: programs and libraries to read, and files of its own.

Everything else is not there: no home, no state of Understudy, no sockets of services, no other processes, no devices
but those that any program needs. What it writes goes to a layer that is bounded and ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime.control_groups import Shown
from understudy_aws.dataplane.wanted_services import Pairs

PROGRAMS = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/opt", "/nix/store")
"""What is seen of a machine where an instance has no image: where systems keep programs."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = 1000
CAPABILITIES: Mapping[str, int] = {
    "CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_FSETID": 4, "CAP_KILL": 5, "CAP_SETGID": 6,
    "CAP_SETUID": 7, "CAP_SETPCAP": 8, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_CHROOT": 18,
}  # fmt: skip
"""What root of an image has of what Docker gives by itself, with the numbers of capabilities(7).

Not taken are CAP_NET_RAW, CAP_MKNOD and CAP_AUDIT_WRITE, which are worth nothing in a user namespace that has no
network, and CAP_SETFCAP, since no program gains a capability by being started.
"""
HOME = "/home/app"

# What programs look up, and which certificates they trust: nothing that is secret, also from root.
_SETTINGS = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "host.conf",
    "java", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "localtime", "magic", "mime.types", "os-release", "php", "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem",
    "protocols", "python3", "python3.11", "python3.12", "python3.13", "services", "ssl/certs", "ssl/openssl.cnf",
    "timezone",
)  # fmt: skip
# What root might write, and what the kernel tells of the machine.
_SETTINGS_OF_THE_KERNEL = ("sys", "sysrq-trigger", "irq", "bus")
_MASKED_FILES = ("kcore", "keys", "kmsg", "latency_stats", "sched_debug", "timer_list", "kallsyms", "modules")
_SYS = "/sys"
_NO_GROUPS = Shown()
_MASKED_DIRECTORIES = ("acpi", "fs", "scsi", "driver", "tty")


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A directory or file of this machine, and where an instance sees it."""

    source: str
    target: str
    writable: bool = False


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """What bubblewrap is told of an instance.

    `root` is the directory that it sees as `/`; without one it sees this machine's programs. `mounts` come on top, in
    their order; `private` are pairs of a place such as `/tmp` and the directory that is seen there. `files` are pairs
    of a name below `/etc` and the file that is seen there. `hidden` are directories of this machine that stand below
    what is shown. `groups` are its control groups. With `is_root` it has
    users of its own, whose root bubblewrap is already and stays.
    """

    environment: Pairs
    directory: str
    hostname: str
    files: Pairs
    private: Pairs
    root: str = ""
    mounts: tuple[Mount, ...] = ()
    hidden: tuple[str, ...] = ()
    user: int = USER
    group: int = USER
    groups: Shown = _NO_GROUPS
    forbids_namespaces: bool = True
    is_root: bool = False


def words_for(sandbox: Sandbox) -> tuple[str, ...]:
    """Return bubblewrap's words before the command, of which the environment is a part."""
    words = _user_words(sandbox)
    words += [
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", sandbox.hostname,
        "--die-with-parent", "--new-session", "--clearenv",
    ]  # fmt: skip
    for name, value in sandbox.environment:
        words += ["--setenv", name, value]
    words += ["--bind", sandbox.root, "/"] if sandbox.root else _this_machine(sandbox.hidden)
    words += proc_words()
    words += ["--dev", "/dev"]
    for target, source in sandbox.private:
        words += ["--bind", source, target]
    words += ["--remount-ro", "/dev"]
    words += _group_words(sandbox.groups)
    for name, source in sandbox.files:
        words += ["--ro-bind", source, f"/etc/{name}"]
    for mount in sandbox.mounts:
        words += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    if not sandbox.root:
        # What bubblewrap begins with is in memory, and has no bounds of ours.
        words += ["--remount-ro", "/"]
    return (*words, "--chdir", sandbox.directory)


def _user_words(sandbox: Sandbox) -> list[str]:
    """Return the words for users and capabilities."""
    if sandbox.is_root:
        return ["--cap-drop", "ALL", *(word for name in CAPABILITIES for word in ("--cap-add", name))]
    words = ["--unshare-user", "--uid", str(sandbox.user), "--gid", str(sandbox.group), "--cap-drop", "ALL"]
    return [*words, "--disable-userns"] if sandbox.forbids_namespaces else words


def _group_words(groups: Shown) -> list[str]:
    """Return the words for `/sys`, which has nothing but control groups to read; none where there are none."""
    if not groups.directories:
        return []
    words = ["--tmpfs", _SYS]
    for place, source in groups.directories:
        words += ["--ro-bind", source, place]
    for place, target in groups.links:
        words += ["--symlink", target, place]
    return [*words, "--remount-ro", _SYS]


def proc_words() -> list[str]:
    """Return the words for `/proc`: a program's own, without what tells of the machine or can change it.

    Root of the machine needs no capability to write settings of the kernel, such as what cores are piped to. Bubblewrap
    makes only those directories read-only that it could write to itself.
    """
    words = ["--proc", "/proc"]
    for name in _SETTINGS_OF_THE_KERNEL:
        if Path(f"/proc/{name}").exists():
            words += ["--ro-bind", f"/proc/{name}", f"/proc/{name}"]
    for name in _MASKED_FILES:
        if Path(f"/proc/{name}").exists():
            words += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    for name in _MASKED_DIRECTORIES:
        if Path(f"/proc/{name}").is_dir():
            words += ["--tmpfs", f"/proc/{name}", "--remount-ro", f"/proc/{name}"]
    return words


def _this_machine(hidden: Iterable[str]) -> list[str]:
    words = []
    for each in PROGRAMS:
        path = Path(each)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), each]
        elif path.is_dir():
            words += ["--ro-bind", each, each]
    for name in _SETTINGS:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for each in hidden:
        if any(Path(each).is_relative_to(shown) for shown in PROGRAMS):
            words += ["--tmpfs", each, "--remount-ro", each]
    return words


def name_files(hostname: str, address: str, resolver: str) -> Mapping[str, str]:
    """Return what stands in files below `/etc` by which names are looked up, also of users and of the instance."""
    return {
        "passwd": (
            "root:x:0:0:root:/root:/bin/sh\n"
            f"app:x:{USER}:{USER}:app:{HOME}:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/:/bin/false\n"
        ),
        "group": f"root:x:0:\napp:x:{USER}:\nnogroup:x:65534:\n",
        **network_files(hostname, address, resolver),
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def network_files(hostname: str, address: str, resolver: str) -> Mapping[str, str]:
    """Return the files of these that an image has from outside, too."""
    own = f"{address} {hostname}\n" if address else ""
    return {
        "hosts": f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{own}",
        "hostname": f"{hostname}\n",
        "resolv.conf": resolver,
    }
