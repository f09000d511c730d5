"""Builds: what their commands see and are kept from, what stays of them, and what a failure says."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from nodes import node, user_called
from repositories import commit
from restrictions import refusal_of
from tasks import build, reason_of, result_of

from understudy_aws.dataplane.messages import (
    Done,
    ForgetTask,
    GetOutput,
    GetTask,
    KeepArtifacts,
    Output,
    StartTask,
)
from understudy_aws.dataplane.runtime.artifacts import Artifacts

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def readable_place() -> Path:
    """A directory that every user of the tests can read."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    return made


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def building(request):
    """A node that builds; a virtual environment is made once for all tests."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    user = user_called(request.param)
    place = readable_place()
    try:
        with node(place / "node", user) as started:
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def place():
    made = readable_place()
    yield made
    shutil.rmtree(made, ignore_errors=True)


def log_of(running, ending: str) -> list[str]:
    """The lines of all builds, once the last of them ends so: they are read in the background."""
    until = time.monotonic() + 20
    while True:
        answer = running.client.ask(GetOutput())
        assert isinstance(answer, Output)
        lines = [each.text for each in answer.lines]
        if lines and lines[-1].endswith(ending):
            assert {(each.service, each.stream) for each in answer.lines} == {
                ("arn:of:service", "deployment/1")
            }
            return lines
        assert time.monotonic() < until, lines
        time.sleep(0.05)


def test_commands_run_in_order_in_the_source_tree_and_what_they_make_stays(building, place):
    known = commit(place / "code", {"part/app.py": "print(1)\n"})
    task = build(
        place / "code", known, "pwd; cat app.py", 'echo "$GREETING" > made; cd /', "pwd; python3 -c 'import sys; print(sys.prefix)'",
        directory="/part", environment=(("GREETING", "hello you"),),
    )  # fmt: skip
    result = result_of(building, str(place), task)
    tree = Artifacts(building.directory).source(result.source)
    lines = log_of(building, "The build succeeded.")
    assert lines[0].startswith("Python 3 is Python 3.")
    assert lines[-8:] == [
        "[1/3] pwd; cat app.py", "/app", "print(1)", '[2/3] echo "$GREETING" > made; cd /',
        "[3/3] pwd; python3 -c 'import sys; print(sys.prefix)'", "/app", "/home/app/python", "The build succeeded.",
    ]  # fmt: skip
    assert (result.commit, tree.commit, tree.working_directory, tree.home) == (
        known,
        known,
        "/app",
        "/home/app",
    )
    assert sorted(each.name for each in Artifacts(building.directory).tree(result.source).iterdir()) == [
        "app.py",
        "made",
    ]
    assert (Artifacts(building.directory).tree(result.source) / "made").read_text() == "hello you\n"
    assert dict(tree.environment)["PATH"].startswith("/home/app/python/bin:")
    assert "GREETING" not in dict(tree.environment)


def test_an_equal_build_is_done_once_and_another_anew(building, place):
    known = commit(place / "code", {"app.py": "print(1)\n"})
    task = build(place / "code", known, "date +%N > made")
    first = result_of(building, f"{place} 1", task)
    made = Artifacts(building.directory).tree(first.source) / "made"
    before = made.read_text()
    assert result_of(building, f"{place} 2", task).source == first.source
    assert made.read_text() == before
    assert "Nothing has changed since" in log_of(building, "it is used again.")[-1]
    others = [
        build(place / "code", known, "date +%N > made "),
        build(place / "code", known, "date +%N > made", environment=(("A", "b"),)),
        build(place / "code", commit(place / "code", {"app.py": "print(2)\n"}), "date +%N > made"),
    ]
    ids = {result_of(building, f"{place} other {number}", each).source for number, each in enumerate(others)}
    assert len(ids | {first.source}) == 4


def test_a_command_that_fails_is_named_with_its_last_lines(building, place):
    known = commit(place / "code", {"app.py": ""})
    task = build(place / "code", known, "true", "echo first; echo the reason >&2; exit 3", "touch /app/never")
    assert reason_of(building, str(place), task) == (
        "The build command `echo first; echo the reason >&2; exit 3` ended with status 3: first | the reason"
    )
    missing = build(place / "code", known, "no-such-program")
    assert "`no-such-program` ended with status 127: /bin/sh: 1: no-such-program: not found" in reason_of(
        building, f"{place} missing", missing
    )


def test_a_build_sees_nothing_of_this_user(building, place):
    """No files of a home or of the node, no other processes, no sockets of services, and no capability."""
    secret = Path.home() / f".understudy-test-{place.name}"
    known = commit(place / "code", {"app.py": ""})
    looks = {
        "home": f"cat {secret} {place}/code/app.py",
        "node": f"ls {building.directory}",
        "processes": "test $(ls -d /proc/[0-9]* | wc -l) -gt 6",
        "sockets": 'test -n "$(find /run /tmp -type s)"',
        "shadow": "cat /etc/shadow",
        "usr": "touch /usr/written",
        "kill": f"kill -0 {building.process.pid}",
        "capabilities": "grep Cap /proc/self/status | grep -v 0000000000000000",
        "privileges": "grep -q 'NoNewPrivs:.0' /proc/self/status",
        "namespaces": "unshare --user true",
        "devices": "mknod /app/null c 1 3",
        "cores": ": >> /proc/sys/kernel/core_pattern",
        "keys": "ls /etc/ssl/private",
    }
    secret.write_text("secret")
    try:
        task = build(
            place / "code",
            known,
            *(f"if ({look}) ; then echo {name} was reached; exit 1; fi" for name, look in looks.items()),
        )
        assert result_of(building, str(place), task).source
    finally:
        secret.unlink()


def test_a_build_is_given_nothing_of_the_environment_of_this_machine_but_its_way_to_registries(place):
    user = user_called("this-user")
    variables = {
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "PIP_DEFAULT_TIMEOUT": "77",
        "NPM_CONFIG_CACHE": "/root/npm",
        "no_proxy": "a.test",
    }
    known = commit(place / "code", {"app.py": ""})
    with node(place / "node", user, variables=variables) as running:
        task = build(place / "code", known, "env > environment")
        tree = Artifacts(running.directory).tree(result_of(running, "a", task).source)
    given = dict(line.split("=", 1) for line in (tree / "environment").read_text().splitlines())
    assert (given["PIP_DEFAULT_TIMEOUT"], given["no_proxy"], given["HOME"]) == ("77", "a.test", "/home/app")
    assert not {"AWS_SECRET_ACCESS_KEY", "NPM_CONFIG_CACHE", "PYTHONPATH"} & set(given)


def test_what_a_killed_node_was_building_is_built_by_the_next(place):
    known = commit(place / "code", {"app.py": ""})
    task = build(place / "code", known, "echo > began; sleep 1; echo done > made")
    with node(place / "node", user_called("this-user")) as running:
        running.client.ask(StartTask("a", task))
        until = time.monotonic() + 120
        while not list((place / "node/sources").glob("src-*/app/began")):
            assert time.monotonic() < until
            time.sleep(0.02)
        running.kill()
        assert not list((place / "node/sources").glob("src-*/record.json"))
        running.start_again()
        while (status := running.client.ask(GetTask("a"))).state == "running":
            assert time.monotonic() < until
            time.sleep(0.02)
        assert status.state == "succeeded", status.reason
        assert (Artifacts(running.directory).tree(status.result.source) / "made").read_text() == "done\n"


def test_what_is_kept_no_longer_is_deleted_and_what_is_known_is_not(building, place):
    known = commit(place / "code", {"app.py": ""})
    first = result_of(
        building, f"{place} 1", build(place / "code", known, "mkdir locked; touch locked/a; chmod 0 locked")
    ).source
    second = result_of(building, f"{place} 2", build(place / "code", known, "true")).source
    artifacts = Artifacts(building.directory)
    assert building.client.ask(KeepArtifacts((), ())) == Done()
    assert artifacts.source(first)
    assert artifacts.source(second), "who asked for it may not know of it yet"
    building.client.ask(ForgetTask(f"{place} 1"))
    building.client.ask(ForgetTask(f"{place} 2"))
    assert building.client.ask(KeepArtifacts((second,), ())) == Done()
    assert artifacts.source(second)
    with pytest.raises(LookupError):
        artifacts.source(first)
    assert [each for each in artifacts.sources.iterdir() if first in each.name] == []


def test_where_nothing_can_be_isolated_builds_run_as_plain_processes_and_say_so(place):
    refused = refusal_of("no-unshare")
    if refused:
        pytest.skip(refused)
    known = commit(place / "code", {"app.py": ""})
    with node(place / "node", restriction="no-unshare") as running:
        result = result_of(running, "a", build(place / "code", known, "pwd > where; which python3 > python"))
        log = log_of(running, "The build succeeded.")
        tree = Artifacts(running.directory).source(result.source)
        files = Artifacts(running.directory).tree(result.source)
        assert any(line.startswith("The build is not isolated from this machine: ") for line in log)
        assert (tree.isolated, tree.working_directory) == (False, str(files))
        assert (files / "where").read_text() == f"{files}\n"
        assert (files / "python").read_text() == f"{tree.home}/python/bin/python3\n"
