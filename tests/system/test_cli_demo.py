"""`understudy demo`, as a person and as a program would run it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from restrictions import refusal_of, restricted

from understudy_aws.cli.output import Output
from understudy_aws.cli.scenario import STEPS
from understudy_aws.cli.server_process import ServerProcess
from understudy_aws.cli.walk import Walk
from understudy_aws.dataplane.linux.probe import obstacle

pytestmark = pytest.mark.system

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
    assert [3, 3, 1, 2, 3, 1, 14, 3, 6, 3, *packets, 2, 2, 4, 2, 1, 2] == [
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
    assert (
        f"All {answers} answers in {len(STEPS) - bool(obstacle())} steps are as they should be" in done.stdout
    )
    assert "\x1b" not in done.stdout


def test_where_no_networks_can_be_made_the_rest_is_walked_and_that_is_said():
    refused = refusal_of("no-unshare")
    if refused:
        pytest.skip(refused)
    done = subprocess.run(
        restricted("no-unshare", *COMMAND), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"in {len(STEPS) - 1} steps are as they should be" in done.stdout
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
