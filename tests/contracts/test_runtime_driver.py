"""What every driver of instances does: `bubblewrap`, as this user and as an unprivileged one, and `processes`.

Images that `processes` gives to a container engine are run by Podman and by Docker. Each driver is asked through a node,
as a server asks it. What isolates instances is in tests/node, and what is said where nothing does is here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from uuid import uuid4

import engines
import instances
import pytest
from instances import SERVER, instance, network, output_of, statuses, until, until_healthy
from msgspec.structs import replace
from nodes import Node, node, user_called
from python_images import PYTHON as PYTHON_OF_IMAGE
from python_images import write_image
from restrictions import refusal_of
from tasks import result_of

from understudy_aws.dataplane.messages import GetInstances
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime.container_engine import Engine
from understudy_aws.dataplane.runtime.containers import IN_CONTAINERS, _image_name
from understudy_aws.dataplane.runtime.processes import NOT_ISOLATED
from understudy_aws.dataplane.runtime.records import all_observed
from understudy_aws.dataplane.tasks import PullImage
from understudy_aws.dataplane.wanted_services import Instance, Program

PYTHON = str(PYTHON_OF_IMAGE)
if not Path(PYTHON).exists():
    pytest.skip(f"there is no {PYTHON}", allow_module_level=True)
RESTRICTION = "no-unshare"
API = "http://198.18.255.1:443"
KEPT = "kept/python"


BUBBLEWRAP = ("this-user", "unprivileged")


@pytest.fixture(params=[*BUBBLEWRAP, "processes", *engines.KINDS], scope="module")
def kind(request):
    if request.param in BUBBLEWRAP:
        if shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed")
    elif refused := refusal_of(RESTRICTION):
        pytest.skip(refused)
    return request.param


@pytest.fixture(scope="module")
def engine(kind):
    """The container engine, where one runs instances."""
    if kind not in engines.KINDS:
        yield None
        return
    with engines.engine_of(kind) as found:
        yield found


@pytest.fixture(scope="module")
def layout_of_image(kind):
    """Where an image with Python is, for those that run one."""
    if kind not in engines.KINDS:
        yield None
        return
    place = Path(tempfile.mkdtemp())
    write_image(place / "python")
    yield place / "python"
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def pulled(engine, layout_of_image):
    """The image as a first node has pulled it and given it to the engine, for the others: both take most of a test's time."""
    if layout_of_image is None:
        yield None
        return
    place = Path(tempfile.mkdtemp())
    with node(place / "node", restriction=RESTRICTION, variables={"DOCKER_HOST": engine.address}) as first:
        image = result_of(first, "python", PullImage(reference=f"oci:{layout_of_image}:latest")).image
        copy_artifacts(place / "node", place / "kept")
        first.want(network("web"))
        instances.want(first, instance("web", program=Program(image=image, command=(PYTHON, "-c", SERVER))))
        until_healthy(first, "web")
        engines.rename(engine, _image_name(image), KEPT)
    assert not engine.has_image(_image_name(image)), "it goes with the node"
    yield place / "kept", image
    shutil.rmtree(place)


def copy_artifacts(source: Path, target: Path) -> None:
    """Have the images and blobs of a node's directory in another one, of the same files."""
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "-al", source / "images", source / "blobs", target], check=True)


@pytest.fixture
def running(kind, engine, pulled):
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    given = {"user": user_called(kind)} if kind in BUBBLEWRAP else {"restriction": RESTRICTION}
    if engine is not None:
        given["variables"] = {"DOCKER_HOST": engine.address}
    try:
        with node(place / "node", **given) as started:
            started.want(network("web", "other"))
            if pulled is not None:
                kept, image = pulled
                copy_artifacts(kept, started.directory)
                engines.rename(engine, KEPT, _image_name(image).removesuffix(":latest"))
                _images[started] = image
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


# What the instances of a node are made of.
_images: dict[Node, str] = {}


def want(running: Node, *wanted: Instance) -> None:
    """Have a node run instances, of its image if it has one."""
    image = _images.get(running, "")
    instances.want(running, *(replace(each, program=replace(each.program, image=image)) for each in wanted))


def asked(running, kind: str, id: str) -> str:
    """What an instance answers: at its interface, at its port of the loopback interface or at its container's."""
    if kind in BUBBLEWRAP:
        code = "import urllib.request as u; print(u.urlopen('http://10.0.1.10:8080/').read().decode())"
        return running.run(f"eni-{id}", PYTHON, "-c", code).stdout.strip()
    (found,) = (each.record for each in all_observed(running.directory) if each.record.id == id)
    with urllib.request.urlopen(f"http://{found.address or '127.0.0.1'}:{found.port}/", timeout=5) as answer:
        return answer.read().decode()


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_runs_with_its_environment_and_takes_requests_at_its_port(running, kind):
    """PORT is the driver's to say, whatever the environment has."""
    want(running, instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "hello, world", "PORT": "1"}))
    status = until_healthy(running, "web")
    assert (status.starts, start_of(status.pid) != "") == (1, True)
    assert asked(running, kind, "web") == "hello, world"


def test_one_without_an_interface_waits(running):
    want(running, instance("none", PYTHON, "-c", SERVER))
    assert statuses(running)["none"].state == "waiting"


def test_one_that_should_run_no_more_is_asked_to_end_and_leaves_nothing(running):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked to end', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    want(running, instance("web", PYTHON, "-c", code))
    assert [each.text for each in output_of(running, 1)][:1] == ["up"]
    pid = statuses(running)["web"].pid
    want(running)
    wait_for(lambda: not start_of(pid))
    wait_for(lambda: not list(all_observed(running.directory)))
    assert [each.text for each in output_of(running, 2)] == ["up", "asked to end"]
    assert statuses(running) == {}


def test_another_program_takes_the_place_of_the_first(running, kind):
    want(running, instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "one"}))
    before = until_healthy(running, "web").pid
    want(running, instance("web", PYTHON, "-c", SERVER, environment={"ANSWER": "two"}))
    wait_for(lambda: not start_of(before))
    until_healthy(running, "web")
    assert asked(running, kind, "web") == "two"


def test_one_that_ends_is_started_again_and_says_why(running, kind):
    want(
        running,
        instance("web", "/bin/sh", "-c", "echo to output; echo to errors >&2; printf 'no end'; exit 3"),
    )
    status = until(running, "web", lambda status: status.state == "ended" and status.starts >= 2)
    assert status.exit_status == 3
    said = ["to output", "to errors", "no end"]
    # The line without an end is one when the next start writes behind it.
    told = [each.text for each in output_of(running, 6)[:6]]
    if kind in engines.KINDS:
        # An engine takes the two streams apart, and tells them in an order of its own.
        assert (sorted(told[:3]), sorted(told[3:])) == (sorted(said), sorted(said))
    else:
        assert told == [*said, *said]
    ends = [f"It ended with status 3. It said last: {' / '.join(each)}." for each in permutations(said)]
    assert status.reason in (ends if kind in engines.KINDS else ends[:1])
    # When it is started again is no reason of an end.
    assert status.pause >= 2
    assert {each.stream for each in output_of(running, 4)} == {"instance/web"}


def test_a_signal_that_ended_it_is_told(running, kind):
    if not engines.has_init(kind):
        pytest.skip("the kernel keeps the first process of a container from its own signals")
    want(running, instance("web", "/bin/sh", "-c", "kill -9 $$"))
    status = until(running, "web", lambda status: status.state == "ended")
    assert (status.exit_status, "signal 9" in status.reason) == (-9, True)


@pytest.mark.parametrize(
    ("program", "code", "why"),
    [
        ("/nowhere/there", 127, "there is no /nowhere/there{}"),
        ("nothing-of-this-name", 127, "there is no nothing-of-this-name in the directories of PATH{}"),
        ("/etc", 126, "/etc{} is not executable for its user"),
    ],
)
def test_one_that_cannot_be_executed_says_why(running, kind, program, code, why):
    """Its end is one that was seen, with the status that a shell has for it."""
    want(running, instance("web", program, "word"))
    status = until(running, "web", lambda status: status.state == "ended")
    told = (
        f"StartCommand can't be run: {why.format(' in the image')}."
        if kind in engines.KINDS
        else f"It can't be run: {why.format('')}."
    )
    assert (status.exit_status, status.reason) == (code, told)


def test_what_one_leaves_running_ends_with_it(running):
    """Also what has begun a session of its own, and takes no notice of SIGTERM."""
    marked = f"time.sleep(600)  # {uuid4()}"
    code = (
        f"import os, signal, sys, time\nif os.fork():\n    print('up', flush=True); {marked}\n"
        f"os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); print('other', flush=True); {marked}"
    )
    want(running, instance("web", PYTHON, "-c", code))
    assert {each.text for each in output_of(running, 2)} == {"up", "other"}
    assert len(with_words(marked)) >= 2
    want(running)
    wait_for(lambda: not with_words(marked))


def with_words(words: str) -> set[int]:
    """The processes whose command has these words."""
    found = set()
    for place in Path("/proc").iterdir():
        with suppress(OSError):
            if place.name.isdigit() and words.encode() in (place / "cmdline").read_bytes():
                found.add(int(place.name))
    return found


def test_another_node_goes_on_with_what_runs_and_has_all_that_it_wrote(running):
    code = "import itertools, time; [(print(at, flush=True), time.sleep(0.01)) for at in itertools.count()]"
    want(running, instance("web", PYTHON, "-c", code))
    told = output_of(running, 3)
    before = statuses(running)["web"].pid
    running.kill()
    assert start_of(before) != ""
    running.start_again()
    again = output_of(running, len(told) + 20)
    assert [each.text for each in again[: len(told) + 20]] == [str(at) for at in range(len(told) + 20)]
    after = until(running, "web", lambda status: status.pid)
    assert (after.pid, after.starts) == (before, 1)


def test_one_that_was_killed_is_started_again(running):
    want(running, instance("web", PYTHON, "-c", SERVER))
    before = until_healthy(running, "web").pid
    os.kill(before, signal.SIGKILL)
    after = until(running, "web", lambda status: status.starts == 2 and status.state == "healthy")
    assert after.pid != before


def test_what_it_is_told_of_the_apis_and_its_credentials(running, kind):
    """Where there is a network they are at addresses of it; else at ports, with a token for the header.

    The ports are on loopback, or at the address of a container's gateway.
    """
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    names += ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
    code = f"import json, os; print(json.dumps([os.environ.get(name) for name in {names}]), flush=True)"
    given = {
        "AWS_ENDPOINT_URL": API,
        "AWS_ENDPOINT_URL_S3": "http://own.example.com:9000",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/secret",
    }
    program = Program(
        command=(PYTHON, "-c", code), environment=tuple(given.items()), apis=("AWS_ENDPOINT_URL",)
    )
    want(running, instance("web", program=program, credentials="secret"))
    said = json.loads(output_of(running, 1)[0].text)
    if kind in BUBBLEWRAP:
        assert said == [*given.values(), None, None]
        return
    api, own, relative, whole, token = said
    address = "127.0.0.1" if kind == "processes" else "169.254.170.2"
    assert api.startswith(f"http://{address}:")
    assert own == given["AWS_ENDPOINT_URL_S3"], "what a user sets stays"
    assert (relative, token) == (None, "secret")
    assert whole.startswith(f"http://{address}:")
    assert whole.endswith("/v2/credentials")


def test_what_instances_are_not_held_to_is_said(running, kind, engine: Engine | None):
    limits = running.client.ask(GetInstances()).limits
    assert (NOT_ISOLATED in limits) == (kind not in BUBBLEWRAP)
    assert engine is None or limits[1:] == (IN_CONTAINERS.format(engine.address),)


def test_nothing_is_left_with_the_node_that_is_told_to_stop(running, engine):
    want(running, instance("web", PYTHON, "-c", SERVER))
    pid = until_healthy(running, "web").pid
    running.stop()
    wait_for(lambda: not start_of(pid))
    assert not list(all_observed(running.directory))
    assert engine is None or not engine.has_image(_image_name(_images[running]))
