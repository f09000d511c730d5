"""A machine that makes no networks, with a container engine that answers the Docker Engine API: images run there.

The engines are Podman's service and Docker's daemon.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import engines
import pytest
from images import file, layout, link
from instances import instance, network, output_of, statuses, until, until_healthy, want
from nodes import Node, node
from restrictions import refusal_of
from tasks import reason_of, result_of

from understudy_aws.dataplane.messages import GetInstances
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime import records
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.container_engine import EngineError
from understudy_aws.dataplane.runtime.records import all_observed
from understudy_aws.dataplane.runtime.registries import ImagePlaces, read_rules
from understudy_aws.dataplane.tasks import PullImage
from understudy_aws.dataplane.wanted_services import Program

BUSYBOX = Path("/bin/busybox")
# The shell is the first process of its container, which SIGTERM ends only if it says so.
SERVE = "trap 'exit 0' TERM; echo hello $GREETING of $(id -u); echo $GREETING > /srv/index.html; httpd -f -p $PORT -h /srv & wait"


@pytest.fixture(scope="module")
def place():
    made = Path(tempfile.mkdtemp(prefix="engine-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module", params=engines.KINDS)
def engine(request):
    with engines.engine_of(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def running(place, engine):
    if refused := refusal_of("no-unshare"):
        pytest.skip(refused)
    directory = Path(tempfile.mkdtemp(dir=place)) / "node"
    with node(directory, restriction="no-unshare", variables={"DOCKER_HOST": engine.address}) as started:
        yield started
    assert engine.named(f"understudy.node={directory}") == (), "the node has left a container"


@pytest.fixture(scope="module")
def image(place, running):
    """An image of busybox, pulled from a layout."""
    names = ("sh", "id", "cat", "echo", "httpd", "sleep", "head", "kill")
    layout(
        place / "web",
        [
            [
                file("bin/busybox", BUSYBOX.read_bytes(), 0o755),
                *(link(f"bin/{name}", "busybox") for name in names),
                file("srv/index.html", b"nothing", 0o666),
                file("etc/passwd", b"root:x:0:0:root:/:/bin/sh\nweb:x:101:202:web:/srv:/bin/sh\n"),
            ]
        ],
        {"Entrypoint": ["/bin/sh", "-c"], "Cmd": [SERVE], "Env": ["GREETING=image"], "User": "web"},
    )
    return result_of(running, "web", PullImage(reference=f"oci:{place}/web:latest")).image


def test_what_the_engine_has_can_be_run(place, running, image, engine):
    """`--registry PREFIX=docker-daemon:` leads names to the images that `docker build` has made."""
    mine = f"understudy-test/{os.getpid()}/web"
    layout(place / "mine", [[file("a", b"of the engine")]], {"Cmd": ["/a"]})
    words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-daemon-host", engine.address]
    subprocess.run([*words, f"oci:{place}/mine:latest", f"docker-daemon:{mine}:v1"], check=True)
    rules = read_rules("public.ecr.aws/mine=docker-daemon:")
    task = ImagePlaces(rules).pull_of(f"public.ecr.aws/mine/{mine}:v1")
    result = result_of(running, "mine", task)
    assert result.command == ("/a",)
    assert (Artifacts(running.directory).root(result.image) / "a").read_text() == "of the engine"
    assert reason_of(
        running, "none", ImagePlaces(rules).pull_of(f"public.ecr.aws/mine/{mine}:v2")
    ).startswith(f"There is no image {mine}:v2")


def program(image: str, *command: str, **environment: str) -> Program:
    return Program(image=image, command=command, environment=tuple(sorted(environment.items())))


def record_of(running: Node, id: str):
    return next(each.record for each in all_observed(running.directory) if each.record.id == id)


def test_an_image_answers_with_its_own_command_and_user_or_with_the_services(running, image):
    """ENTRYPOINT, CMD, ENV and USER are honoured; a start command takes the place of the first two."""
    running.want(network("own", "other"))
    own = instance("own", program=program(image, GREETING="service"))
    other = instance(
        "other",
        program=program(
            image,
            "/bin/sh",
            "-c",
            "trap 'exit 0' TERM; cd /srv; echo other > index.html; httpd -f -p 8080 & wait",
        ),
    )
    want(running, own, other)
    for id, text in (("own", "service"), ("other", "other")):
        until_healthy(running, id)
        found = record_of(running, id)
        with urllib.request.urlopen(f"http://{found.address}:{found.port}/", timeout=5) as answer:
            assert answer.read().decode().strip() == text
    # Who starts it a second time finds it, and waits for nothing.
    with (records.place_of(running.directory, "own") / records.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    [said] = output_of(running, 1, stream="instance/own")
    assert said.text == "hello service of 101"
    want(running, own)
    until_gone(running, "other")
    assert statuses(running)["own"].state == "healthy"
    want(running)
    until_gone(running, "own")


def until_gone(running: Node, id: str) -> None:
    end = time.monotonic() + 30
    while any(each.record.id == id for each in all_observed(running.directory)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_that_ends_says_how_and_starts_again(running, image):
    running.want(network("fails"))
    want(running, instance("fails", program=program(image, "/bin/sh", "-c", "echo no database; exit 3")))
    status = until(running, "fails", lambda status: status.state == "ended")
    assert status.reason.startswith("It ended with status 3. It said last: no database.")
    assert until(running, "fails", lambda status: status.starts > 1)
    want(running)
    until_gone(running, "fails")


def test_it_has_no_capability_and_cannot_gain_one(running, image):
    running.want(network("bare"))
    look = "while read a b; do case $a in CapEff:|NoNewPrivs:) echo $a $b;; esac; done < /proc/self/status"
    want(running, instance("bare", program=program(image, "/bin/sh", "-c", look)))
    said = {each.text for each in output_of(running, 2, stream="instance/bare")}
    assert said == {"CapEff: 0000000000000000", "NoNewPrivs: 1"}
    want(running)
    until_gone(running, "bare")


def test_a_node_that_is_killed_leaves_it_running_and_the_next_one_knows_it(running, image, engine):
    running.want(network("stays"))
    want(running, instance("stays", program=program(image)))
    until_healthy(running, "stays")
    before = record_of(running, "stays")
    running.kill()
    assert start_of(before.pid) == before.started
    running.start_again()
    assert until_healthy(running, "stays").starts == 1
    assert record_of(running, "stays") == before
    # What stands for the container is killed: the container that it leaves is replaced.
    os.kill(before.pid, 9)
    until(running, "stays", lambda status: status.starts == 2 and status.state == "healthy")
    assert engine.named(f"understudy.node={running.directory}") == (before.container,)
    want(running)
    until_gone(running, "stays")
    with pytest.raises(EngineError):
        engine.inspect(before.container)


def test_what_is_not_isolated_is_said(running, engine):
    answer = running.client.ask(GetInstances())
    assert any(engine.address in each and "no security group" in each for each in answer.limits), (
        answer.limits
    )
