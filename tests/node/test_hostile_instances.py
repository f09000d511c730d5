"""What the program of a service tries in order to get out of its instance, or at another's; as root and as anybody.

An instance of an image tries the same: its files are of other people's making, and what keeps it is not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hostile_attempts import ATTEMPTS, ATTEMPTS_OF_ROOT, PRELUDE, Machine
from instances import SERVER, instance, network, output_of, until_healthy, want
from networks import group, interface, vpc
from nodes import UNPRIVILEGED, node, user_called
from restrictions import FURTHER, refusal_of

from understudy_aws.dataplane.linux.user_maps import Range, found_range
from understudy_aws.dataplane.runtime.artifacts import Artifacts, UnpackedImage, write_record
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Program

BUSYBOX = Path("/bin/busybox")
PYTHON = "/usr/bin/python3"
pytestmark = pytest.mark.skipif(
    not (shutil.which("bwrap") and Path(PYTHON).exists()), reason=f"bubblewrap or {PYTHON} is not installed"
)
DIGEST = f"sha256:{1:064x}"
# An instance of source code sees more of what the machine has; an image has its own files, which it may write.
OF_AN_IMAGE = {
    # An image without a user runs as root of its own, without a capability.
    "be root": {"done"},
    "read what passwords are kept by": {"ENOENT"},
    "list homes": {"ENOENT", "[]"},
    "write a program": {"done"},
    "write settings": {"done"},
    "write beside them": {"done"},
    "see sockets of services": {"[]", "ENOENT"},
}


WITH_USERS = f"sha256:{2:064x}"
# With users of its own it has rights, which lead no further.
OF_ITS_ROOT = {
    **OF_AN_IMAGE,
    "have a capability": {"['00000000000405fb', '00000000000405fb', '1']"},
    "another root": {"done"},
}


def image_with_python(directory: Path, user: int | None) -> None:
    """Make an image that has Python, of this machine's files."""
    artifacts = Artifacts(directory)
    root = artifacts.root(DIGEST)
    code = "import sys, os; print(os.path.realpath(sys.executable), os.path.dirname(os.__file__), f'{sys.version_info.major}.{sys.version_info.minor}')"
    program, library, _ = subprocess.check_output([PYTHON, "-c", code], text=True).split()
    extensions = [str(each) for each in Path(library, "lib-dynload").glob("_ctypes.*")]
    linked = subprocess.check_output(["ldd", program, *extensions], text=True)
    needed = {word for word in linked.split() if word.startswith("/") and not word.endswith(":")}
    for each in (program, *needed):
        target = root / each.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, target)
    unneeded = shutil.ignore_patterns(
        "test", "idlelib", "lib2to3", "__pycache__", "config-*", "site-packages", "dist-packages"
    )
    shutil.copytree(library, root / library.lstrip("/"), ignore=unneeded, ignore_dangling_symlinks=True)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/hostile-python").symlink_to(program)
    write_record(
        root.parent,
        UnpackedImage(
            id=DIGEST, reference="test", command=(), entry_point=(), environment=(), working_directory="", user="",
            ports=(), blobs=(), bytes=0,
        ),
    )  # fmt: skip
    if user is not None:
        for each in (directory / "images", *(directory / "images").rglob("*")):
            os.chown(each, user, user, follow_symlinks=False)


def image_with_users(directory: Path, user: int | None) -> None:
    """Make another of it, whose files are root's of the further ids of a node's user."""
    artifacts = Artifacts(directory)
    root = artifacts.root(WITH_USERS)
    shutil.copytree(artifacts.root(DIGEST), root, symlinks=True)
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    write_record(
        root.parent, msgspec.structs.replace(artifacts.image(DIGEST), id=WITH_USERS, keeps_owners=True)
    )
    own = user or 0
    for each in (root.parent, root.parent / "record.json"):
        os.chown(each, own, own)
    found = found_range() if user is None else Range(FURTHER, FURTHER)
    assert found is not None
    for each in (root, *root.rglob("*")):
        os.chown(each, *found, follow_symlinks=False)


@contextmanager
def tried(user: int | None, restriction: str = "") -> Iterator[dict[str, dict[str, str]]]:
    """Yield what came of each attempt, by the instance that made it; with a restriction, of an image's root, too."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    if restriction:
        os.chown(place, UNPRIVILEGED, UNPRIVILEGED)
    machine = Machine(place)
    other_vpc = vpc(
        "vpc-2",
        interface("far", "vpc-2-subnet-1", "10.9.1.10"),
        groups=(group("sg-app"),),
        cidrs=("10.9.0.0/16",),
    )
    try:
        with node(place / "node", user, restriction=restriction) as running:
            image_with_python(place / "node", user)
            running.want(Network(vpcs=(*network("hostile", "other", "image", "root").vpcs, other_vpc)))
            other = instance("other", PYTHON, "-c", SERVER, environment={"SECRET": "other-secret"})
            far = instance("far", PYTHON, "-c", SERVER)
            want(running, other, far)
            until_healthy(running, "far")
            attempts = {**ATTEMPTS, **ATTEMPTS_OF_ROOT}
            environment = {
                "GIVEN": machine.given(running, until_healthy(running, "other").pid),
                "ATTEMPTS": json.dumps({name: code for name, (code, _) in attempts.items()}),
            }
            code = f"{PRELUDE}\nsignal.pause()"
            hostile = [instance("hostile", PYTHON, "-c", code, environment=environment)]
            images = {"image": DIGEST}
            if user is None or restriction:
                image_with_users(place / "node", user)
                images["root"] = WITH_USERS
            for id, digest in images.items():
                program = Program(
                    image=digest,
                    command=("/usr/bin/hostile-python", "-c", code),
                    environment=tuple(sorted(environment.items())),
                )
                hostile.append(instance(id, program=program))
            want(running, other, far, *hostile)
            found = {}
            for each in hostile:
                told = [line.text for line in output_of(running, len(attempts), f"instance/{each.id}")]
                found[each.id] = dict(json.loads(line) for line in told if line.startswith("["))
            assert not (place / "node" / "hostile").exists()
            assert not Path("/hostile").exists()
            yield found
    finally:
        machine.close()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def results(request):
    """What came of each attempt, of an instance of source code and of one of an image."""
    with tried(user_called(request.param)) as found:
        yield found


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def results_of_root(request):
    """What came of each attempt of an image's root that has users of its own, by ids that are this user's."""
    if os.geteuid() != 0 or not BUSYBOX.exists():
        pytest.skip("ids are given by root, and it needs a static busybox")
    user = user_called(request.param)
    restriction = "further-ids" if user is not None else ""
    if refused := restriction and refusal_of(restriction):
        pytest.skip(refused)
    with tried(user, restriction) as found:
        yield found["root"]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_instance_does_not_get(results, name):
    assert str(results["hostile"].get(name)) in ATTEMPTS[name][1]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_instance_of_an_image_does_not_get(results, name):
    assert str(results["image"].get(name)) in OF_AN_IMAGE.get(name, ATTEMPTS[name][1])


@pytest.mark.parametrize("name", [*ATTEMPTS, *ATTEMPTS_OF_ROOT])
def test_root_of_an_image_does_not_get(results_of_root, name):
    wanted = {name: results for name, (_, results) in (*ATTEMPTS.items(), *ATTEMPTS_OF_ROOT.items())}
    assert str(results_of_root.get(name)) in OF_ITS_ROOT.get(name, wanted[name])
