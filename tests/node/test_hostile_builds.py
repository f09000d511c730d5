"""What the commands of a build try: to get out, to take the machine's resources, and to fill its disk or its log.

A build that is refused something goes on; one that takes too much fails with a reason of one sentence, and nothing of
it is left.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hostile_attempts import ATTEMPTS, PRELUDE, Machine
from instances import SERVER, instance, network, until_healthy, want
from nodes import node, user_called
from repositories import commit
from tasks import build, reason_of, result_of

from understudy_aws.dataplane.messages import ForgetTask, GetStatus, GetTask, StartTask
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.control_groups import ControlGroups

PYTHON = "/usr/bin/python3"
pytestmark = pytest.mark.skipif(
    not (shutil.which("git") and shutil.which("bwrap") and Path(PYTHON).exists()),
    reason=f"git, bubblewrap or {PYTHON} is not installed",
)
# How many processes a build has besides the one that tries is its shell's business.
TRIED = {name: each for name, each in ATTEMPTS.items() if name != "see who else there is"}
OF_A_BUILD = {
    "find another's secret anywhere": {"[True, False]"},
    "the machine's own addresses": {"ENETUNREACH"},
}


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def place(request):
    user = user_called(request.param)
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    try:
        with node(made / "node", user) as running:
            yield made, running
    finally:
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def results(place):
    """What came of each attempt."""
    folder, running = place
    machine = Machine(folder)
    known = commit(folder / "code", {"hostile.py": PRELUDE})
    try:
        running.want(network("other"))
        want(running, instance("other", PYTHON, "-c", SERVER, environment={"SECRET": "other-secret"}))
        environment = {
            "GIVEN": machine.given(running, until_healthy(running, "other").pid),
            "ATTEMPTS": json.dumps({name: code for name, (code, _) in TRIED.items()}),
        }
        task = build(
            folder / "code",
            known,
            "python3 hostile.py > found",
            environment=tuple(sorted(environment.items())),
        )
        source = result_of(running, "hostile", task).source
        told = (Artifacts(running.directory).tree(source) / "found").read_text().splitlines()
        want(running)
        return dict(json.loads(line) for line in told)
    finally:
        machine.close()


@pytest.mark.parametrize("name", TRIED)
def test_a_build_does_not_get(results, name):
    assert str(results.get(name)) in OF_A_BUILD.get(name, TRIED[name][1])


def is_limited(running) -> bool:
    """Whether this user may hold all commands of a build to something together."""
    return running.user is None and {"memory", "pids"} <= ControlGroups(running.directory).kinds


FORK_BOMB = """
import errno, os, time
made = 0
try:
    while made < 20000:
        if os.fork() == 0: time.sleep(600)
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
"""


def test_a_fork_bomb_and_what_it_leaves_running_end_with_the_build(place):
    folder, running = place
    known = commit(folder / "bomb", {"bomb.py": FORK_BOMB})
    if not is_limited(running):
        pytest.skip("this user may make no control groups here")
    task = build(folder / "bomb", known, "python3 bomb.py > said; (setsid sleep 600 &) ; true")
    source = result_of(running, "bomb", task).source
    assert (Artifacts(running.directory).tree(source) / "said").read_text() == "EAGAIN\n"
    assert running.client.ask(GetStatus()).pid == running.process.pid
    assert processes_in(folder) == []


def test_what_a_build_writes_beside_its_directories_is_bounded_and_ends_with_it(place):
    folder, running = place
    known = commit(folder / "files", {"a": ""})
    code = "for p in ('/tmp', '/dev/shm', '/var/tmp'): found = os.statvfs(p); print(found.f_blocks * found.f_frsize >> 20)"
    command = f'python3 -c "import os\n{code}" > sizes; touch /run/x || touch /x || touch /var/x || echo none >> sizes'
    source = result_of(running, "files", build(folder / "files", known, command)).source
    assert (Artifacts(running.directory).tree(source) / "sizes").read_text().split() == [
        "2048",
        "256",
        "2048",
        "none",
    ]


def test_a_build_that_floods_its_log_does_not_hold_the_node_up(place):
    folder, running = place
    known = commit(folder / "flood", {"a": ""})
    task = build(folder / "flood", known, "yes '' | head -n 3000000; yes | head -n 3000000; echo end > said")
    running.client.ask(StartTask("flood", task))
    longest = 0.0
    while running.client.ask(GetTask("flood")).state == "running":
        began = time.monotonic()
        running.client.ask(GetStatus())
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)
    status = running.client.ask(GetTask("flood"))
    assert status.state == "succeeded", status.reason
    assert longest < 3
    spooled = sum(
        each.stat().st_blocks * 512 for each in (running.directory / "output").rglob("*") if each.is_file()
    )
    assert spooled < 40 * 1024**2


def test_directories_too_deep_for_any_path_fail_the_build_and_are_removed(place):
    folder, running = place
    nest = "import os\nfor _ in range(3000): os.mkdir('d' * 20); os.chdir('d' * 20)\n"
    known = commit(folder / "deep", {"nest.py": nest})
    task = build(folder / "deep", known, "python3 nest.py; chmod 0 ddd*")
    assert reason_of(running, "deep", task) == (
        "There are more than 200 directories in one another, which no instance is given."
    )
    running.client.ask(ForgetTask("deep"))
    assert list((running.directory / "sources").rglob("ddd*")) == []


def test_nothing_is_left_of_builds(place):
    """After all of the above."""
    folder, running = place
    assert processes_in(folder) == []
    assert list((running.directory / "work").glob("*")) == []
    if is_limited(running):
        name = ControlGroups(running.directory).name
        assert list(Path("/sys/fs/cgroup").glob(f"**/{name}/task-*")) == []


def processes_in(folder: Path) -> list[str]:
    """The commands of builds that still run in a folder."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if b"bwrap" in words.split(b"\0")[0] and str(folder).encode() in words:
            found.append(words.replace(b"\0", b" ").decode()[:80])
    return found
