"""`understudy demo`, as a person and as a program would run it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "understudy", "demo"]


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
    claims = {claim for step in report["steps"] for claim in step["claim"].split()}
    assert {f"S{number}" for number in range(1, 11)} == claims


def test_a_person_reads_what_was_asked_and_both_answers(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("UNDERSTUDY_IAM", "off")
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=120, check=False)
    assert 0 == done.returncode
    assert (
        done.stdout.count("AWS answers:")
        == done.stdout.count("Understudy answered:")
        == done.stdout.count("\n      OK")
    )
    assert "FAILED:" not in done.stdout
    assert "\x1b" not in done.stdout
