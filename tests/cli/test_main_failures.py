"""A mistake of our own is a sentence, and a trace for whoever asks for one."""

from __future__ import annotations

import pytest

from understudy_aws.cli import roles
from understudy_aws.cli.main import main
from understudy_aws.core.errors import InternalError


@pytest.fixture
def broken(monkeypatch):
    def run(_asked, _out):
        raise KeyError("roles")

    monkeypatch.setattr(roles, "run", run)


def test_it_is_one_sentence_and_its_own_exit_code(broken, capsys, monkeypatch):
    monkeypatch.delenv("UNDERSTUDY_DEBUG", raising=False)
    assert 70 == main(["roles"])
    said = capsys.readouterr().err
    assert "understudy: it failed inside: KeyError: 'roles'. UNDERSTUDY_DEBUG=1 shows where.\n" == said


def test_whoever_asks_is_shown_where(broken, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["roles"])


def test_a_mistake_that_the_server_has_met_is_ours_too(capsys, monkeypatch):
    def run(_asked, _out):
        raise InternalError("The server failed inside: KeyError: 'x'. Its log shows where.")

    monkeypatch.setattr(roles, "run", run)
    assert 70 == main(["roles"])
    assert (
        "understudy: The server failed inside: KeyError: 'x'. Its log shows where.\n"
        == capsys.readouterr().err
    )
