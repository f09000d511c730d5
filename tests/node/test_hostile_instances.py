"""What the program of a service tries in order to get out of its instance, or at another's; as root and as anybody.

An instance of an image tries the same: its files are of other people's making, and what keeps it is not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hostile_attempts import ATTEMPTS, PRELUDE, Machine
from instances import SERVER, instance, network, output_of, until_healthy, want
from networks import group, interface, vpc
from nodes import node, user_called

from understudy_aws.dataplane.runtime.artifacts import Artifacts, UnpackedImage, write_record
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import Program

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


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def results(request):
    """What came of each attempt, of an instance of source code and of one of an image."""
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    machine = Machine(place)
    other_vpc = vpc(
        "vpc-2",
        interface("far", "vpc-2-subnet-1", "10.9.1.10"),
        groups=(group("sg-app"),),
        cidrs=("10.9.0.0/16",),
    )
    try:
        with node(place / "node", user) as running:
            image_with_python(place / "node", user)
            running.want(Network(vpcs=(*network("hostile", "other", "image").vpcs, other_vpc)))
            other = instance("other", PYTHON, "-c", SERVER, environment={"SECRET": "other-secret"})
            far = instance("far", PYTHON, "-c", SERVER)
            want(running, other, far)
            until_healthy(running, "far")
            environment = {
                "GIVEN": machine.given(running, until_healthy(running, "other").pid),
                "ATTEMPTS": json.dumps({name: code for name, (code, _) in ATTEMPTS.items()}),
            }
            code = f"{PRELUDE}\nsignal.pause()"
            hostile = instance("hostile", PYTHON, "-c", code, environment=environment)
            program = Program(
                image=DIGEST,
                command=("/usr/bin/hostile-python", "-c", code),
                environment=tuple(sorted(environment.items())),
            )
            image = instance("image", program=program)
            want(running, other, far, hostile, image)
            found = {}
            for id in ("hostile", "image"):
                told = [each.text for each in output_of(running, len(ATTEMPTS), f"instance/{id}")]
                found[id] = dict(json.loads(line) for line in told if line.startswith("["))
            assert not (place / "node" / "hostile").exists()
            assert not Path("/hostile").exists()
            yield found
    finally:
        machine.close()
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_instance_does_not_get(results, name):
    assert str(results["hostile"].get(name)) in ATTEMPTS[name][1]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_instance_of_an_image_does_not_get(results, name):
    assert str(results["image"].get(name)) in OF_AN_IMAGE.get(name, ATTEMPTS[name][1])
