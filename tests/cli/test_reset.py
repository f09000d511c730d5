"""Forgetting."""

from __future__ import annotations

import builtins
import json
import sys

from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import files_of
from understudy_aws.settings import read


def test_new_keys_are_shown_and_kept(left_state, capsys):
    files = files_of(read({}, state=left_state))
    before = files.read_keys("000000000000")
    assert 0 == main(["reset", "--yes", "--json", "--state", left_state])
    made = json.loads(capsys.readouterr().out)
    kept = files.read_keys("000000000000")
    assert (made["access_key_id"], made["secret_access_key"]) == (kept.access_key_id, kept.secret_access_key)
    assert before != kept


def test_on_a_terminal_only_after_a_yes(left_state, capsys, monkeypatch):
    files = files_of(read({}, state=left_state))
    before = files.read_keys("000000000000")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", lambda _question: "")
    assert 2 == main(["reset", "--state", left_state])
    assert "understudy: Nothing was changed.\n" == capsys.readouterr().err
    assert before == files.read_keys("000000000000")
    monkeypatch.setattr(builtins, "input", lambda _question: "Yes")
    assert 0 == main(["reset", "--state", left_state])
    assert before != files.read_keys("000000000000")
