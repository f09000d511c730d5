"""What a hostile program tries in order to get out of where it runs, each attempt a piece of Python.

Each says in one word what came of it: an error's name, or what it got. `GIVEN` tells the program what to look for.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from nodes import Node

from understudy_aws.dataplane.client import SOCKET

PRELUDE = """
import ctypes, errno, json, os, platform, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result < 0: raise OSError(ctypes.get_errno(), "")
    return result
def call(on_x86, on_arm, *arguments):
    number = {"x86_64": on_x86, "aarch64": on_arm}[platform.machine()]
    return check(libc.syscall(number, *arguments))
def connect(family, address):
    s = socket.socket(family); s.settimeout(0.3); s.connect(address)
def request(kind, flags, body, family):
    # A request of netlink, and what the kernel says to it.
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family); s.bind((0, 0))
    s.send(struct.pack("=IHHII", 16 + len(body), kind, flags | 5, 1, 0) + body)
    refused = -struct.unpack_from("=i", s.recv(8192), 16)[0]
    if refused: raise OSError(refused, "netlink")
GIVEN = json.loads(os.environ["GIVEN"])
for name, code in json.loads(os.environ["ATTEMPTS"]).items():
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        result = "done"
        try: exec(code)
        except TimeoutError: result = "timeout"
        except OSError as error: result = errno.errorcode.get(error.errno, "refused")
        print(json.dumps([name, result]), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""

REFUSED = {"EPERM", "ENOSYS"}
NOT_THERE = {"ENOENT"}
READ_ONLY = {"EROFS", "EACCES", "EPERM"}
UNREACHED = {"timeout", "ENETUNREACH", "EHOSTUNREACH"}
_NEW = {
    "NS": 0x20000,
    "CGROUP": 0x2000000,
    "UTS": 0x4000000,
    "IPC": 0x8000000,
    "USER": 0x10000000,
    "PID": 0x20000000,
    "NET": 0x40000000,
    "TIME": 0x80,
}

# What is looked for must not stand in the program itself.
SEARCH = """
texts = [open(f'/proc/{x}/{y}', 'rb').read() for x in os.listdir('/proc') if x.isdigit() for y in ('environ', 'cmdline')
         if os.access(f'/proc/{x}/{y}', os.R_OK)]
result = (len(texts) > 1, any(b'other-' + b'secret' in text for text in texts))
"""
# What of all attempts to change a control group was not refused.
CHANGE_GROUPS = """
found = set()
def attempt(act):
    try: act(); found.add("done")
    except OSError as error: found.add(errno.errorcode[error.errno])
for place, _, files in os.walk("/sys"):
    attempt(lambda: os.mkdir(place + "/hostile"))
    attempt(lambda: os.chmod(place, 0o777))
    for each in files:
        attempt(lambda: os.open(place + "/" + each, os.O_WRONLY))
result = sorted(found - {"EROFS", "EACCES", "EPERM"})
"""
# Processes in its groups that it does not see otherwise; one of another process namespace has the number 0.
SEARCH_GROUPS = """
listed = {int(number) for place, _, files in os.walk("/sys") for name in files if name in ("cgroup.procs", "tasks")
          for number in open(place + "/" + name)}
result = sorted(number for number in listed if number and not os.path.exists(f"/proc/{number}"))
"""
ATTEMPTS = {
    # This machine's files, and what Understudy keeps.
    "read what should run, with its secrets": ("open(GIVEN['node'] + '/services.json')", NOT_THERE),
    "read a file of the user's": ("open(GIVEN['secret'])", NOT_THERE),
    "read what passwords are kept by": ("open('/etc/shadow')", NOT_THERE),
    "read private keys of the machine": ("os.listdir('/etc/ssl/private')", NOT_THERE),
    "list homes": ("result = sorted(os.listdir('/home'))", {"['app']"}),
    "write a program": ("open('/usr/bin/hostile', 'w')", READ_ONLY),
    "write settings": ("open('/etc/hostile', 'w')", READ_ONLY),
    "change where names are looked up": ("open('/etc/resolv.conf', 'w')", READ_ONLY),
    "write beside them": ("open('/hostile', 'w')", READ_ONLY),
    "write devices": ("open('/dev/hostile', 'w')", READ_ONLY),
    # They are as they were even if this succeeds.
    "the modes of the machine's devices": ("os.chmod('/dev/full', 0o666)", {"EPERM", "EROFS"}),
    "the owner of the machine's devices": ("os.chown('/dev/full', os.getuid(), os.getgid())", {"EPERM", "EROFS"}),
    "make a device": ("os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))", {"EPERM"}),
    "see files of others in /tmp": ("result = os.listdir('/tmp')", {"[]"}),
    "see sockets of services": ("result = os.listdir('/run')", {"[]"}),
    "look into the kernel's devices": ("os.listdir('/sys/kernel')", NOT_THERE),
    "see the machine's memory": ("result = len(open('/proc/kcore', 'rb').read(16))", {"EACCES", "ENOENT"}),
    "see keys of this user": ("result = len(open('/proc/keys').read())", {"EACCES", "ENOENT"}),
    "set what cores are piped to": ("open('/proc/sys/kernel/core_pattern', 'w')", READ_ONLY),
    "restart the machine by a file": ("open('/proc/sysrq-trigger', 'w')", {*READ_ONLY, "ENOENT"}),
    # Its control groups, where some could be made.
    "raise its own limits": (CHANGE_GROUPS, {"[]"}),
    "see control groups of others": (
        "result = [x for x, _, files in os.walk('/sys') if 'cgroup.procs' in files and os.path.exists(os.path.dirname(x) + '/cgroup.procs')]",
        {"[]"},
    ),
    "see who else is in its groups": (SEARCH_GROUPS, {"[]"}),
    "see what its groups are called": (
        "result = [x for x in open('/proc/self/mountinfo') if ' - cgroup' in x and x.split()[3] != '/']",
        {"[]"},
    ),
    "see more of the kernel than its groups": (
        "result = [x for x, dirs, _ in os.walk('/sys') if x in ('/sys', '/sys/fs') and len(dirs) > 1]",
        {"[]"},
    ),
    "show its groups for writing": ("check(libc.mount(None, b'/sys/fs/cgroup', None, 32, None))", REFUSED),
    # Other processes.
    "see other processes": ("result = sorted(int(x) for x in os.listdir('/proc') if x.isdigit())[:2]", {"[1, 2]"}),
    "see who else there is": ("result = len([x for x in os.listdir('/proc') if x.isdigit()])", {"3"}),
    "signal the node": ("os.kill(GIVEN['pid'], 0)", {"ESRCH"}),
    "signal the holder": ("os.kill(GIVEN['holder'], 0)", {"ESRCH"}),
    "signal another service": ("os.kill(GIVEN['other'], 0)", {"ESRCH"}),
    "trace another service": ("check(libc.ptrace(16, GIVEN['other'], 0, 0))", {"ESRCH", "EPERM"}),
    "read another's memory": ("open(f'/proc/{GIVEN[\"other\"]}/mem')", NOT_THERE),
    "read another's environment": ("open(f'/proc/{GIVEN[\"other\"]}/environ')", NOT_THERE),
    "find another's secret anywhere": (
        SEARCH,
        {"[True, False]"},
    ),
    "shared memory of others": ("result = os.listdir('/dev/shm')", {"[]"}),
    # The network.
    "the machine's loopback": ("connect(socket.AF_INET, ('127.0.0.1', GIVEN['port']))", {"ECONNREFUSED"}),
    "an abstract socket of the machine": ("connect(socket.AF_UNIX, '\\0' + GIVEN['abstract'])", {"ECONNREFUSED"}),
    "the node's socket": ("connect(socket.AF_UNIX, GIVEN['socket'])", {"ENOENT", "refused"}),
    "another service of the VPC": ("connect(socket.AF_INET, ('10.0.1.11', 8080))", UNREACHED),
    "another VPC": ("connect(socket.AF_INET, ('10.9.1.10', 8080))", UNREACHED),
    "the machine's own addresses": ("connect(socket.AF_INET, (GIVEN['address'], GIVEN['port']))", UNREACHED),
    "an address of its own choice": (
        "request(20, 0x400, struct.pack('=BBBBI', 2, 24, 0, 0, 1) + struct.pack('=HH4B', 8, 2, 10, 9, 1, 10), 0)",
        {"EPERM"},
    ),
    "a route of its own": ("request(24, 0x400, struct.pack('=BBBBBBBBI', 2, 0, 0, 0, 254, 4, 0, 1, 0), 0)", {"EPERM"}),
    "rules of packets": ("request(0xA00, 0x400, struct.pack('=BBH', 1, 0, 0) + struct.pack('=HH4s', 8, 1, b'x'), 12)", {"EPERM"}),
    "raw packets": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", {"EPERM"}),
    "packets below IP": ("socket.socket(17, socket.SOCK_RAW)", {"EAFNOSUPPORT", "EPERM"}),
    "the host of a virtual machine": ("socket.socket(40, socket.SOCK_STREAM)", {"EAFNOSUPPORT"}),
    "the kernel's ciphers": ("socket.socket(38, socket.SOCK_SEQPACKET)", {"EAFNOSUPPORT"}),
    # Rights.
    "be root": ("os.setuid(0)", {"EPERM", "EINVAL"}),
    "have a capability": (
        "result = [x.split()[1] for x in open('/proc/self/status') if x.startswith(('CapEff', 'CapBnd', 'NoNewPrivs'))]",
        {"['0000000000000000', '0000000000000000', '1']"},
    ),
    "another root": ("os.chroot('/tmp')", {"EPERM"}),
    # The kernel.
    **{f"a namespace by unshare: {name}": (f"check(libc.unshare({flag}))", REFUSED) for name, flag in _NEW.items()},
    **{
        f"a namespace by clone: {name}": (f"call(56, 220, {flag | 17}, 0, 0, 0, 0) or os._exit(0)", REFUSED)
        for name, flag in _NEW.items() if name != "TIME"
    },
    "a namespace by clone3": ("call(435, 435, 0, 88)", {"ENOSYS"}),
    "another's namespace": ("check(libc.setns(os.open('/proc/1/ns/net', os.O_RDONLY), 0))", {"EPERM", "EACCES"}),
    "a mount": ("check(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))", REFUSED),
    "a mount by its new calls": ("call(430, 430, b'tmpfs', 0)", REFUSED),
    "the end of a mount": ("check(libc.umount2(b'/proc', 2))", REFUSED),
    "another root by pivot_root": ("call(155, 41, b'/', b'/tmp')", REFUSED),
    "a key": ("call(248, 217, b'user', b'x', b'y', 1, -2)", REFUSED),
    "a keyring": ("call(250, 219, 0, -3, 1)", REFUSED),
    "a program in the kernel": ("call(321, 280, 0, 0, 0)", REFUSED),
    "events of performance": ("call(298, 241, 0, 0, -1, -1, 0)", REFUSED),
    "page faults of its own": ("call(323, 282, 1)", REFUSED),
    "io_uring": ("call(425, 425, 8, 0)", REFUSED),
    "a module": ("call(175, 105, 0, 0, b'')", REFUSED),
    "another kernel": ("call(246, 104, 0, 0, 0, 0)", REFUSED),
    "a file by its handle": ("call(304, 265, -100, 0, 0)", REFUSED),
    "the clock": ("call(227, 112, 0, 0)", REFUSED),
    "the log of the kernel": ("call(103, 116, 3, 0, 0)", REFUSED),
    "swap": ("call(167, 224, b'/tmp/x', 0)", REFUSED),
    "the machine's end": ("call(169, 142, 0, 0, 0, 0)", REFUSED),
    "a call by its number of another kind": ("call(0x40000000 | 39, 0x40000000, 0)", {"ENOSYS"}),
}  # fmt: skip

# What root of an image's users tries with the rights that it has: each counts for what is its own alone.
_OUT_OF_A_ROOT = """
os.mkdir('/inner'); os.chroot('/inner')
for _ in range(50): os.chdir('..')
os.chroot('.')
result = sorted(set(os.listdir('/')) & {'oldroot', 'boot', 'root', 'work', 'home', 'newroot'})
"""
# A structure of a version and a number, and three sets of 64 bits.
_OF_A_PROGRAM = """
read, write = os.pipe()
if os.fork() == 0:
    os.dup2(write, 1); os.execv('/bin/busybox', ['grep', 'CapEff', '/proc/self/status'])
result = os.read(read, 1024).split()[1].decode()
"""
_TAKE_CAPABILITIES = "check(libc.capset(struct.pack('=Ii', 0x20080522, 0), struct.pack('=6I', *[0xffffffff] * 3, *[0x1ff] * 3)))"
ATTEMPTS_OF_ROOT = {
    "a user that the machine has": ("os.setuid(70000)", {"EINVAL"}),
    "a group that the machine has": ("os.setgroups([70000])", {"EINVAL"}),
    "a file for such a user": ("open('/own', 'w'); os.chown('/own', 70000, -1)", {"EINVAL"}),
    "out of another root": (_OUT_OF_A_ROOT, {"[]"}),
    "every capability": (_TAKE_CAPABILITIES, {"EPERM"}),
    "a capability by a program": (_OF_A_PROGRAM, {"00000000000405fb"}),
    "what it is told of names": ("os.chmod('/etc/resolv.conf', 0o666)", {"EROFS"}),
    "what it has said before": ("open('/proc/self/fd/1').read()", {"EACCES"}),
    "a higher limit": (
        "check(libc.prlimit(0, 4, struct.pack('=QQ', 1 << 20, 1 << 20), None))", {"EPERM"},
    ),
    "a name of the machine": ("import socket as s; s.sethostname('other')", {"EPERM"}),
    "more of the processors": ("os.setpriority(os.PRIO_PROCESS, 0, -20)", {"EPERM", "EACCES"}),
    "not to be ended for memory": ("os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')", {"EACCES", "EPERM"}),
    "namespaces of its first process": ("os.listdir('/proc/1/root/oldroot')", NOT_THERE),
    "how many namespaces there may be": ("open('/proc/sys/user/max_user_namespaces', 'w')", READ_ONLY),
    "which ids there are": ("os.write(os.open('/proc/self/uid_map', os.O_WRONLY), b'0 0 1')", {"EPERM"}),
}  # fmt: skip


def own_address() -> str:
    """An address of this machine that others have for it, if there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "192.0.2.1"
        return asking.getsockname()[0]


class Machine:
    """What is there on this machine to be got at: a secret file, a port and an abstract socket."""

    def __init__(self, place: Path) -> None:
        self.secret = place / "secret"
        self.secret.write_text("secret")
        self.abstract = f"understudy-{place.name}"
        self._listening = socket.create_server(("0.0.0.0", 0))
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind(f"\0{self.abstract}")
        self._unix.listen()

    def given(self, running: Node, other: int) -> str:
        """What a program is told of it, with the node and the number of another service's process."""
        given = {
            "node": str(running.directory), "secret": str(self.secret), "pid": running.process.pid,
            "holder": running.status().holder, "other": other, "port": self._listening.getsockname()[1],
            "abstract": self.abstract, "socket": str(running.directory / SOCKET), "address": own_address(),
        }  # fmt: skip
        return json.dumps(given)

    def close(self) -> None:
        self._listening.close()
        self._unix.close()
