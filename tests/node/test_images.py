"""Images: pulled from registries, layouts and archives, unpacked once, and what a hostile one does not reach."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
from copy import copy
from pathlib import Path

import pytest
from images import ACCOUNT, MACHINE, entry, file, index, layout, link, push, registry
from nodes import node, user_called
from tasks import finished, reason_of, result_of

from understudy_aws.dataplane.messages import Done, ForgetTask, KeepArtifacts
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.registries import ImagePlaces, read_rules
from understudy_aws.dataplane.tasks import PullImage

pytestmark = pytest.mark.skipif(
    not (shutil.which("skopeo") and shutil.which("umoci")), reason="skopeo and umoci are not installed"
)
needs_registry = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="docker-registry is not installed"
)
OTHER = "arm64" if MACHINE != "arm64" else "amd64"


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def pulling(request):
    """A node that pulls images."""
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user) as started:
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def place():
    """A directory that every user of the tests can read."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def oci(place: Path, tag: str = "latest") -> PullImage:
    return PullImage(reference=f"oci:{place}:{tag}")


def test_an_image_is_known_by_its_digest_with_what_it_runs(pulling, place):
    digest = layout(
        place / "image",
        [[file("bin/server", b"#!/bin/sh\n", 0o755)]],
        {
            "Entrypoint": ["/bin/server"], "Cmd": ["--port", "8080"], "Env": ["A=b=c", "PATH=/bin"], "User": "33:44",
            "WorkingDir": "/srv", "ExposedPorts": {"9000/udp": {}, "8081/tcp": {}, "8080": {}},
            "Volumes": {"/var/lib/data": {}}, "StopSignal": "QUIT",
        },
    )  # fmt: skip
    result = result_of(pulling, str(place), oci(place / "image"))
    assert (result.image, result.command, result.exposed_port) == (
        digest,
        ("/bin/server", "--port", "8080"),
        8080,
    )
    image = Artifacts(pulling.directory).image(digest)
    assert (image.entry_point, image.working_directory, image.user) == (("/bin/server",), "/srv", "33:44")
    assert (image.environment, image.ports) == ((("A", "b=c"), ("PATH", "/bin")), (8080, 8081))
    assert (image.volumes, image.stop_signal) == (("/var/lib/data",), signal.SIGQUIT)
    server = Artifacts(pulling.directory).root(digest) / "bin/server"
    assert (server.read_bytes(), server.stat().st_mode & 0o777) == (b"#!/bin/sh\n", 0o755)


def test_layers_lie_on_each_other_with_what_they_take_away_and_files_of_many_users(pulling, place):
    digest = layout(
        place / "image",
        [
            [
                file("kept", b"first"), file("gone", b"first"), file("changed", b"first"), file("folder/a", b""),
                file("folder/b", b""), file("owned", b"", uid=33, gid=44), file("high", b"", uid=65534, gid=100_000),
                entry("locked", type=tarfile.DIRTYPE, mode=0, uid=7), file("locked/inside", b"x", 0, uid=7),
            ],
            [
                file(".wh.gone"), file("changed", b"second"), file("folder/.wh..wh..opq"), file("folder/c", b""),
                link("hard", "kept", tarfile.LNKTYPE), link("soft", "/kept"),
            ],
        ],
        {"User": "9"},
    )  # fmt: skip
    result_of(pulling, str(place), oci(place / "image"))
    root = Artifacts(pulling.directory).root(digest)
    assert sorted(each.name for each in root.iterdir()) == [
        "changed", "folder", "hard", "high", "kept", "locked", "owned", "soft",
    ]  # fmt: skip
    assert [each.name for each in (root / "folder").iterdir()] == ["c"]
    assert ((root / "changed").read_text(), (root / "hard").read_text()) == ("second", "first")
    assert (root / "hard").stat().st_ino == (root / "kept").stat().st_ino
    assert (root / "soft").readlink() == Path("/kept")
    assert {each.lstat().st_uid for each in root.iterdir()} == {pulling.directory.stat().st_uid}


def test_devices_of_an_image_are_no_devices(pulling, place):
    digest = layout(
        place / "image",
        [[
            entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
            entry("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=0),
            entry("pipe", type=tarfile.FIFOTYPE),
        ]],
    )  # fmt: skip
    result_of(pulling, str(place), oci(place / "image"))
    root = Artifacts(pulling.directory).root(digest)
    modes = {each.name: each.lstat().st_mode for each in root.iterdir()}
    assert not any(stat.S_ISCHR(mode) or stat.S_ISBLK(mode) for mode in modes.values())


@pytest.mark.parametrize(
    "entries",
    [
        [file("../../../../../../../../{place}/evil", b"x")],
        [file("/{place}/evil", b"x")],
        [link("way", "/{place}"), file("way/evil", b"x")],
        [link("way", "../../../../../../../../../{place}"), file("way/evil", b"x")],
        [link("way", "/{place}"), entry("way/deep", type=tarfile.DIRTYPE, mode=0o755), file("way/deep/evil", b"x")],
        [link("way", "/{place}/victim"), file("way", b"overwritten")],
        [link("hard", "/{place}/victim", tarfile.LNKTYPE), file("hard", b"overwritten")],
        [link("hard", "../../../../../../../../{place}/victim", tarfile.LNKTYPE)],
        [link("way", "/{place}"), file("way/.wh.victim")],
        [link("way", "/{place}"), file("way/.wh..wh..opq")],
    ],
)  # fmt: skip
def test_nothing_outside_of_an_image_is_written_or_taken_away(pulling, place, entries):
    """Whether it is refused or ends inside: of path traversal, links and whiteouts."""
    outside = place / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "victim").write_text("as it was")
    (outside / "victim").chmod(0o666)
    hostile = []
    for info, data in entries:
        here = copy(info)
        here.name, here.linkname = (
            each.format(place=str(outside)[1:]) for each in (info.name, info.linkname)
        )
        hostile.append((here, data))
    digest = layout(place / "image", [[file("a", b"")], hostile])
    status = finished(pulling, str(place), oci(place / "image"))
    assert [each.name for each in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_text() == "as it was"
    if status.state == "succeeded":
        for each in Artifacts(pulling.directory).root(digest).rglob("*"):
            assert (
                each.is_symlink()
                or not each.is_file()
                or each.stat().st_ino != (outside / "victim").stat().st_ino
            )
    else:
        assert status.reason.startswith("The layers of the image can't be unpacked: ")
        assert not Artifacts(pulling.directory).root(digest).exists()


def test_an_image_is_unpacked_once_and_layers_are_kept_once(pulling, place):
    common = [file("common", os.urandom(4096))]
    first = layout(place / "one", [common, [file("one", b"1")]])
    second = layout(place / "two", [common, [file("two", b"2")]])
    result_of(pulling, f"{place} 1", oci(place / "one"))
    root = Artifacts(pulling.directory).root(first)
    before = root.stat().st_ino
    assert result_of(pulling, f"{place} 2", oci(place / "one")).image == first
    assert root.stat().st_ino == before
    assert result_of(pulling, f"{place} 3", oci(place / "two")).image == second
    artifacts = Artifacts(pulling.directory)
    shared = set(artifacts.image(first).blobs) & set(artifacts.image(second).blobs)
    assert len(shared) == 1
    blobs = set(artifacts.image(first).blobs)
    for number in (1, 2, 3):
        pulling.client.ask(ForgetTask(f"{place} {number}"))
    assert pulling.client.ask(KeepArtifacts((), (second,))) == Done()
    with pytest.raises(LookupError):
        artifacts.image(first)
    assert not root.exists()
    assert (artifacts.root(second) / "common").exists()
    kept = {f"sha256:{each.name}" for each in (artifacts.blobs / "sha256").iterdir()}
    assert set(artifacts.image(second).blobs) <= kept
    assert not kept & (blobs - shared)


def test_an_archive_of_docker_save_is_pulled(pulling, place):
    layout(place / "image", [[file("a", b"from an archive")]], {"Cmd": ["/a"]})
    archive = place / "team/app.tar"
    archive.parent.mkdir()
    archive.parent.chmod(0o755)
    subprocess.run(
        ["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{place}/image:latest", f"docker-archive:{archive}:a/b:c"],
        check=True, capture_output=True,
    )  # fmt: skip
    archive.chmod(0o644)
    images = ImagePlaces(read_rules(f"public.ecr.aws/mine=docker-archive:{place}"))
    result = result_of(pulling, str(place), images.pull_of("public.ecr.aws/mine/team/app:latest"))
    assert result.command == ("/a",)
    assert (Artifacts(pulling.directory).root(result.image) / "a").read_text() == "from an archive"
    pinned = f"public.ecr.aws/mine/team/app@{result.image}"
    assert reason_of(pulling, f"{place} 2", images.pull_of(pinned)).startswith("There is no image ")


def test_an_image_for_another_machine_is_refused(pulling, place):
    layout(place / "one", [[file("a")]], architecture=OTHER)
    reason = reason_of(pulling, f"{place} 1", oci(place / "one"))
    assert reason == f"{place}/one:latest is for linux on {OTHER}, and this machine is {MACHINE}."
    layout(place / "list", [[file("a")]])
    index(place / "list", [OTHER, "s390x"])
    reason = reason_of(pulling, f"{place} 2", oci(place / "list"))
    assert reason.startswith(f"There is no image {place}/list:latest for this machine, which is {MACHINE}.")


def test_what_is_no_image_says_so(pulling, place):
    layout(place / "image", [[file("a", os.urandom(64))]])
    assert reason_of(pulling, f"{place} 1", oci(place / "image", "none")).startswith(
        f"There is no image {place}/image:none."
    )
    assert reason_of(pulling, f"{place} 2", oci(place / "nowhere")).startswith(
        f"There is no image {place}/nowhere:latest."
    )
    said = reason_of(pulling, f"{place} 3", PullImage(reference="tarball:/etc"))
    assert said == "Images are not pulled by 'tarball' but by docker, oci or docker-archive."
    said = reason_of(pulling, f"{place} 4", PullImage(reference="docker://127.0.0.1:1/a", plain=True))
    assert said == "The registry of 127.0.0.1:1/a can't be reached: connection refused."
    for blob in (place / "image/blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            blob.write_bytes(b"other than its digest says")
    assert "igest" in reason_of(pulling, f"{place} 5", oci(place / "image"))
    assert list(Artifacts(pulling.directory).images.glob("sha256-*/bundle")) == []


@needs_registry
def test_a_registry_is_asked_with_credentials_and_a_digest_stays_what_it_was(pulling, place):
    first = layout(place / "one", [[file("a", b"1")]])
    second = layout(place / "two", [[file("a", b"2")]])
    with registry(place / "registry", ACCOUNT) as host:
        name = f"docker://{host}/team/app:latest"
        push(place / "one", name, "--dest-creds=mary:secret")
        known = PullImage(reference=name, user="mary", password="secret", plain=True)
        assert result_of(pulling, f"{place} 1", known).image == first
        push(place / "two", name, "--dest-creds=mary:secret")
        assert result_of(pulling, f"{place} 2", known).image == second
        pinned = PullImage(
            reference=f"docker://{host}/team/app@{first}", user="mary", password="secret", plain=True
        )
        assert result_of(pulling, f"{place} 3", pinned).image == first
        wrong = PullImage(reference=name, user="mary", password="guess", plain=True)
        said = reason_of(pulling, f"{place} 4", wrong)
        assert said == f"Nobody may pull {host}/team/app:latest with these credentials."
        assert reason_of(pulling, f"{place} 5", PullImage(reference=name, plain=True)).startswith(
            "Nobody may pull "
        )
        missing = PullImage(
            reference=f"docker://{host}/team/none:1", user="mary", password="secret", plain=True
        )
        assert reason_of(pulling, f"{place} 6", missing) == f"There is no image {host}/team/none:1."
    kept = b"".join(each.read_bytes() for each in pulling.directory.rglob("*.json") if each.is_file())
    assert b"secret" not in kept
