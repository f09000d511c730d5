"""A program with a root of its own: what it sees of the machine, what it can write, and that nothing leads back."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from networks import ALL, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import Network

PYTHON = "/usr/bin/python3"
if not Path(PYTHON).exists():
    pytest.skip(f"there is no {PYTHON}", allow_module_level=True)

PRELUDE = """
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0: raise OSError(ctypes.get_errno(), name)
HOME, READABLE, DIRECTORY = sys.argv[1:4]
for code in sys.argv[4:]:
    child = os.fork()
    if child == 0:
        try:
            exec(code); print("done", flush=True)
        except OSError as error:
            print(errno.errorcode[error.errno], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
OWN_ROOT = "call('unshare', 0x10000000 | 0x20000)\n"
REFUSED = {"EPERM", "EACCES", "EROFS", "ENOENT", "EINVAL", "EBUSY", "ENOTDIR", "ECONNREFUSED"}
ATTEMPTS = {
    "files of the user": "open(HOME + '/secret').read()",
    "the user's home": "os.listdir(HOME)",
    "homes": "os.listdir('/home')",
    "root's home": "os.listdir('/root')",
    "passwords": "open('/etc/shadow')",
    "what services keep": "os.listdir('/var/lib')",
    "another's temporary files": "open('/tmp/' + os.path.basename(HOME) + '/secret')",
    "disks": "os.stat('/dev/sda'), os.stat('/dev/vda')",
    "memory": "open('/dev/mem')",
    "other terminals": "os.stat('/dev/pts/0')",
    "the node": "os.listdir(DIRECTORY)",
    "the engine's socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "write what it reads": "open(READABLE + '/shown', 'w')",
    "write beside it": "open(READABLE + '/new', 'w')",
    "write programs": "open('/usr/bin/understudy-test', 'w')",
    "write settings": "open('/etc/understudy-test', 'w')",
    "write its root": "open('/understudy-test', 'w')",
    "write devices": "open('/dev/understudy-test', 'w')",
    "write what the kernel reads": "open('/sys/kernel/uevent_helper', 'w')",
    "the root of its first process": "os.listdir('/proc/1/root')",
    "the directory of its first process": "os.listdir('/proc/1/cwd')",
    "what is below its root": "call('umount2', b'/', 2); os.listdir(HOME)",
    "what is below as root of its own": OWN_ROOT + "call('umount2', b'/', 2)\nos.listdir(HOME)",
    "what is below its files as root of its own": OWN_ROOT + "call('umount2', b'/tmp', 2)",
    "writable programs as root of its own": OWN_ROOT + "call('mount', b'none', b'/usr', b'none', 4096 | 32, None)\nopen('/usr/bin/understudy-test', 'w')",
    "a device of its own": "call('mknod', b'/tmp/disk', 0o60600, 0x800)",
}  # fmt: skip
ALLOWED = {
    "what is shown": "assert open(READABLE + '/shown').read() == 'shown'",
    "temporary files": "open('/tmp/x', 'w').write('x'), open('/var/tmp/y', 'w').write('y')",
    "shared memory": "open('/dev/shm/x', 'w').write('x')",
    "nothing at all": "open('/dev/null', 'w').write('x'), open('/dev/urandom', 'rb').read(1)",
    "a terminal of its own": "os.openpty()",
    "its resolver": "assert open('/etc/resolv.conf').read() == 'nameserver 10.0.0.2\\n'",
    "who it is": "import pwd; pwd.getpwuid(os.getuid())",
    "other programs": "assert os.system('/bin/sh -c true') == 0",
}


@pytest.fixture
def places(running):
    """A home with a secret, and a directory that is shown, both the user's."""
    home, readable = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp(dir="/var/tmp"))
    (home / "secret").write_text("secret")
    (readable / "shown").write_text("shown")
    for each in (home, readable):
        each.chmod(0o755)
        if running.user is not None:
            for path in (each, *each.iterdir()):
                os.chown(path, running.user, running.user)
    yield home, readable
    for each in (home, readable):
        shutil.rmtree(each)


def tried(running, places, *attempts: str, readable: str | None = None) -> list[str]:
    """What came of each attempt."""
    made = vpc("vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10"), groups=(group("sg-app", rule(ALL)),))
    running.want(Network(vpcs=(made,)))
    home, shown = map(str, places)
    words = (PYTHON, "-I", "-c", PRELUDE, home, shown, str(running.directory), *attempts)
    done = running.run_apart("eni-app", shown if readable is None else readable, *words, timeout=60)
    said = done.stdout.split()
    assert len(said) == len(attempts), done
    return said


def test_it_sees_none_of_the_users_files_and_gets_to_none(running, places):
    came_of_it = dict(zip(ATTEMPTS, tried(running, places, *ATTEMPTS.values()), strict=True))
    assert {name: said for name, said in came_of_it.items() if said not in REFUSED} == {}
    assert (places[0] / "secret").read_text() == "secret"


def test_it_has_what_programs_need(running, places):
    came_of_it = dict(zip(ALLOWED, tried(running, places, *ALLOWED.values()), strict=True))
    assert came_of_it == dict.fromkeys(ALLOWED, "done")
    assert not Path("/tmp/x").exists()


def test_without_a_directory_it_reads_none(running, places):
    assert tried(running, places, "os.listdir(READABLE)", readable="") == ["ENOENT"]


def test_its_network_is_its_interface(running, places):
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = host.getsockname()[1]
        attempts = (
            f"socket.create_connection(('127.0.0.1', {port}), 3)",
            "assert sorted(name for _, name in socket.if_nameindex()) == ['eth0', 'lo']",
        )
        assert tried(running, places, *attempts) == ["ECONNREFUSED", "done"]
