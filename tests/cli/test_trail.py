"""Calls as lines."""

from __future__ import annotations

import pytest

from understudy_aws.app import build
from understudy_aws.cli.main import main
from understudy_aws.cli.trail_rows import as_table, numbered_from_one
from understudy_aws.settings import read

CALL = {
    "at": "2026-01-02T03:04:05.678Z",
    "request_id": "id",
    "service": "ec2",
    "operation": "CreateVpc",
    "region": "us-east-1",
    "caller": {"kind": "user", "arn": "arn:aws:iam::000000000000:user/me"},
}


def row(**more) -> tuple[str, ...]:
    entry = {"number": 7, "call": {**CALL, **more}, "refused": False, "waived": False}
    return as_table([numbered_from_one(entry)])[1][0]


def test_no_calls_yet(left_state, capsys):
    assert 0 == main(["trail", "--state", left_state])
    assert "No calls yet.\n" == capsys.readouterr().out


@pytest.mark.parametrize("command", ["trail", "record"])
def test_a_bare_name_is_no_caller(command, left_state, capsys):
    """A bare name would select no call, which looks like a caller who did nothing."""
    assert 2 == main([command, "--as", "ann", "--state", left_state])
    assert (
        "--as takes an ARN, such as arn:aws:iam::111122223333:user/ann, not 'ann'." in capsys.readouterr().err
    )


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1"])
def test_a_limit_has_limits(limit, capsys):
    assert 2 == main(["trail", f"--limit={limit}"])
    assert "--limit must be between 1 and 1000" in capsys.readouterr().err


def test_a_line_names_the_statement_that_allowed():
    allowed = {
        "action": "ec2:CreateVpc",
        "resource": "*",
        "effect": "allow",
        "policy": "given",
        "statement": 1,
    }
    assert (
        "7", "2026-01-02 03:04:05Z", "id", "000000000000:user/me", "ec2:CreateVpc", "us-east-1", "given statement 2", "ok",
    ) == row(evaluations=[allowed])  # fmt: skip


def test_a_line_names_what_nothing_allowed():
    silence = {"action": "ec2:CreateVpc", "resource": "*", "effect": "implicit-deny", "layer": "identity"}
    decided, outcome = row(evaluations=[silence], outcome="UnauthorizedOperation")[-2:]
    assert ("nothing allows ec2:CreateVpc", "UnauthorizedOperation") == (decided, outcome)


def test_a_line_names_the_statement_that_denied():
    denied = {
        "action": "a",
        "resource": "*",
        "effect": "explicit-deny",
        "policy": "arn:aws:iam::1:policy/p",
        "sid": "No",
    }
    assert "denied by p No" == row(evaluations=[denied])[-2]


def test_a_call_made_for_another_is_indented():
    assert "  ec2:CreateVpc" == row(parent="other")[4]


def test_a_state_that_is_damaged_is_one_sentence(left_state, capsys):
    app = build(read({}, state=left_state))
    path = app.database.store.path
    app.close()
    path.write_bytes(b"no database at all, whatever its name says" * 100)
    assert 2 == main(["trail", "--state", left_state])
    assert "cannot be used" in capsys.readouterr().err
