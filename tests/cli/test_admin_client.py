"""Whom to ask, and what to say when there is nobody."""

from __future__ import annotations

import os
import tempfile

import pytest

from understudy_aws.admin.requests import Status
from understudy_aws.cli.admin_client import ask, read_answer, running_server
from understudy_aws.cli.server_files import ServerFile, files_of
from understudy_aws.core.errors import InternalError, UserError
from understudy_aws.settings import read


def test_a_server_that_is_gone_is_no_server(left_state):
    settings = read({}, state=left_state)
    files_of(settings).write_server(ServerFile("http://127.0.0.1:1", os.getpid(), "token"))
    assert None is running_server(settings)
    assert ["000000000000"] == [account["id"] for account in ask(settings, Status())["accounts"]]


def test_nothing_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="No server runs and there is no state in"):
        ask(read({}, state=str(tmp_path / "nothing")), Status())


def test_memory_without_a_server_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UserError, match="No server in memory runs on port 4567"):
        ask(read({}, state="memory:", port=4567), Status())


def test_a_refusal_is_its_own_sentence():
    with pytest.raises(UserError, match=r"^No$"):
        read_answer(403, b'{"error": "No"}')


@pytest.mark.parametrize("content", [b"<html>", b"", b"[1]", b"null"])
def test_somebody_else_on_the_port_is_one_sentence(content):
    with pytest.raises(UserError, match="is no Understudy server"):
        read_answer(200, content)


def test_a_mistake_of_the_server_is_ours():
    with pytest.raises(
        InternalError, match=r"^The server failed inside: KeyError: 'x'\. Its log shows where\.$"
    ):
        read_answer(500, b'{"error": "The server failed inside: KeyError: \'x\'"}')
