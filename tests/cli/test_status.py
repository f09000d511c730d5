"""What runs, and what it holds."""

from __future__ import annotations

import json

from understudy.cli.main import main


def test_a_state_without_a_server_is_described(left_state, capsys):
    assert 0 == main(["status", "--state", left_state])
    out = capsys.readouterr().out
    assert "none runs; this is the state alone" in out
    assert "accounts  000000000000" in out
    assert "iam/user" in out


def test_json_for_programs(left_state, capsys):
    assert 0 == main(["status", "--state", left_state, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (None, 1) == (answer["endpoint"], answer["records"]["account"])
