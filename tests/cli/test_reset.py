"""Forgetting."""

from __future__ import annotations

import io
import json
import sys

import pytest

from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import files_of
from understudy_aws.settings import read


@pytest.fixture
def files(left_state):
    return files_of(read({}, state=left_state))


def test_the_administrators_keys_stay(left_state, files, capsys):
    before = files.read_keys("000000000000")
    assert 0 == main(["reset", "--yes", "--json", "--show-keys", "--state", left_state])
    made = json.loads(capsys.readouterr().out)
    assert made["kept_keys"]
    assert before == files.read_keys("000000000000")
    assert (made["access_key_id"], made["secret_access_key"]) == (
        before.access_key_id,
        before.secret_access_key,
    )


def test_new_keys_are_kept_and_the_secret_is_shown_only_when_asked(left_state, files, capsys):
    before = files.read_keys("000000000000")
    assert 0 == main(["reset", "--yes", "--new-keys", "--state", left_state])
    kept = files.read_keys("000000000000")
    assert before != kept
    said = capsys.readouterr().out
    assert "its administrator has a new key" in said
    assert kept.access_key_id in said
    assert kept.secret_access_key not in said


@pytest.mark.parametrize(("answer", "code"), [("no\n", 1), ("\n", 1), ("", 2), ("Yes\n", 0), ("y", 0)])
def test_it_asks_and_obeys(left_state, capsys, monkeypatch, answer, code):
    assert 0 == main(["account", "add", "111122223333", "--state", left_state])
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert code == main(["reset", "--state", left_state])
    assert ("Nothing was changed" in (said := capsys.readouterr().err) or "nothing was changed" in said) is (
        code > 0
    )
    assert 0 == main(["status", "--json", "--state", left_state])
    accounts = json.loads(capsys.readouterr().out)["accounts"]
    assert (1 if code == 0 else 2) == len(accounts)
