"""What an attached program tries in order to get out, or to be somebody else; as root and as an ordinary user.

Each attempt says in one word what came of it. A program is this user's own and has this user's files (decision 0024):
what is tried is the network, other processes, what Understudy keeps, and what root could do without a capability.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from networks import ALL, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import Network

PRELUDE = """
import ctypes, errno, fcntl, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0: raise OSError(ctypes.get_errno(), name)
def request(kind, flags, body, family=0):
    # A request of rtnetlink, and what the kernel says to it.
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family); s.bind((0, 0))
    s.send(struct.pack("=IHHII", 16 + len(body), kind, flags | 5, 1, 0) + body)
    refused = -struct.unpack_from("=i", s.recv(8192), 16)[0]
    if refused: raise OSError(refused, "netlink")
DIRECTORY, NODE, HOLDER, OTHER = os.fsencode(sys.argv[1]), *map(int, sys.argv[2:5])
for code in sys.argv[5:]:
    child = os.fork()
    if child == 0:
        # Each attempt in a process of its own.
        try:
            exec(code); print("done", flush=True)
        except OSError as error:
            print(errno.errorcode[error.errno], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
ETH0 = "index = socket.if_nametoindex('eth0')\n"
OWN_ROOT = "call('unshare', 0x10000000 | 0x20000)\n"
REFUSED = {"EPERM", "EACCES", "EROFS", "ENOENT", "EINVAL", "ESRCH", "EBUSY"}

ATTEMPTS = {
    # The link, its addresses and routes.
    "another-mac-address": ETH0 + "request(16, 0, struct.pack('=BxHiII', 0, 0, index, 0, 0) + struct.pack('=HH6sxx', 10, 1, b'\\2\\0\\0\\0\\0\\7'))",
    "another-address": ETH0 + "request(20, 0x600, struct.pack('=BBBBi', 2, 24, 0, 0, index) + struct.pack('=HH4s', 8, 2, bytes([10, 0, 1, 99])))",
    "another-route": ETH0 + "request(24, 0x600, struct.pack('=BBBBBBBBI', 2, 32, 0, 0, 254, 3, 253, 1, 0) + struct.pack('=HH4s', 8, 1, bytes([192, 0, 2, 1])) + struct.pack('=HHI', 8, 4, index))",
    "a-link-of-its-own": "request(16, 0x600, struct.pack('=BxHiII', 0, 0, 0, 0, 0) + struct.pack('=HH', 16, 18) + struct.pack('=HH', 10, 1) + b'dummy\\0\\0\\0')",
    "another-mtu": "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); fcntl.ioctl(s, 0x8922, struct.pack('16si12x', b'eth0', 1400))",
    "the-link-down": "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'eth0', 0))",
    "rules-of-nftables": "request(0xA00, 0x400, struct.pack('=BBH', 2, 0, 0) + struct.pack('=HH', 8, 1) + b'own\\0', 12)",
    "settings-of-the-network": "open('/proc/sys/net/ipv4/ip_forward', 'w').write('1')",
    # Packets that the kernel does not make itself.
    "raw-packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300)",
    "raw-ip": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)",
    "raw-icmp": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "transparent-sources": "socket.socket().setsockopt(0, 19, 1)",
    "marks": "socket.socket().setsockopt(socket.SOL_SOCKET, 36, 7)",
    # The same as root of a user namespace of its own.
    "raw-packets-as-root-of-its-own": "call('unshare', 0x10000000)\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300)",
    "rules-as-root-of-its-own": "call('unshare', 0x10000000)\nrequest(0xA00, 0x400, struct.pack('=BBH', 2, 0, 0) + struct.pack('=HH', 8, 1) + b'own\\0', 12)",
    "what-is-hidden-as-root-of-its-own": OWN_ROOT + "call('umount2', DIRECTORY, 2)",
    "services-as-root-of-its-own": OWN_ROOT + "call('umount2', b'/run', 2)",
    "writable-settings-as-root-of-its-own": OWN_ROOT + "call('mount', b'none', b'/proc/sys', b'none', 4096 | 32, None)\nopen('/proc/sys/kernel/core_pattern', 'w')",
    # Other processes and their namespaces.
    "look-into-the-node": "open(f'/proc/{NODE}/environ').read()",
    "the-namespaces-of-the-node": "call('setns', os.open(f'/proc/{NODE}/ns/net', os.O_RDONLY), 0)",
    "the-namespaces-of-the-holder": "call('setns', os.open(f'/proc/{HOLDER}/ns/user', os.O_RDONLY), 0)",
    # The first process of its own namespace is a copy of who runs it, and has what that has in its memory.
    "the-memory-of-the-first-process": "open('/proc/1/mem', 'rb')",
    "the-environment-of-the-first-process": "open('/proc/1/environ', 'rb').read()",
    "the-descriptors-of-the-first-process": "os.readlink('/proc/1/fd/0')",
    "trace-the-first-process": "call('ptrace', 16, 1, 0, 0)",
    "trace-the-node": "call('ptrace', 16, NODE, 0, 0)",
    "end-the-node": "os.kill(NODE, signal.SIGKILL)",
    "end-the-holder": "os.kill(HOLDER, signal.SIGKILL)",
    "end-another-program": "os.kill(OTHER, signal.SIGKILL)",
    "the-owner-of-its-network": "fcntl.ioctl(os.open('/proc/self/ns/net', os.O_RDONLY), 0xb701)",
    "the-files-of-the-node": "os.open(f'/proc/{NODE}/root/etc', os.O_RDONLY)",
    # What the machine keeps.
    "the-socket-of-the-node": "s = socket.socket(socket.AF_UNIX); s.connect(DIRECTORY.decode() + '/socket')",
    "what-is-wanted": "open(DIRECTORY.decode() + '/wanted.json')",
    "write-what-is-wanted": "open(DIRECTORY.decode() + '/wanted.json', 'w')",
    "where-cores-go": "open('/proc/sys/kernel/core_pattern', 'w')",
    "helpers-of-the-kernel": "open('/sys/kernel/uevent_helper', 'w')",
    "devices-of-the-machine": "call('mknod', b'/tmp/understudy-test-mem', 0o20600, 0x101)",
    "rights-of-programs": "os.setxattr(sys.executable, 'security.capability', struct.pack('=IIIII', 0x2000001, 1 << 12, 0, 0, 0))",
    "another-user": "os.setuid(1)",
}  # fmt: skip


def networks() -> Network:
    """Two VPCs with the same blocks; everything is let through in both, but for `db`, which admits one address."""
    made = (
        vpc(
            f"vpc-{name}",
            interface(f"app-{name}", f"vpc-{name}-subnet-1", "10.0.1.10"),
            interface(f"other-{name}", f"vpc-{name}-subnet-1", "10.0.1.11"),
            interface(f"db-{name}", f"vpc-{name}-subnet-2", "10.0.2.10", groups=("sg-db",)),
            groups=(group("sg-app", rule(ALL)), group("sg-db", rule(ALL, cidr="10.0.1.11/32"))),
        )
        for name in "ab"
    )
    return Network(vpcs=tuple(made))


@pytest.fixture
def attacked(running):
    """A node with a network, and another program in it."""
    running.want(networks())
    other = running.start("eni-other-a", "sh", "-c", "echo up; exec sleep 100")
    assert other.line() == "up", other.finish().stderr
    yield running, other
    other.process.kill()
    other.finish()


def tried(running, other, *attempts: str) -> list[str]:
    """What came of each attempt of a program."""
    status = running.status()
    known = (str(running.directory), str(status.pid), str(status.holder), str(other.process.pid))
    done = running.python("eni-app-a", PRELUDE, *known, *attempts).finish(60)
    said = done.stdout.split()
    assert len(said) == len(attempts), done
    return said


def test_no_attempt_to_get_out_succeeds(attacked):
    running, other = attacked
    came_of_it = dict(zip(ATTEMPTS, tried(running, other, *ATTEMPTS.values()), strict=True))
    assert {name: said for name, said in came_of_it.items() if said not in REFUSED} == {}
    assert running.process.poll() is None
    assert other.process.poll() is None
    assert running.status().converged


def test_an_attempt_is_one_that_would_succeed_elsewhere(attacked):
    """What fails inside is there and open to this user outside; and inside, what is allowed succeeds."""
    running, other = attacked
    allowed = {
        "a child": "os.kill(os.getppid(), 0)",
        "a packet": "try: socket.create_connection(('10.0.1.11', 80), 3)\nexcept ConnectionRefusedError: pass",
        "root of its own": OWN_ROOT + "call('mount', b'tmpfs', b'/tmp', b'tmpfs', 0, None)",
        "a network of its own": "call('unshare', 0x10000000 | 0x40000000)\nsocket.socket(17, socket.SOCK_RAW, 0x300)",
        "its files": "open(sys.executable, 'rb').read(4)",
    }
    assert tried(running, other, *allowed.values()) == ["done"] * len(allowed)
    os.kill(running.status().pid, 0)
    os.kill(other.process.pid, 0)
    assert (running.directory / "wanted.json").exists()


def test_it_sees_its_own_processes_and_links_alone(attacked):
    running, _ = attacked
    look = (
        "import os, socket\n"
        "print(sorted(name for _, name in socket.if_nameindex()))\n"
        "print(sorted(int(each) for each in os.listdir('/proc') if each.isdigit())[:5] if OWN else OWN)\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:4])\n"
        "print([line for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd', 'NoNewPrivs'))])\n"
    ).replace("OWN", "(os.readlink('/proc/self') == str(os.getpid()))")
    done = running.python("eni-app-a", look).finish()
    links, processes, files, rights = done.stdout.splitlines()
    assert links == "['eth0', 'lo']"
    assert processes in {"[1, 2]", "False"}, "False where this machine lets nobody mount another /proc"
    assert files == "['0', '1', '2', '3']", "the fourth is the folder itself"
    assert rights == str(["CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n"])


def test_it_reaches_neither_the_machine_nor_another_vpc(attacked):
    running, _ = attacked
    connect = (
        "import socket, sys\n"
        "for address, port in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET); s.settimeout(0.3)\n"
        "    try: s.connect((address, int(port))); print('reached', address)\n"
        "    except OSError: pass\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "try: s.connect('\\0' + sys.argv[1] + sys.argv[2]); print('reached the abstract one')\n"
        "except OSError: pass\n"
        "print('tried')\n"
    )
    in_the_other = running.python(
        "eni-db-b",
        "import socket; s = socket.create_server(('10.0.2.10', 7000)); print('up', flush=True); s.accept()",
    )
    assert in_the_other.line() == "up"
    with _listeners() as (addresses, port):
        places = [part for address in addresses for part in (address, str(port))]
        done = running.python("eni-other-a", connect, *places, "10.0.2.10", "7000").finish(60)
    assert done.stdout == "tried\n", done
    in_the_other.process.kill()
    in_the_other.finish()


SPOOF = """
import socket
def send(SOURCE, TO, KIND):
  family, kind = socket.AF_INET6 if ":" in SOURCE else socket.AF_INET, getattr(socket, KIND)
  s = socket.socket(family, kind)
  level, option = (socket.IPPROTO_IPV6, 75) if family == socket.AF_INET6 else (0, 19)
  s.setsockopt(level, option, 1)
  s.bind((SOURCE, 0)); s.settimeout(5 if SOURCE in HONEST else 0.3)
  try: s.connect((TO, 80)); s.send(b"from " + SOURCE.encode())
  except OSError: pass
for source in SOURCES:
  for kind in ("SOCK_DGRAM", "SOCK_STREAM"): send(source, "2600:db8:0:2::10" if ":" in source else "10.0.2.10", kind)
"""
TAKE = """
import select, socket
where = [("10.0.2.10", socket.AF_INET), ("2600:db8:0:2::10", socket.AF_INET6)]
udp = [socket.socket(family, socket.SOCK_DGRAM) for _, family in where]
for each, (address, _) in zip(udp, where): each.bind((address, 80))
tcp = [socket.create_server((address, 80), family=family) for address, family in where]
print("up", flush=True)
while True:
    for each in select.select(udp + tcp, [], [])[0]:
        if each in udp: print("udp", each.recv(99).decode(), flush=True)
        else: print("tcp from", each.accept()[1][0], flush=True)
"""


def test_a_packet_with_the_address_of_another_is_dropped(running):
    """Only root of the network itself could send one, which no program is: the router does not rely on that."""
    own4, own6, others4, others6 = "10.0.1.10", "2600:db8:0:1::10", "10.0.1.11", "2600:db8:0:1::11"
    network = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", own4, own6),
        interface("other", "vpc-a-subnet-1", others4, others6),
        interface("db", "vpc-a-subnet-2", "10.0.2.10", "2600:db8:0:2::10", groups=("sg-db",)),
        groups=(group("sg-app"), group("sg-db", rule(ALL), rule(ALL, cidr="::/0"))),
        cidrs=("10.0.0.0/16", "2600:db8::/56"),
        subnet_cidrs6={1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)},
    )
    running.want(Network(vpcs=(network,)))
    database = running.python("eni-db", TAKE)
    assert database.line() == "up", database.finish().stderr
    sources = (others4, others6, "192.0.2.1", "10.0.2.10", "169.254.169.253", own4, own6)
    running.damage("eni-app", f"SOURCES, HONEST = {sources!r}, {(own4, own6)!r}\n{SPOOF}")
    arrived = {database.line() for _ in range(4)}
    database.process.kill()
    rest = database.finish().stdout
    assert arrived == {f"udp from {own4}", f"tcp from {own4}", f"udp from {own6}", f"tcp from {own6}"}
    assert rest == ""


def test_what_a_program_leaves_running_ends_with_it(running):
    """Also what has made itself a session of its own, as daemons do."""
    running.want(networks())
    name = f"understudy-left-{os.getpid()}-{running.process.pid}"
    done = running.run("eni-app-a", "sh", "-c", f"(exec setsid sh -c 'sleep 100; : {name}') & echo started")
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert [each for each in _command_lines() if name in each] == []


@pytest.mark.parametrize("victim", ["first", "second", "program"])
def test_who_runs_a_program_and_is_killed_takes_it_along(running, victim):
    running.want(networks())
    program = running.start("eni-app-a", "sh", "-c", "echo up; exec sleep 100")
    assert program.line() == "up"
    family = [program.process.pid, *_descendants(program.process.pid)]
    assert len(family) == 4
    chosen = {"first": family[0], "second": family[1], "program": family[-1]}[victim]
    os.kill(chosen, signal.SIGKILL)
    program.finish()
    # One after the other hears of it.
    until = time.monotonic() + 10
    while [pid for pid in family if _runs(pid)]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_signals_reach_the_program_and_those_it_was_started_to_ignore_do_not(running):
    running.want(networks())
    trap = "trap 'echo told; exit 9' TERM; echo up; while :; do sleep 0.02; done"
    program = running.start("eni-app-a", "sh", "-c", trap)
    assert program.line() == "up"
    program.process.send_signal(signal.SIGTERM)
    done = program.finish()
    assert (done.returncode, done.stdout) == (9, "told\n")
    pipe = running.run("eni-app-a", "sh", "-c", "yes | head -1; kill -l $?")
    assert (pipe.stdout.splitlines()[0], "roken pipe" in pipe.stderr) == ("y", False)


@contextlib.contextmanager
def _listeners():
    """Yield the addresses of this machine at which somebody listens, on one port; also one without an address."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        port = first.getsockname()[1]
        addresses = ["127.0.0.1", *_addresses_of_this_machine()]
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0{addresses[0]}{port}")
        abstract.listen()
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6))
            addresses.append("::1")
        threading.Thread(target=_accept, args=(first,), daemon=True).start()
        yield addresses, port


def _accept(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listening.accept()


def _addresses_of_this_machine() -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking, contextlib.suppress(OSError):
        looking.connect(("192.0.2.1", 9))
        return [looking.getsockname()[0]]
    return []


def _command_lines() -> list[str]:
    found = []
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if each.name.isdigit() and int(each.name) != os.getpid():
                found.append((each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, children) for each in (child, *_descendants(child))]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
