"""`understudy connection`: the handshake that at AWS takes the console."""

from __future__ import annotations

import json

import pytest

from understudy_aws.cli.main import main
from understudy_aws.testing import Understudy


@pytest.fixture
def state(tmp_path):
    directory = str(tmp_path / "left")
    with Understudy(state=directory) as night:
        night.client("apprunner").create_connection(ConnectionName="github", ProviderType="GITHUB")
    return directory


def test_an_approved_connection_is_available(state, capsys):
    assert 0 == main(["connection", "approve", "github", "--state", state])
    assert "is AVAILABLE; it was PENDING_HANDSHAKE.\n" in capsys.readouterr().out
    assert 0 == main(["connection", "approve", "github", "--state", state, "--json"])
    assert "AVAILABLE" == json.loads(capsys.readouterr().out)["was"]
    main(["connection", "list", "--state", state, "--json"])
    assert ["AVAILABLE"] == [each["status"] for each in json.loads(capsys.readouterr().out)["connections"]]


def test_a_refused_one_has_an_error(state, capsys):
    assert 0 == main(["connection", "refuse", "github", "--region", "us-east-1", "--state", state])
    assert 0 == main(["connection", "list", "--state", state])
    assert ["github", "GITHUB", "ERROR", "us-east-1", "000000000000"] == (
        capsys.readouterr().out.splitlines()[-1].split()
    )


def test_a_name_that_is_not_there_is_one_sentence(state, capsys):
    assert 2 == main(["connection", "approve", "git-hub", "--state", state])
    assert (
        "understudy: There is no connection git-hub here. Did you mean github?\n" == capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aprove", "github"], "did you mean approve?"),
        (["list", "github"], "takes no NAME"),
        (["approve"], "Which connection?"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(state, capsys, words, said):
    assert 2 == main(["connection", *words, "--state", state])
    assert said in capsys.readouterr().err


def test_without_connections_the_list_says_how_to_make_one(left_state, capsys):
    assert 0 == main(["connection", "list", "--state", left_state])
    assert "create-connection" in capsys.readouterr().out
