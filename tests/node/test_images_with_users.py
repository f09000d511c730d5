"""An image that starts as root runs as Docker runs it: it becomes its other users, and files have their owners."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from images import entry, file, layout, link
from instances import instance, network, output_of, until, until_healthy, want
from nodes import UNPRIVILEGED, environment, node, python_of, refusal_for
from restrictions import refusal_of, restricted
from tasks import result_of

from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.image_users import ONE_USER
from understudy_aws.dataplane.runtime.records import all_observed
from understudy_aws.dataplane.tasks import PullImage
from understudy_aws.dataplane.wanted_services import Program

T = TypeVar("T")
BUSYBOX = Path("/bin/busybox")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="ids are given by root"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("bwrap", "skopeo", "umoci"))),
        reason="bubblewrap, skopeo or umoci is not installed",
    ),
    pytest.mark.skipif(not BUSYBOX.exists(), reason="a static busybox is not installed"),
]
NAMES = (
    "sh",
    "id",
    "cat",
    "ls",
    "touch",
    "chown",
    "chmod",
    "stat",
    "su",
    "httpd",
    "sleep",
    "rm",
    "mkdir",
    "kill",
    "grep",
    "chroot",
)

DELETE = """
import sys; from pathlib import Path
from understudy_aws.dataplane.runtime.artifacts import Artifacts
found = Artifacts(Path(sys.argv[1])); found.set_aside((), (), ()); found.remove_aside()
"""


def folder(name: str, owner: int = 0, mode: int = 0o755):
    return entry(name, type=tarfile.DIRTYPE, mode=mode, uid=owner, gid=owner)


@pytest.fixture(scope="module")
def images():
    """Layouts of images that differ in their USER alone, by that."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    files = [
        folder("bin"), file("bin/busybox", BUSYBOX.read_bytes(), 0o755), *(link(f"bin/{name}", "busybox") for name in NAMES),
        folder("etc"), file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nweb:x:101:202::/data:/bin/sh\n"),
        file("etc/group", b"root:x:0:\nweb:x:202:\nextra:x:303:web\n"), file("etc/secret", b"secret", 0o600),
        folder("tmp", mode=0o1777), folder("data", 101, 0o700), file("data/seed", b"seed\n", 0o640, uid=101, gid=303),
        file("data/high", b"", uid=100_000, gid=70_000), file("bin/web", b"", 0o4755),
        entry("data/link", type=tarfile.SYMTYPE, linkname="/etc/secret", uid=101, gid=101),
    ]  # fmt: skip
    for name, user in (("none", ""), ("group", "root:web"), ("web", "web")):
        layout(place / name, [files], {"User": user})
    yield place
    shutil.rmtree(place)


class Here:
    """A node, and images that it has pulled; `restriction` gives its user further ids."""

    def __init__(self, running, images: Path, restriction: str) -> None:
        self.running = running
        self.restriction = restriction
        self._images = images
        self._made = 0

    def digest(self, user: str = "none") -> str:
        return result_of(
            self.running,
            f"pull-{self._made}-{user}",
            PullImage(reference=f"oci:{self._images / user}:latest"),
        ).image

    def run(self, command: str, user: str = "none") -> str:
        """Run a command of a shell in an image, and return the instance's id."""
        self._made += 1
        id = f"web-{self._made}"
        self.running.want(network(id))
        program = Program(image=self.digest(user), command=("/bin/sh", "-c", command))
        want(self.running, instance(id, program=program))
        return id

    def said(self, command: str, user: str = "none") -> list[str]:
        """All that a command says, whose last line is `done`."""
        id = self.run(f"{{ {command}; }} 2>&1; echo done; sleep 600", user)
        lines: list[str] = []
        while "done" not in lines:
            lines = [each.text for each in output_of(self.running, len(lines) + 1, f"instance/{id}")]
        return lines[: lines.index("done")]


@pytest.fixture(scope="module", params=["root", "unprivileged"])
def here(request, images):
    user = None if request.param == "root" else UNPRIVILEGED
    restriction = "" if user is None else "further-ids"
    if refused := refusal_for(user) or (refusal_of(restriction) if restriction else ""):
        pytest.skip(refused)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    if user is not None:
        os.chown(place, user, user)
    try:
        with node(place / "node", user, restriction=restriction) as running:
            yield Here(running, images, restriction)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_its_root_becomes_another_user_with_that_ones_groups(here):
    assert here.said("id -u; su web -c 'id -u; id -G; echo x > /data/x; stat -c %u:%g /data/x'") == [
        "0", "101", "202 303", "101:202",
    ]  # fmt: skip


def test_it_gives_files_to_other_users_and_takes_them(here):
    look = "touch /a; chown web:extra /a; stat -c %u:%g /a; chown root /data/seed; stat -c %u:%g /data/seed"
    assert here.said(look) == ["101:303", "0:303"]


def test_files_have_the_owners_and_modes_that_the_image_gives_them(here):
    names = "/ /data /data/seed /etc/passwd /etc/secret /tmp /etc/hosts /dev/shm /bin/web /data/link"
    assert here.said(f"stat -c '%n %u:%g %a' {names}; cat /data/seed") == [
        "/ 0:0 755", "/data 101:101 700", "/data/seed 101:303 640", "/etc/passwd 0:0 644", "/etc/secret 0:0 600",
        "/tmp 0:0 1777", "/etc/hosts 0:0 644", "/dev/shm 0:0 1777", "/bin/web 0:0 4755", "/data/link 0:0 777", "seed",
    ]  # fmt: skip
    assert here.said("stat -c %u:%g /data/high") == ["65534:65534"]


def test_a_user_that_it_has_become_may_no_more_than_that_one(here):
    tried = (
        "cat /etc/secret || echo 1; touch /etc/x || echo 2; chown root /data/seed || echo 3; kill 2 || echo 4"
    )
    found = here.said(f"su web -c '{tried}'; su web -c 'grep Cap[PEA] /proc/self/status'")
    assert [each for each in found if len(each) == 1] == ["1", "2", "3", "4"]
    assert {each.split()[1] for each in found if each.startswith("Cap")} == {"0" * 16}


def test_a_server_that_drops_its_rights_answers(here):
    id = here.run("httpd -f -u web:202 -p 8080")
    assert until_healthy(here.running, id).state == "healthy"


def test_standard_output_can_be_opened_by_its_name(here):
    """As nginx and Apache do, whose logs are links to it in their images."""
    assert here.said("echo one > /dev/stdout; su web -c 'echo two >> /dev/stderr'") == ["one", "two"]


def test_the_group_of_its_user_is_its_own(here):
    assert here.said("id -u; id -g", "group") == ["0", "202"]


def test_one_with_another_user_has_that_one_alone(here):
    """Nothing is asked for that it had not before: it can become nobody, and files are its own."""
    said = here.said(
        "id -u; stat -c %u /data/seed /etc/passwd; su root -c id || echo refused; touch /x; chown root /x || echo refused",
        "web",
    )
    assert said[:3] == ["101", "101", "101"]
    assert [each for each in said if each == "refused"] == ["refused", "refused"]


def test_nothing_of_the_reason_is_told_where_another_user_could_be_had(here):
    status = until(
        here.running,
        here.run("su web -c 'chown root /data/seed'; exit 1"),
        lambda each: each.state == "ended",
    )
    assert "chown" in status.reason
    assert ONE_USER not in status.reason


def test_processes_of_other_users_end_with_it(here):
    id = here.run("su web -c 'sleep 600 & sleep 600' & sleep 600")
    pid = until(here.running, id, lambda status: status.pid).pid
    of = eventually(lambda: found if len(users_of(found := below(pid))) > 1 else None)
    users = users_of(of)
    assert 0 not in users
    assert UNPRIVILEGED not in users
    started = {each: start_of(each) for each in of}
    want(here.running)
    eventually(lambda: not [each for each, when in started.items() if start_of(each) == when])


def test_all_of_them_are_held_to_its_limits(here):
    id = here.run("su web -c 'sleep 600' & sleep 600")
    pid = until(here.running, id, lambda status: status.pid).pid
    of = eventually(lambda: found if len(users_of(found := below(pid))) > 1 else None)
    record = next(each.record for each in all_observed(here.running.directory) if each.record.id == id)
    for group in record.groups:
        assert set(map(str, of)) <= set((Path(group) / "cgroup.procs").read_text().split())
    for each in of:
        limits = Path(f"/proc/{each}/limits").read_text().split("\n")
        assert any(line.split() == ["Max", "core", "file", "size", "0", "0", "bytes"] for line in limits)
        assert record.groups or any(line.split()[:3] == ["Max", "processes", "4096"] for line in limits)


def eventually(found: Callable[[], T | None]) -> T:
    """Wait until something is found."""
    end = time.monotonic() + 30
    while not (result := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return result


def users_of(processes: list[int]) -> set[int]:
    """The users of processes, as this machine knows them."""
    return {Path(f"/proc/{each}").stat().st_uid for each in processes}


def below(pid: int) -> list[int]:
    """All processes that a process has begun, and those have."""
    try:
        found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*found, *(deeper for each in found for deeper in below(each))]


def test_it_outlives_a_node_that_is_killed_and_is_started_again_when_it_is(here):
    id = here.run("httpd -f -u web:202 -p 8080")
    before = until_healthy(here.running, id)
    here.running.kill()
    here.running.start_again()
    assert until_healthy(here.running, id).pid == before.pid
    os.kill(before.pid, signal.SIGKILL)
    after = until(here.running, id, lambda status: status.state == "healthy" and status.pid != before.pid)
    assert after.starts == before.starts + 1


def test_its_files_are_deleted_with_it(here):
    digest = here.digest()
    artifacts = Artifacts(here.running.directory)
    assert artifacts.image(digest).keeps_owners
    assert artifacts.root(digest).stat().st_uid not in {0, UNPRIVILEGED}
    want(here.running)
    # As a server does that has no node any more, and so no ids.
    words = [python_of(UNPRIVILEGED if here.restriction else None), "-c", DELETE, str(here.running.directory)]
    words = restricted(here.restriction, *words) if here.restriction else words
    subprocess.run(words, check=True, env=environment(), cwd="/")
    assert not list(artifacts.images.iterdir())
    assert here.said("cat /data/seed") == ["seed"]
