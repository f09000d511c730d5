"""A state that a server left, for commands that open it themselves."""

from __future__ import annotations

import pytest

from understudy_aws.app import build
from understudy_aws.cli.server_files import files_of
from understudy_aws.cli.up import first_account, keep_administrators_keys
from understudy_aws.settings import read


@pytest.fixture
def left_state(tmp_path):
    """A state directory with one account, whose server has stopped."""
    directory = str(tmp_path / "left")
    app = build(read({}, state=directory))
    first_account(app)
    keep_administrators_keys(app, files_of(app.settings))
    app.close()
    return directory


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    """Nothing is wrapped, wherever the tests run: who runs them in several processes sets COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)
