"""Instances of unpacked images run as their configuration says, and a hostile image leads nowhere."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path

import pytest
from instances import instance, network, output_of, until, want
from nodes import node, user_called

from understudy_aws.dataplane.messages import InstanceStatus
from understudy_aws.dataplane.runtime.artifacts import Artifacts, UnpackedImage, write_record
from understudy_aws.dataplane.runtime.image_users import ONE_USER
from understudy_aws.dataplane.wanted_services import Program

BUSYBOX = Path("/bin/busybox")


def _is_static(program: Path) -> bool:
    """Whether a program needs no other file: it names no interpreter (elf(5): PT_INTERP is 3)."""
    if not program.exists():
        return False
    data = program.read_bytes()
    (start,) = struct.unpack_from("=Q", data, 32)
    size, count = struct.unpack_from("=HH", data, 54)
    return all(struct.unpack_from("=I", data, start + at * size)[0] != 3 for at in range(count))


pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None or not _is_static(BUSYBOX),
    reason="bubblewrap or a static busybox is not installed",
)
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:101:202:web:/srv:/bin/sh\n"
LOOK = "echo $(id -u) $(id -g) $PWD $HOME $GREETING $PORT; cat /etc/os-release; echo new > /etc/os-release; cat /etc/os-release"


class Images:
    """A node, and images that are made for it."""

    def __init__(self, running, directory: Path, user: int | None) -> None:
        self.running = running
        self.directory = directory
        self._user = user
        self._made = 0

    def make(self, **config) -> tuple[str, Path]:
        """Make an image with busybox; returns its digest and where its files are."""
        self._made += 1
        digest = f"sha256:{self._made:064x}"
        artifacts = Artifacts(self.directory)
        root = artifacts.root(digest)
        for folder in ("bin", "etc", "srv"):
            (root / folder).mkdir(parents=True)
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for name in ("sh", "id", "cat", "echo", "ls", "sleep", "nc", "httpd", "su", "chown", "touch"):
            (root / "bin" / name).symlink_to("busybox")
        (root / "etc/passwd").write_text(PASSWD)
        (root / "etc/os-release").write_text("test\n")
        values = {
            "id": digest, "reference": "test", "command": ("/bin/sh", "-c", LOOK), "entry_point": (),
            "environment": (), "working_directory": "", "user": "", "ports": (), "blobs": (), "bytes": 0,
        }  # fmt: skip
        write_record(root.parent, UnpackedImage(**{**values, **config}))
        return digest, root

    def run(self, digest: str, *command: str, **environment) -> str:
        """Run an instance of an image, and return its id."""
        if self._user is not None:
            for each in (self.directory / "images").rglob("*"):
                os.chown(each, self._user, self._user, follow_symlinks=False)
        id = f"web-{self._made}"
        program = Program(image=digest, command=command, environment=tuple(sorted(environment.items())))
        self.running.want(network(id))
        want(self.running, instance(id, program=program))
        return id

    def output(self, digest: str, *command: str, lines: int = 1, **environment) -> list[str]:
        """What an instance of an image writes first."""
        id = self.run(digest, *command, **environment)
        return [each.text for each in output_of(self.running, lines, stream=f"instance/{id}")][:lines]

    def reason(self, digest: str, *command: str) -> str:
        """Why an instance of an image does not run."""
        return self.ended(digest, *command).reason

    def ended(self, digest: str, *command: str) -> InstanceStatus:
        """How an instance of an image ends that does not run."""
        return until(self.running, self.run(digest, *command), lambda status: status.state == "ended")


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def images(request):
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user) as started:
            yield Images(started, place / "node", user)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_an_image_runs_as_its_configuration_says(images):
    digest, root = images.make(
        user="web", working_directory="/data/here", environment=(("GREETING", "hello"), ("PORT", "1"))
    )
    # The directory it starts in need not be there, and what it changes stays its own.
    assert images.output(digest, lines=3) == ["101 202 /data/here /srv hello 8080", "test", "new"]
    assert (root / "etc/os-release").read_text() == "test\n"


def test_directories_that_an_image_names_are_in_it(images):
    """Its volumes are made, as Docker makes them, and no name leads out of it."""
    name = f"outside-{os.getpid()}"
    digest, _ = images.make(volumes=("/kept/here", f"/../{name}"), working_directory=f"/../../{name}/deep")
    look = "pwd; ls -d /kept/here; [ $HOSTNAME = $(cat /etc/hostname) ] && echo named"
    found = images.output(digest, "/bin/sh", "-c", look, lines=3)
    assert found == [f"/{name}/deep", "/kept/here", "named"]
    assert not [each for each in (images.directory, *images.directory.parents) if (each / name).exists()]


def test_a_service_says_otherwise(images):
    digest, _ = images.make(user="7:9", environment=(("GREETING", "hello"),))
    found = images.output(
        digest, "/bin/sh", "-c", "echo $(id -u) $(id -g) $PWD $HOME $GREETING", GREETING="bye"
    )
    assert found == ["7 9 / / bye"]


def test_without_a_user_it_is_root_of_its_own(images):
    digest, _ = images.make()
    assert images.output(digest)[0].startswith("0 0 / /root")


def test_it_listens_on_a_port_that_only_root_may_elsewhere(images):
    digest, _ = images.make(user="web")
    command = "httpd -p 80 -h /srv && echo listens; sleep 600"
    assert images.output(digest, "/bin/sh", "-c", command) == ["listens"]


@pytest.mark.parametrize(
    "command", ["httpd -f -u web:202 -p 80", "su web -c true", "touch /a; chown web /a && exit; echo; exit 1"]
)
def test_why_it_can_become_no_other_user_is_said(images, command):
    """Docker lets it; a program that ends by that ends with what to do about it."""
    digest, _ = images.make()
    assert ONE_USER in images.reason(digest, "/bin/sh", "-c", command)


def test_why_it_does_not_answer_is_said_too(images):
    digest, _ = images.make()
    id = images.run(digest, "/bin/sh", "-c", "su web -c true; sleep 600")
    status = until(images.running, id, lambda status: status.state == "unhealthy")
    assert status.reason.endswith(f" {ONE_USER}")


def test_a_user_that_it_has_not_got_is_said(images):
    digest, _ = images.make(user="nobody-here")
    assert "The image has no user nobody-here." in images.reason(digest)


def test_an_interpreter_that_it_has_not_got_is_said(images):
    digest, root = images.make(command=("/srv/start", "now"))
    (root / "srv/start").write_text("#!/usr/bin/python9\n")
    (root / "srv/start").chmod(0o755)
    status = images.ended(digest)
    why = "is in the image, but not the interpreter or loader that it names"
    assert (status.exit_status, status.reason) == (
        127,
        f"The image's command can't be run: /srv/start {why}.",
    )


def test_a_link_to_a_program_is_one_of_the_image(images):
    digest, root = images.make()
    (root / "start").symlink_to("/bin/busybox-9")
    told = "StartCommand can't be run: there is no /start in the image."
    assert images.ended(digest, "/start").reason == told


def test_a_program_is_sought_where_it_starts(images):
    digest, _ = images.make(command=("./start",), working_directory="/srv")
    reason = "The image's command can't be run: there is no ./start in the image."
    assert images.ended(digest).reason == reason


def test_a_directory_that_is_none_is_said(images):
    """What bubblewrap can't do before the program runs is an end as well."""
    digest, _ = images.make(working_directory="/etc/passwd/here")
    status = images.ended(digest)
    assert (status.exit_status is not None or not status.starts, "passwd" in status.reason) == (True, True)


def test_links_of_an_image_lead_nowhere_out_of_it(images):
    """Bubblewrap mounts on paths of an image while this machine's files are still in reach below /oldroot."""
    outside = images.directory.parent / "outside"
    outside.mkdir(exist_ok=True)
    outside.chmod(0o777)
    for prefix in ("/oldroot", ""):
        digest, root = images.make()
        shutil.rmtree(root / "etc")
        for name in ("etc", "tmp", "dev", "proc"):
            (root / name).symlink_to(f"{prefix}{outside}")
        assert images.output(digest, "/bin/sh", "-c", "ls /etc", lines=3) == [
            "hostname",
            "hosts",
            "resolv.conf",
        ]
        assert list(outside.iterdir()) == []


def test_a_link_among_its_files_of_users_is_not_followed(images):
    digest, root = images.make(user="mary")
    (root / "etc/passwd").unlink()
    elsewhere = images.directory.parent / "passwd"
    elsewhere.write_text("mary:x:5:5::/:/bin/sh\n")
    (root / "etc/passwd").symlink_to(elsewhere)
    assert "The image has no user mary." in images.reason(digest)
