"""What the program of an image sees and may do is the same where runc runs it and where bubblewrap does.

runc is Podman's, asked for the same rights: no capability, but for some of those of an image that starts as root, and
none to be gained. What differs on purpose is named here.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

import engines
import pytest
from images import entry, file, layout, link
from instances import instance, network, output_of, until, want
from nodes import node, refusal_for
from restrictions import refusal_of
from tasks import result_of

from understudy_aws.dataplane.tasks import PullImage
from understudy_aws.dataplane.wanted_services import Program

BUSYBOX = Path("/bin/busybox")
REFUSED = engines.refusal_of("podman") or refusal_of("no-unshare") or refusal_for(None)
pytestmark = [
    pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "both can run"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
    pytest.mark.skipif(not BUSYBOX.exists(), reason="a static busybox is not installed"),
]

NAMES = (
    "sh",
    "id",
    "cat",
    "echo",
    "ls",
    "env",
    "grep",
    "awk",
    "hostname",
    "sleep",
    "tty",
    "wc",
    "tr",
    "mkdir",
    "touch",
    "chown",
    "su",
    "stat",
)
# A line for each thing seen, with its name before the equals sign.
PROBE = r"""
say() { echo "$1=$2"; }
say user "$(id -u):$(id -g) $(id -un):$(id -gn)"; say directory "$(pwd)"; say umask "$(umask)"; say tty "$(tty)"
say hostname "$([ "$HOSTNAME" = "$(hostname)" ] && [ "$(cat /etc/hostname)" = "$HOSTNAME" ] && echo one)"
say resolvable "$(grep -c "$(hostname)" /etc/hosts)"; say localhost "$(grep -c '^127.0.0.1.*localhost' /etc/hosts)"
for each in HOME PATH GREETING PORT; do say $each "$(eval echo \$$each)"; done
for each in CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp SigIgn SigBlk; do
  say $each "$(awk -v name=$each: '$1 == name { print $2 }' /proc/self/status)"; done
for each in /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/fd /dev/stdin /dev/stdout /dev/stderr; do
  say $each "$(ls -ld $each | awk '{ print substr($1, 1, 10), $10, $11 }' | tr -d 0-9:)"; done
for each in / /dev/shm /tmp /var/tmp /data /volume /absent/deep /home/web /etc/hosts /sys /proc/sys; do
  say "directory $each" "$(ls -ld $each | awk '{ print substr($1, 1, 10) }')"; done
for each in / /etc /dev /dev/shm /tmp /var/tmp /data /volume /absent/deep /home/web /proc/sys/kernel; do
  say "writes $each" "$(touch $each/x 2>/dev/null && echo yes)"; done
for each in /proc/kcore /proc/keys /proc/timer_list /proc/sysrq-trigger /proc/kmsg /sys/firmware/memmap; do
  say "reads $each" "$(cat $each 2>/dev/null | wc -c)"; done
say seed "$(cat /data/seed)"; say descriptors "$(ls /proc/self/fd | wc -l)"
trap 'echo ended=by-USR1; exit 0' USR1; trap 'echo ended=by-TERM; exit 0' TERM
say done ""; sleep 100 & wait
"""
# What an image tries that starts as root.
AS_ROOT = r"""
say() { echo "$1=$2"; }
say user "$(id -u):$(id -g)"
for each in CapPrm CapEff CapBnd NoNewPrivs; do say $each "$(awk -v name=$each: '$1 == name { print $2 }' /proc/self/status)"; done
for each in /data /data/seed /home/web /etc/passwd; do say $each "$(stat -c %u:%g:%a $each)"; done
touch /tmp/x; say owner "$(chown web /tmp/x 2>/dev/null && echo changed)"; say other "$(su web -c 'id -u' 2>/dev/null)"
trap 'echo ended=by-TERM; exit 0' TERM; say done ""; sleep 100 & wait
"""
# All files of an image are its one user's under bubblewrap (decision 0034), who may write them and has no further
# groups. There is no /sys. Podman's init blocks some signals, and its `/` has a mode of its own.
ON_PURPOSE = {
    "writes /",
    "writes /etc",
    "writes /volume",
    "writes /absent/deep",
    "directory /sys",
    "SigBlk",
    "directory /",
}


def folder(name: str, mode: int = 0o755, owner: int = 0):
    return entry(name, type=tarfile.DIRTYPE, mode=mode, uid=owner, gid=owner)


@pytest.fixture(scope="module")
def images():
    """An image with a user, and one that starts as root."""
    place = Path(tempfile.mkdtemp())
    files = [
        folder("bin"), file("bin/busybox", BUSYBOX.read_bytes(), 0o755), *(link(f"bin/{name}", "busybox") for name in NAMES),
        folder("etc"), file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nweb:x:101:101::/home/web:/bin/sh\n"),
        file("etc/group", b"root:x:0:\nweb:x:101:\nextra:x:303:web\n"),
        folder("tmp", 0o1777), folder("var"), folder("var/tmp", 0o1777), folder("home"), folder("home/web", owner=101),
        folder("data", owner=101), file("data/seed", b"seed", uid=101, gid=101),
    ]  # fmt: skip
    config = {
        "Entrypoint": ["/bin/sh", "-c", PROBE], "User": "web", "WorkingDir": "/absent/deep", "StopSignal": "SIGUSR1",
        "Volumes": {"/data": {}, "/volume": {}}, "Env": ["GREETING=hello"],
    }  # fmt: skip
    layout(place / "image", [files], config)
    layout(place / "root", [files], {"Cmd": ["/bin/sh", "-c", AS_ROOT]})
    yield place / "image", place / "root"
    shutil.rmtree(place)


def seen(image: Path, **given) -> dict[str, str]:
    """What the image's program says, run by a node until it is asked to end."""
    with tempfile.TemporaryDirectory() as place, node(Path(place) / "node", **given) as running:
        pulled = result_of(running, "probe", PullImage(reference=f"oci:{image}:latest")).image
        running.want(network("probe"))
        want(running, instance("probe", program=Program(image=pulled)))
        until(running, "probe", lambda status: status.pid)
        lines = output_of(running, 1, "instance/probe")
        while not any(each.text == "done=" for each in lines):
            lines = output_of(running, len(lines) + 1, "instance/probe")
        want(running)
        lines = output_of(running, len(lines) + 1, "instance/probe")
        return dict(each.text.split("=", 1) for each in lines if "=" in each.text)


@pytest.fixture(scope="module")
def found(images):
    """What the programs of both images say, under runc and under bubblewrap."""
    with engines.engine_of("podman") as engine:
        variables = {"DOCKER_HOST": engine.address}
        by_runc = [seen(each, restriction="no-unshare", variables=variables) for each in images]
    return tuple(zip(by_runc, map(seen, images), strict=True))


def test_a_program_sees_and_may_do_the_same_under_both(found):
    by_runc, by_bubblewrap = found[0]
    assert by_runc["user"] == "101:101 web:web"
    assert by_runc["ended"] == "by-USR1"
    differing = {
        name: (by_runc.get(name), by_bubblewrap.get(name))
        for name in by_runc.keys() | by_bubblewrap
        if name not in ON_PURPOSE and by_runc.get(name) != by_bubblewrap.get(name)
    }
    assert differing == {}


def test_one_that_starts_as_root_becomes_another_user_under_both(found):
    """Both give it the same of what an engine gives by itself; which of it a program inherits, engines differ in."""
    by_runc, by_bubblewrap = found[1]
    assert by_runc == by_bubblewrap
    assert (by_runc["user"], by_runc["owner"], by_runc["other"]) == ("0:0", "changed", "101")
    assert by_runc["CapEff"] == by_runc["CapBnd"] == "00000000000405fb"
