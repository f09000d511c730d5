"""What a running Understudy puts on the host, so that a test can see that nothing of it is left.

Seen are: processes, by what they were started with; the namespaces those lived in, which must have nobody in them;
links, mounts, rules of nftables and control groups of the host; sockets; and files in the folders a test names. Others
use the machine meanwhile, tests too: processes and sockets are those that name a folder of the test, control groups of
other nodes and what container engines make do not count, and what else comes and goes by others is waited for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.linux import nftables
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.runtime.control_groups import name_for

_KINDS = ("net", "mnt", "user", "pid", "ipc")
_PATIENCE = 20.0
_OURS = re.compile(r"understudy", re.IGNORECASE)
# Of container engines, which other tests run: links, where their namespaces are mounted, and tables.
_LINKS_OF_ENGINES = re.compile(r"veth|podman|docker|cni|br-|understudy$")
_MOUNTS_OF_ENGINES = re.compile(r"/engine-|/run/netns/|/run/docker/netns/")
_TABLES_OF_ENGINES = ("filter", "nat", "mangle", "raw", "security", "netavark")


class Traces:
    """The host as it is when this is made; its folder is in the path of everything that the test makes."""

    def __init__(self, folder: Path, *, keeps: tuple[str, ...] = (), node: Path | None = None) -> None:
        """Look at the host. `folder` is the test's, in which the files that match `keeps` may stay.

        With the directory of a `node` only what is named after it or the folder counts, as for tests that run beside
        others: no links and rules, of mounts and control groups its own.
        """
        self._token = str(folder)
        self._node = node
        self._folder = folder
        self._keeps = re.compile("|".join(keeps) or "(?!)")
        self._own = _namespaces(os.getpid())
        # Control groups of nodes that run for others, or did.
        self._of_others: set[str] = set()
        self._before = self._look()
        self._lived_in: set[str] = set()
        self._seen_at = 0.0

    def look(self) -> None:
        """Note the processes there are now, and the namespaces they live in; there must be some."""
        processes = dict(self._processes())
        for pid in processes:
            self._lived_in |= _namespaces(pid) - self._own
        self._seen_at = float(Path("/proc/uptime").read_text().split()[0])
        assert self._lived_in, "nothing runs that would leave anything"

    def left(self) -> dict[str, list[str]]:
        """Return what is left after waiting for it to go; empty when the host is as it was."""
        until = time.monotonic() + _PATIENCE
        while True:
            now = self._look()
            found = {kind: sorted(now[kind] - self._before[kind]) for kind in now}
            found["links gone"] = sorted(self._before["links"] - now["links"])
            found["namespaces"] = sorted(self._lived_in & self._lived_in_still())
            found = {kind: left for kind, left in found.items() if left}
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def _look(self) -> dict[str, set[str]]:
        return {
            "processes": {f"{pid} {line}" for pid, line in self._processes()},
            "links": set() if self._node else set(_links_of_the_host()),
            "mounts": {
                line
                for line in Path("/proc/self/mountinfo").read_text().splitlines()
                if self._token in line
                or (
                    not self._node
                    and (_OURS.search(line) or " nsfs " in line)
                    and not _MOUNTS_OF_ENGINES.search(line)
                )
            },
            "rules": set() if self._node else set(_rules_of_the_host()),
            "groups": self._groups(),
            "sockets": {
                line.split()[-1]
                for line in Path("/proc/net/unix").read_text().splitlines()
                if self._token in line
            },
            "files": {
                str(path)
                for path in self._folder.rglob("*")
                if not self._keeps.search(str(path.relative_to(self._folder)))
            },
        }

    def _groups(self) -> set[str]:
        found = set(_control_groups(re.compile(name_for(self._node)) if self._node else _OURS))
        # A group is made after its node has begun, and gone before it ends, unless that was killed.
        self._of_others |= set(self._groups_of_others())
        return {each for each in found if not self._of_others & set(Path(each).parts)}

    def _groups_of_others(self) -> Iterator[str]:
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                words = (each / "cmdline").read_bytes().split(b"\0") if each.name.isdigit() else []
                if b"understudy_aws.node" in words and self._token.encode() not in b" ".join(words):
                    place = words[words.index(b"understudy_aws.node") + 1]
                    yield name_for(Path(os.fsdecode(place)))

    def _lived_in_still(self) -> set[str]:
        """The namespaces of processes that were there at the last look: numbers of namespaces are used again."""
        return {
            name
            for each in Path("/proc").iterdir()
            if each.name.isdigit() and _begun(int(each.name)) <= self._seen_at
            for name in _namespaces(int(each.name))
        }

    def _processes(self) -> Iterator[tuple[int, str]]:
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                if not each.name.isdigit() or int(each.name) == os.getpid():
                    continue
                line = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                about = line + (each / "environ").read_bytes().decode(errors="replace")
                if self._token in about and line:
                    yield int(each.name), line[:120]


def _namespaces(pid: int) -> set[str]:
    found = set()
    for kind in _KINDS:
        with suppress(OSError):
            found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found


def _begun(pid: int) -> float:
    """When a process began, in seconds since the machine did; it is after everything when it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return float("inf")


def _links_of_the_host() -> Iterator[str]:
    names = (each.name for each in Path("/sys/class/net").iterdir())
    return (each for each in names if not _LINKS_OF_ENGINES.match(each))


def _rules_of_the_host() -> Iterator[str]:
    with suppress(OSError):
        kernel = NetlinkSocket(nftables.NETLINK_NETFILTER)
        try:
            for message in kernel.dump(nftables.get_chains()):
                chain = nftables.found_chain(message)
                if chain.table not in _TABLES_OF_ENGINES:
                    yield f"{chain.table} {chain.name}"
        finally:
            kernel.close()


def _control_groups(ours: re.Pattern[str]) -> Iterator[str]:
    # Groups come and go meanwhile, which `walk` passes over.
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        yield from (f"{folder}/{name}" for name in names if ours.search(name))
