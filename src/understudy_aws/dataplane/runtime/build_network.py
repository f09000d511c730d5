"""The network of a build: a way to the world, and none to this machine.

It is a network namespace with the link of a program that carries packets, as the networks of VPCs have one in common
(`dataplane/linux/outside.py`), with the same filter before it. Names are asked of this machine's servers for it, which
may listen on loopback alone; so may a proxy or a registry that pip or npm are told of, to which connections are passed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux import outside, routing
from understudy_aws.dataplane.linux.namespaces import NamespaceThread
from understudy_aws.dataplane.linux.netlink import NetlinkError, NetlinkSocket
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNS, MS_BIND, die_with_parent, mount, unshare

NONE = "none"
"""What says that there is to be no way to the world."""

_RESOLVER_FILE = Path("/etc/resolv.conf")
_OWN_RESOLVER = "127.0.0.1"
_DNS_PORT, _LARGEST_DATAGRAM = 53, 65535
_START_SECONDS, _PATIENCE_SECONDS = 5.0, 3.0
_LOCAL_URL = re.compile(r"://(?:[^/@\s]*@)?(?:127\.\d+\.\d+\.\d+|localhost):(\d{1,5})")
_MOST_PASSED_ON = 8
_MOST_CONNECTIONS = 64


class BuildNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network for commands: a descriptor of its namespace, or None for this machine's own, or `has_none` at all.

    `files` are seen below `/etc`, and `said` says in one sentence what it is.
    """

    said: str
    namespace: int | None = None
    has_none: bool = False
    files: Mapping[str, str] = {}


@contextmanager
def build_network(asked: str, place: Path, told: Iterable[str]) -> Iterator[BuildNetwork]:
    """Make a network for as long as the block runs; `asked` is a program that carries packets, `auto` or `none`.

    `place` is a directory that is for this process alone. `told` are texts in which addresses of this machine may stand
    that are to be reached.
    """
    if asked == NONE:
        yield BuildNetwork(
            said="The build has no network, as this node has no way to the world.", has_none=True
        )
        return
    refused = outside.obstacle()
    with ExitStack() as stack:
        network = None
        if not refused:
            try:
                network = _made(stack, asked, place, told)
            except (OSError, NetlinkError) as error:
                refused = str(error)
        # Packages could not be installed otherwise.
        yield network or BuildNetwork(said=f"The build is in this machine's own network: {refused}.")


def _made(stack: ExitStack, asked: str, place: Path, told: Iterable[str]) -> BuildNetwork:
    own, versions = outside.ways_of_this_machine()
    thread = NamespaceThread()
    stack.callback(thread.close)
    namespace = thread.create(_bring_loopback_up)
    stack.callback(os.close, namespace)
    thread.inside(namespace, lambda: outside.commit(outside.filter_of_own_messages(own)))
    name = _named(namespace, place)
    said = []
    for carrier, path in outside.installed():
        if asked not in {"auto", carrier.program}:
            continue
        process = _started(carrier, path, name, place)
        stack.callback(_end, process)
        if _comes_up(thread, namespace, process):
            configure = carrier
            thread.inside(namespace, lambda: outside.configure_link(configure, versions or {4}))  # noqa: B023 - run at once
            _serve_names(stack, thread, namespace)
            for port in _local_ports(told):
                _pass_on(stack, thread, namespace, port, ("127.0.0.1", port))
            text = f"nameserver {_OWN_RESOLVER}\n{_options()}"
            return BuildNetwork(
                said=f"The build reaches the world through {carrier.program}, and nothing of this machine.",
                namespace=namespace,
                files={"resolv.conf": text},
            )
        said.append(f"{carrier.program}: {outside.last_words(place / 'carrier.log') or 'it ended at once'}")
    raise OSError("; ".join(said) or outside.NOT_INSTALLED)


def _named(namespace: int, place: Path) -> Path:
    """Return a path of a namespace, which is there for this thread and what it starts."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = place / "network"
    name.touch()
    unshare(CLONE_NEWNS)
    mount(f"/proc/self/fd/{namespace}", str(name), "none", MS_BIND)
    return name


def _bring_loopback_up() -> None:
    rtnetlink = NetlinkSocket(routing.NETLINK_ROUTE)
    try:
        rtnetlink.request([routing.link_up(routing.LOOPBACK)])
    finally:
        rtnetlink.close()


def _started(carrier: outside.Carrier, path: str, name: Path, place: Path) -> subprocess.Popen[bytes]:
    with (place / "carrier.log").open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 - a program found by name among a few
            [path, *carrier.arguments(str(name))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=_tied,  # noqa: PLW1509
        )  # fmt: skip


def _tied() -> None:
    if sys.platform == "linux":
        die_with_parent()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _comes_up(thread: NamespaceThread, namespace: int, process: subprocess.Popen[bytes]) -> bool:
    until = monotonic_seconds() + _START_SECONDS
    pause = threading.Event()
    while monotonic_seconds() < until:
        if thread.inside(namespace, outside.link_is_there):
            return True
        if process.poll() is not None:
            return False
        pause.wait(0.005)
    return False


def _machine_servers() -> list[str]:
    try:
        lines = _RESOLVER_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return []
    words = (line.split() for line in lines)
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"][:3]


def _options() -> str:
    """Return the lines of the machine's file that say how names are looked up."""
    try:
        lines = _RESOLVER_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(f"{line}\n" for line in lines if line.startswith(("search", "domain", "options")))


def _local_ports(told: Iterable[str]) -> list[int]:
    found = (int(port) for text in told for port in _LOCAL_URL.findall(text))
    return [port for port in dict.fromkeys(found) if 0 < port < 65536 and port != _DNS_PORT][:_MOST_PASSED_ON]


def _serve_names(stack: ExitStack, thread: NamespaceThread, namespace: int) -> None:
    servers = _machine_servers()
    if not servers:
        return
    listening = thread.inside(namespace, _datagrams)
    # Whoever waits for it sees the end of it.
    stack.callback(listening.close)
    stack.callback(lambda: _shut(listening))
    pool = ThreadPoolExecutor(16, "names")
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)

    def serve() -> None:
        with suppress(OSError, RuntimeError):
            while True:
                question, asker = listening.recvfrom(_LARGEST_DATAGRAM)
                if not question:
                    return
                pool.submit(_answer, listening, question, asker, servers)

    threading.Thread(target=serve, daemon=True).start()
    _pass_on(stack, thread, namespace, _DNS_PORT, (servers[0], _DNS_PORT))


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((_OWN_RESOLVER, _DNS_PORT))
    return made


def _answer(
    listening: socket.socket, question: bytes, asker: tuple[str, int], servers: Iterable[str]
) -> None:
    for server in servers:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(_PATIENCE_SECONDS)
            asking.connect((server, _DNS_PORT))
            asking.send(question)
            listening.sendto(asking.recv(_LARGEST_DATAGRAM), asker)
            return


def _pass_on(
    stack: ExitStack, thread: NamespaceThread, namespace: int, port: int, target: tuple[str, int]
) -> None:
    """Pass connections to a port of loopback in the namespace on to a place that this machine reaches."""
    listening = thread.inside(namespace, lambda: socket.create_server(("127.0.0.1", port)))
    stack.callback(listening.close)
    stack.callback(lambda: _shut(listening))
    places = threading.Semaphore(_MOST_CONNECTIONS)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                places.acquire()
                threading.Thread(
                    target=_joined, args=(connection, target, places.release), daemon=True
                ).start()

    threading.Thread(target=serve, daemon=True).start()


def _joined(connection: socket.socket, target: tuple[str, int], done: Callable[[], None]) -> None:
    try:
        with connection, suppress(OSError), socket.create_connection(target, _PATIENCE_SECONDS) as other:
            other.settimeout(None)
            back = threading.Thread(target=_pump, args=(other, connection), daemon=True)
            back.start()
            _pump(connection, other)
            back.join()
    finally:
        done()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _shut(listening: socket.socket) -> None:
    # Closing alone does not wake a thread that waits.
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
