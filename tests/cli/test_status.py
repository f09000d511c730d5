"""What runs, and what it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from understudy_aws.app import build
from understudy_aws.cli.main import main
from understudy_aws.cli.output import spoken
from understudy_aws.cli.server_files import ServerFile, files_of
from understudy_aws.gateway.durable_operations import begin
from understudy_aws.services.apprunner.ingress_address import note_ingress
from understudy_aws.services.iam.deletion_tasks import KIND
from understudy_aws.settings import read
from understudy_aws.store.sqlite import SqliteStore


def test_a_state_without_a_server_is_described(left_state, capsys):
    assert 0 == main(["status", "--state", left_state])
    out = capsys.readouterr().out
    assert "none runs; this is the state alone" in out
    assert "accounts  000000000000" in out
    assert "iam/user" in out


def test_where_services_are_answered_is_told_before_one_runs(left_state, capsys):
    assert 0 == main(["status", "--state", left_state])
    assert "none; the first is answered at a free port" in capsys.readouterr().out
    app = build(read({}, state=left_state))
    with app.database.transaction() as tx:
        note_ingress(tx, "127.0.0.1:41234")
    app.close()
    assert 0 == main(["status", "--state", left_state])
    assert "none; the first is answered at 127.0.0.1:41234" in capsys.readouterr().out


def test_a_server_that_was_killed_is_told_of(left_state, capsys):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    files = files_of(read({}, state=left_state))
    files.write_server(ServerFile("http://127.0.0.1:1", ended.pid, "token"))
    assert 0 == main(["status", "--state", left_state])
    assert f"none runs; the last, process {ended.pid}, was killed" in capsys.readouterr().out
    files.write_server(ServerFile("http://127.0.0.1:1", os.getpid(), "token"))
    assert 0 == main(["status", "--state", left_state])
    assert f"process {os.getpid()} does not answer at http://127.0.0.1:1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7_199, "1 hour"),
        (7_200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_a_while_is_said_in_its_largest_unit(seconds, said):
    assert said == spoken(seconds)


def test_a_store_that_refuses_is_told_of(left_state, capsys, monkeypatch):
    monkeypatch.setattr(
        SqliteStore, "status", lambda _: "The write-ahead log cannot be moved into the file: full."
    )
    assert 0 == main(["status", "--state", left_state])
    assert "store     The write-ahead log cannot be moved" in capsys.readouterr().out


def test_background_work_is_told_of(left_state, capsys):
    assert 0 == main(["status", "--state", left_state])
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("Background work: nothing is due, of ")


def test_what_waits_and_what_fails_is_told_with_its_reason(left_state, capsys):
    app = build(read({}, state=left_state))
    at = app.gateway.clock.now() - timedelta(minutes=1)
    with app.database.transaction() as tx:
        begin(tx, KIND, account="000000000000", id="task/one", subject="AROA1", details={}, at=at)
    # There is no role in its details, as no task of ours has it: so it fails, and is tried again later.
    app.controllers.settle()
    app.close()
    assert 0 == main(["status", "--state", left_state])
    said = capsys.readouterr()
    assert f"deletion tasks: 000000000000 {KIND} task/one failed 1 times in a row" in said.err
    assert "KeyError: 'role'" in said.err
    rows = [line.split("  ")[0] for line in said.out.splitlines()]
    assert {"BACKGROUND WORK", "deletion tasks"} <= set(rows)
    assert "account creation" not in rows, "nothing of that is due"
    assert 0 == main(["status", "--state", left_state, "--json"])
    controllers = json.loads(capsys.readouterr().out)["controllers"]
    (tasks,) = (each for each in controllers if each["name"] == "deletion tasks")
    (failing,) = tasks["failing"]
    assert (["000000000000", KIND, "task/one"], 1) == (failing["key"], failing["attempts"])


def test_json_for_programs(left_state, capsys):
    assert 0 == main(["status", "--state", left_state, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (None, 1) == (answer["endpoint"], answer["records"]["account"])
