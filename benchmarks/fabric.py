"""Networks of real packets, as this user: how soon an interface carries packets, and what the filters cost.

Usage: benchmarks/run --fabric [--quick] [--counts 1,100,1000]

Beside ours stand the bridge plugin of CNI, where it is installed (/usr/lib/cni, or CNI_PATH), and `podman network
connect`, where podman can run containers. Neither has security groups. A row that can't be measured says why.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.linux import holder as holders
from understudy_aws.dataplane.linux import syscalls
from understudy_aws.dataplane.linux.driver import LinuxDriver
from understudy_aws.dataplane.linux.namespaces import NamespaceThread
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.linux.objects import Address, Namespace, Route, Veth
from understudy_aws.dataplane.linux.planning import CreateNamespace, Make, Step
from understudy_aws.dataplane.linux.probe import obstacle
from understudy_aws.dataplane.linux.routing import LOOPBACK, NETLINK_ROUTE, link_up
from understudy_aws.dataplane.messages import GetStatus, Probe, Probed, Status
from understudy_aws.dataplane.wanted import (
    Interface,
    Network,
    NetworkAcl,
    NetworkAclEntry,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)

COUNTS = (1, 100, 1_000)
_BRIDGE = "bridge"
_EVERYWHERE = SecurityGroupRule(id="sgr-everywhere", protocol="-1", cidr="0.0.0.0/0")
_MEMBERS = SecurityGroupRule(id="sgr-members", protocol="-1", group="sg-0")
_OPEN = (NetworkAclEntry(number=100, protocol="-1", cidr="0.0.0.0/0", allow=True),)


def interface(number: int) -> Interface:
    return Interface(
        id=f"eni-{number:017x}",
        subnet="subnet-0",
        mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
        addresses=(f"10.0.{1 + number // 250}.{1 + number % 250}",),
        groups=("sg-0",),
    )


_INTERFACES = tuple(interface(number) for number in range(2_000))


def network(count: int, *rules: SecurityGroupRule) -> Network:
    """A VPC with so many interfaces, all in one group whose members may reach each other, and what `rules` say."""
    group = SecurityGroup(id="sg-0", ingress=(_MEMBERS, *rules), egress=(_EVERYWHERE,))
    vpc = Vpc(
        id="vpc-0",
        cidrs=("10.0.0.0/16",),
        subnets=(Subnet(id="subnet-0", cidrs=("10.0.0.0/16",), route_table="rtb-0", network_acl="acl-0"),),
        route_tables=(RouteTable(id="rtb-0"),),
        network_acls=(NetworkAcl(id="acl-0", ingress=_OPEN, egress=_OPEN),),
        security_groups=(group,),
        interfaces=_INTERFACES[:count],
    )
    return Network(vpcs=(vpc,))


def run(counts: tuple[int, ...], quick: bool) -> str:
    """All rows, as Markdown."""
    refused = obstacle()
    if refused:
        raise SystemExit(f"This machine can make no networks: {refused}")
    times = 10 if quick else 40
    ours, rows = _ours(counts, times)
    beside = _cni(counts, max(5, times // 2)), _podman(max(3, times // 8))
    lines = [
        "| first packet after ms (best/p50/p99) | x CNI | x podman | understudy | CNI bridge | podman connect |",
        "|---|---|---|---|---|---|",
        *(_first_packet(count, ours[count], *(each.get(count, "-") for each in beside)) for count in counts),
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in [*_packets(quick), *rows]),
    ]
    return "\n".join(lines)


def _first_packet(count: int, own: list[float], *others: Any) -> str:
    cells = [_figures(each) if isinstance(each, list) else str(each) for each in others]
    ratios = [f"{median(each) / median(own):.1f}" if isinstance(each, list) else "-" for each in others]
    return f"| with {count:,} there | {' | '.join(ratios)} | {_figures(own)} | {' | '.join(cells)} |"


def _figures(values: list[float]) -> str:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return f"{ordered[0]:.1f}/{median(ordered):.1f}/{high:.1f}"


@contextmanager
def _directory() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="understudy-fabric-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _ours(counts: tuple[int, ...], times: int) -> tuple[dict[int, list[float]], list[tuple[str, str]]]:
    figures, rows = {}, []
    with _directory() as place:
        node = NodeLauncher(place / "node", tied=False)
        try:
            node.want(network(2))
            small = _resident(_status(node).pid), _kernel_memory()
            for count in counts:
                node.want(network(max(2, count)))
                figures[count] = [_connected(node, max(2, count) + turn) for turn in range(times)]
                node.want(network(max(2, count)))
                if count == 100:
                    rows.append(
                        ("taken over by a new node after `kill -9`, 100 interfaces", _taken_over(node, times))
                    )
            most = max(2, *counts)
            large = _resident(_status(node).pid), _kernel_memory()
            rows += [
                (
                    f"a rule more or less in a group of {most:,} members",
                    f"{_figures(_edits(node, most, times))} ms (best/p50/p99)",
                ),
                ("memory of an interface: node", f"{(large[0] - small[0]) / (most - 2):.1f} KiB"),
                ("memory of an interface: kernel", f"{(large[1] - small[1]) / (most - 2):.0f} KiB"),
                (f"CPU of the node at rest, {most:,} interfaces", f"{_at_rest(node):.1f} %"),
            ]
        finally:
            node.stop()
    return figures, rows


def _status(node: NodeLauncher) -> Status:
    status = node.ask(GetStatus())
    assert isinstance(status, Status)
    return status


def _connected(node: NodeLauncher, last: int) -> float:
    """Milliseconds from when an interface is wanted until a packet of it is answered by another one."""
    wanted = network(last + 1)
    began = time.perf_counter()
    node.want(wanted)
    answer = node.ask(Probe(_INTERFACES[last].id, _INTERFACES[0].addresses[0], 80))
    taken = (time.perf_counter() - began) * 1e3
    assert answer == Probed("refused"), answer
    return taken


def _edits(node: NodeLauncher, count: int, times: int) -> list[float]:
    rule = SecurityGroupRule(id="sgr-more", protocol="6", from_port=80, to_port=80, cidr="192.0.2.0/24")
    taken = []
    for turn in range(times):
        wanted = network(count, *((rule,) if turn % 2 == 0 else ()))
        began = time.perf_counter()
        node.want(wanted)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def _taken_over(node: NodeLauncher, times: int) -> str:
    """From the death of a node until the next one answers; and of one that has to be started."""
    forked, started = [], []
    words = [sys.executable, "-m", "understudy_aws.node", str(node.directory)]
    for taken in (forked, started):
        for _ in range(max(3, times // 4)):
            pid = _status(node).pid
            supervisor = _parent(pid)
            node.close()
            if taken is started and supervisor != os.getpid():
                _kill(supervisor)
            _kill(pid)
            began = time.perf_counter()
            if taken is started:
                subprocess.Popen(words)
            while not _holds(node.directory):
                time.sleep(0.001)
            taken.append((time.perf_counter() - began) * 1e3)
            if taken is forked:
                assert _parent(_status(node).pid) == supervisor
            # Its first look at the network is over.
            time.sleep(1)
    return f"{_figures(forked)} ms (best/p50/p99); {min(started):.0f} ms without its supervisor"


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _holds(directory: Path) -> bool:
    try:
        with NodeClient(directory) as client:
            status = client.ask(GetStatus())
    except NodeLostError:
        return False
    return isinstance(status, Status) and status.converged


def _resident(pid: int) -> float:
    return _kib(Path(f"/proc/{pid}/status"), "VmRSS")


def _kernel_memory() -> float:
    """What the whole machine's kernel holds, of which a network is a part: nothing else should run meanwhile."""
    return sum(_kib(Path("/proc/meminfo"), name) for name in ("Slab", "Percpu", "KernelStack", "PageTables"))


def _kib(path: Path, name: str) -> float:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1])
    return 0.0


def _at_rest(node: NodeLauncher, seconds: float = 15.0) -> float:
    def used() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    pid = _status(node).pid
    before = used()
    time.sleep(seconds)
    return (used() - before) / os.sysconf("SC_CLK_TCK") / seconds * 100


# Packets: a pair of links between two namespaces, and the same programs at two interfaces of a VPC.


def _packets(quick: bool) -> list[tuple[str, str]]:
    asked = [sys.executable, __file__, "--packets", "1" if quick else "3"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        return [("throughput and round trip", f"not measured: {done.stderr.strip().splitlines()[-1]}")]
    found = json.loads(done.stdout)
    rate, trip = found["rate"], found["trip"]
    return [
        (
            "throughput of TCP through security groups, of that of a bare pair of links",
            f"{rate[2] / rate[0]:.0%} ({rate[2]:.1f} and {rate[0]:.1f} Gbit/s)",
        ),
        (
            "… of that of two bare pairs and a router without any rule",
            f"{rate[2] / rate[1]:.0%} ({rate[1]:.1f} Gbit/s, {rate[1] / rate[0]:.0%} of a pair)",
        ),
        (
            "round trip of a byte through security groups, of that of a bare pair of links",
            f"{trip[2] / trip[0]:.2f} times ({trip[2]:.1f} and {trip[0]:.1f} us)",
        ),
        (
            "… of that of two bare pairs and a router without any rule",
            f"{trip[2] / trip[1]:.2f} times ({trip[1]:.1f} us)",
        ),
        (
            "processor time of a small packet: a bare pair, a router without any rule, security groups",
            "{:.1f}, {:.1f} and {:.1f} us".format(*found["cost"]),
        ),
        (
            "… of a round trip of TCP, both programs included",
            "{:.1f}, {:.1f} and {:.1f} us".format(*found["both"]),
        ),
    ]


def _measure_packets(seconds: float) -> None:
    """Print the figures of both, asked in turn. This process enters a holder, and is of no use afterwards."""

    with _directory() as place:
        holder = holders.start_holder(place)
        try:
            holders.enter_holder(holder)
            driver = LinuxDriver(holders.namespaces_directory(place))
            wanted = frozenset().union(*driver.parts(network(2)).values())
            driver.carry_out(driver.plan(frozenset(), wanted))
            driver.carry_out([*_bare_pair(), *_bare_router()])
            first, second = (each.id for each in _INTERFACES[:2])
            paths = (
                ("a", "b", "10.1.0.2"),
                ("c", "d", "10.2.0.2"),
                (first, second, _INTERFACES[1].addresses[0]),
            )
            rates: tuple[list[float], ...] = ([], [], [])
            trips: tuple[list[float], ...] = ([], [], [])
            costs: tuple[list[float], ...] = ([], [], [])
            boths: tuple[list[float], ...] = ([], [], [])
            for _ in range(5):
                for which, (source, target, address) in enumerate(paths):
                    rates[which].append(_between(driver, source, target, address, _flood, seconds))
                    trips[which].append(_between(driver, source, target, address, _ping, seconds / 3))
                    costs[which].extend(_processor_time(driver, source, target, address) for _ in range(5))
                    boths[which].extend(_time_of_trips(driver, source, target, address) for _ in range(5))
            # Other work on the machine only makes all of them worse.
            least = {"trip": trips, "cost": costs, "both": boths}
            found = {name: [min(each) for each in figures] for name, figures in least.items()}
            print(json.dumps({"rate": [max(each) for each in rates], **found}))
        finally:
            os.kill(holder.pid, signal.SIGKILL)


def _bare_pair() -> Iterator[Step]:
    """Two namespaces with a pair of links between them, and nothing else."""
    yield from (CreateNamespace(Namespace(name, router=False)) for name in ("a", "b"))
    yield Make(Veth("a", "eth0", "b", "eth0", "", 9001))
    for name, at in (("a", 1), ("b", 2)):
        yield Make(Address(name, "eth0", f"10.1.0.{at}/24"))
        yield Make(Route(name, 254, "10.1.0.0/24", "eth0"))


def _bare_router() -> Iterator[Step]:
    """Two namespaces with a router between them that forwards all packets by its routes, and filters none."""
    yield CreateNamespace(Namespace("r", router=True))
    for name, at in (("c", 1), ("d", 2)):
        yield CreateNamespace(Namespace(name, router=False))
        yield Make(Veth("r", name, name, "eth0", "", 9001))
        yield Make(Address("r", name, f"10.2.{at}.254/24"))
        yield Make(Address(name, "eth0", f"10.2.0.{at}/32"))
        yield Make(Route("r", 254, f"10.2.0.{at}/32", name))
        yield Make(Route(name, 254, f"10.2.{at}.0/24", "eth0"))
        yield Make(Route(name, 254, "0.0.0.0/0", "eth0", f"10.2.{at}.254"))


def _between(
    driver: Any,
    source: str,
    target: str,
    address: str,
    send: Callable[[socket.socket, float], float],
    seconds: float,
) -> float:
    namespaces = driver.namespaces
    with (
        namespaces.inside(target, partial(_listening, address)) as server,
        namespaces.inside(source, socket.socket) as client,
    ):
        child = os.fork()
        if child == 0:
            client.close()
            _answer(server.accept()[0], echo=send is _ping)
            os._exit(0)
        client.connect(server.getsockname())
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = send(client, seconds)
        client.close()
        os.waitpid(child, 0)
    return found


def _listening(address: str) -> socket.socket:
    made = socket.socket()
    made.bind((address, 0))
    made.listen()
    return made


def _time_of_trips(driver: Any, source: str, target: str, address: str, count: int = 3_000) -> float:
    """Microseconds of this processor for a byte of TCP there and back. One thread is at both ends; nobody is woken."""
    namespaces = driver.namespaces
    with (
        namespaces.inside(target, partial(_listening, address)) as server,
        namespaces.inside(source, socket.socket) as client,
    ):
        client.connect(server.getsockname())
        answering = server.accept()[0]
        with answering:
            for each in (client, answering):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            began = time.thread_time()
            for _ in range(count):
                client.send(b"x")
                answering.send(answering.recv(1))
                client.recv(1)
            return (time.thread_time() - began) * 1e6 / count


def _processor_time(driver: Any, source: str, target: str, address: str, count: int = 3_000) -> float:
    """Microseconds of this processor for a datagram of a byte, of a flow that was answered.

    Whoever sends does all the work until it lies at the other socket, so that other work on the machine hardly counts.
    """

    def bound() -> socket.socket:
        made = socket.socket(type=socket.SOCK_DGRAM)
        made.bind((address, 0))
        return made

    def unbound() -> socket.socket:
        return socket.socket(type=socket.SOCK_DGRAM)

    with (
        driver.namespaces.inside(target, bound) as server,
        driver.namespaces.inside(source, unbound) as client,
    ):
        client.connect(server.getsockname())
        client.send(b"x")
        server.sendto(*server.recvfrom(1))
        client.recv(1)
        began = time.thread_time()
        for _ in range(count):
            client.send(b"x")
        return (time.thread_time() - began) * 1e6 / count


def _answer(connection: socket.socket, *, echo: bool) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(1 << 18)
    while count := connection.recv_into(buffer):
        if echo:
            connection.sendall(buffer[:count])


def _flood(connection: socket.socket, seconds: float) -> float:
    """Gbit/s of what the other side has taken."""
    data = bytes(1 << 18)
    sent, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        sent += connection.send(data)
    return sent * 8 / (time.perf_counter() - began) / 1e9


def _ping(connection: socket.socket, seconds: float) -> float:
    """Microseconds of the middle round trip."""
    taken, began = [], time.perf_counter()
    while (at := time.perf_counter()) - began < seconds:
        connection.send(b"x")
        connection.recv(1)
        taken.append((time.perf_counter() - at) * 1e6)
    return median(taken)


# Others.


def _cni(counts: tuple[int, ...], times: int) -> dict[int, Any]:
    place = next(
        (
            each
            for each in (os.environ.get("CNI_PATH", ""), "/usr/lib/cni", "/opt/cni/bin")
            if Path(each, _BRIDGE).exists()
        ),
        "",
    )
    if not place:
        return dict.fromkeys(counts, "not installed")
    asked = [
        "unshare",
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        sys.executable,
        __file__,
        "--cni",
        place,
        str(times),
    ]
    done = subprocess.run([*asked, *map(str, counts)], capture_output=True, text=True, check=False)
    if done.returncode:
        return dict.fromkeys(counts, f"failed: {done.stderr.strip().splitlines()[-1][:80]}")
    return {int(count): values for count, values in json.loads(done.stdout).items()}


def _measure_cni(place: str, times: int, counts: list[int]) -> None:
    """Print the times of the bridge plugin in the network namespace of this process, which is made for that."""

    thread = NamespaceThread()
    rtnetlink = NetlinkSocket(NETLINK_ROUTE)
    rtnetlink.request([link_up(LOOPBACK)])
    syscalls.mount("tmpfs", "/run", "tmpfs", 0)
    figures: dict[int, list[float] | str] = {}
    with _directory() as data:
        config = {
            "cniVersion": "0.4.0", "name": "net", "type": _BRIDGE, "bridge": "cni0", "isGateway": True,
            "ipam": {"type": "host-local", "subnet": "10.2.0.0/16", "dataDir": str(data)},
        }  # fmt: skip
        made: list[int] = []

        def add() -> float:
            namespace = thread.create(lambda: None)
            made.append(namespace)
            variables = {
                **os.environ, "CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"c{len(made)}", "CNI_IFNAME": "eth0",
                "CNI_NETNS": f"/proc/{os.getpid()}/fd/{namespace}", "CNI_PATH": place,
            }  # fmt: skip
            began = time.perf_counter()
            done = subprocess.run(
                [f"{place}/{_BRIDGE}"],
                input=json.dumps(config),
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(done.stdout.replace("\n", " ") + done.stderr)
            with thread.inside(namespace, socket.socket) as connection, suppress(ConnectionRefusedError):
                connection.settimeout(10)
                connection.connect(("10.2.0.1", 80))
            return (time.perf_counter() - began) * 1e3

        for count in counts:
            try:
                while len(made) < count:
                    add()
                figures[count] = [add() for _ in range(times)]
            except TimeoutError:
                figures[count] = f"no packet passed in 10 s, with {len(made):,}"
    print(json.dumps(figures))


def _podman(times: int) -> dict[int, Any]:
    """Only with few containers: each takes as much memory as a program, and each call the same time."""
    podman = shutil.which("podman")
    if podman is None:
        return dict.fromkeys(COUNTS, "not installed")
    with _directory() as place:
        words = [podman, "--root", f"{place}/root", "--runroot", f"{place}/run", "--events-backend", "file"]
        # The other runtime of Debian, crun, starts nothing where both versions of control groups are mounted.
        if runc := shutil.which("runc"):
            words += ["--runtime", runc, "--cgroup-manager", "cgroupfs"]
        root = _root_with_sleep(place)
        if root is None:
            return dict.fromkeys(COUNTS, "no static busybox to run")

        def call(*more: str) -> float:
            began = time.perf_counter()
            done = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr.strip().splitlines()[-1][-160:])
            return (time.perf_counter() - began) * 1e3

        try:
            for name, block in (("one", "10.91.0.0/24"), ("two", "10.92.0.0/24")):
                call("network", "create", "--subnet", block, f"understudy-{name}")
            taken = []
            for number in range(times):
                call(
                    "run",
                    "-d",
                    "--name",
                    f"c{number}",
                    "--network",
                    "understudy-one",
                    "--ulimit",
                    "nofile=1024:1024",
                    "--ulimit",
                    "nproc=1024:1024",
                    "--rootfs",
                    str(root),
                    "/bin/sleep",
                    "600",
                )
                taken.append(call("network", "connect", "understudy-two", f"c{number}"))
        except RuntimeError as error:
            return dict.fromkeys(COUNTS, f"failed: {error}")
        finally:
            for more in (
                ["rm", "-f", "-t", "0", "-a"],
                ["network", "rm", "-f", "understudy-one", "understudy-two"],
            ):
                subprocess.run([*words, *more], capture_output=True, check=False)
        return {COUNTS[0]: taken}


def _root_with_sleep(place: Path) -> Path | None:
    busybox = shutil.which("busybox")
    if busybox is None:
        return None
    root = place / "rootfs"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "sleep")
    return root


if __name__ == "__main__":
    if sys.argv[1] == "--packets":
        _measure_packets(float(sys.argv[2]))
    elif sys.argv[1] == "--cni":
        _measure_cni(sys.argv[2], int(sys.argv[3]), list(map(int, sys.argv[4:])))
