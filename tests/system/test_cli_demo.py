"""`understudy demo`, as a person and as a program would run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from nodes import UNPRIVILEGED, environment, identity, python_of, refusal_for
from restrictions import refusal_of, restricted
from traces import Traces

from understudy_aws.cli.output import Output
from understudy_aws.cli.scenario import STEPS
from understudy_aws.cli.server_process import ServerProcess
from understudy_aws.cli.service_scenario import missing_for_services
from understudy_aws.cli.walk import Walk
from understudy_aws.dataplane.linux.probe import obstacle

pytestmark = pytest.mark.system


def left_out() -> int:
    """How many steps are not walked on this machine."""
    return bool(obstacle()) + bool(obstacle() or missing_for_services())


COMMAND = [sys.executable, "-m", "understudy_aws", "demo"]


def test_every_step_holds_and_every_claim_is_walked():
    done = subprocess.run([*COMMAND, "--json"], capture_output=True, text=True, timeout=120, check=False)
    report = json.loads(done.stdout)
    assert [] == [
        (check["asked"], check["aws"], check["understudy"])
        for step in report["steps"]
        for check in step["checks"]
        if not check["held"]
    ]
    assert (0, "", True) == (done.returncode, done.stderr, report["held"])
    # What each step asks; a step that asks less shows less. Without networks here none is about packets.
    packets = [] if report["obstacle"] else [7]
    services = [] if report["missing"] else [12]
    assert [3, 3, 1, 2, 3, 1, 14, 3, 6, 3, *packets, *services, 2, 2, 4, 2, 1, 2] == [
        len(step["checks"]) for step in report["steps"]
    ]
    claims = {claim for step in report["steps"] for claim in step["claim"].split()}
    assert {f"S{number}" for number in range(1, 11)} == claims


def test_a_person_reads_what_was_asked_and_both_answers(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("UNDERSTUDY_IAM", "off")
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=120, check=False)
    assert 0 == done.returncode
    answers = done.stdout.count("Understudy answered:")
    assert answers == done.stdout.count("\n      OK\n")
    assert answers == done.stdout.count("AWS answers:") + done.stdout.count("Right is:")
    assert "\n      FAILED\n" not in done.stdout
    assert f"All {answers} answers in {len(STEPS) - left_out()} steps are as they should be" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_service_reaches_postgresql_and_nothing_is_left():
    """The whole scenario, for a user without rights: a real database behind its security group."""
    user = None if os.geteuid() else UNPRIVILEGED
    python = python_of(user)
    missing = refusal_for(user) or missing_for_services()
    if missing or python is None:
        pytest.skip(missing or "the unprivileged user can run no Python that finds this Understudy")
    if shutil.which("postgres") is None or shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed (`sudo apt install postgresql`)")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        home = place / "home"
        home.mkdir()
        if user is not None:
            os.chown(home, user, user)
        traces = Traces(place, keeps=(r"^home(/|$)",))
        done = subprocess.run(
            [python, "-m", "understudy_aws", "demo", "--json"],
            env={**environment(), "HOME": str(home), "TMPDIR": str(home)}, cwd=home, capture_output=True,
            text=True, timeout=200, check=False, **identity(user),
        )  # fmt: skip
        report = json.loads(done.stdout)
        assert report["held"], [
            each for step in report["steps"] for each in step["checks"] if not each["held"]
        ]
        said = [check["understudy"] for step in report["steps"] for check in step["checks"]]
        assert any(each.startswith("PostgreSQL ") for each in said)
        assert traces.left() == {}


def test_where_no_networks_can_be_made_the_rest_is_walked_and_that_is_said():
    refused = refusal_of("no-unshare")
    if refused:
        pytest.skip(refused)
    done = subprocess.run(
        restricted("no-unshare", *COMMAND), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"in {len(STEPS) - 2} steps are as they should be" in done.stdout
    assert "Not shown: that security groups decide about packets." in done.stdout


def test_an_answer_that_is_not_as_expected_fails_the_walk(capsys):
    with ServerProcess(["--state", "memory:", "--port", "0"]) as process:
        walk = Walk(process, Output())
        assert not walk.step("", "Wrong", lambda walk: walk.expect("aws x", "one", "another"))
        assert not walk.step("", "Nothing was asked", lambda _walk: None)
        assert not walk.step("", "An error", lambda walk: walk.client("iam").get_user(UserName="nobody"))
        iam = walk.client("iam")
        assert not walk.step(
            "", "It was allowed", lambda walk: walk.expect_refusal("aws y", "No: no", iam.list_users)
        )
        assert walk.step("", "Right", lambda walk: walk.expect("aws z", "one", "one"))
        assert not walk.held
    told = capsys.readouterr().out
    assert (3, 1) == (told.count("      FAILED\n"), told.count("      OK\n"))
    assert "NoSuchEntity: The user with name nobody cannot be found." in told
