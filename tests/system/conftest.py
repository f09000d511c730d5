"""Who runs the servers of services: this user, and where this user is root, an unprivileged user too."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from nodes import user_called
from running_services import ServiceSite
from traces import Traces


@pytest.fixture(params=["this-user", "unprivileged"])
def user(request):
    """Who runs the server, None for this user; files that run it as one user only have no use for this."""
    return user_called(request.param)


@pytest.fixture
def home(user):
    """A folder of the user's own. Sockets have short paths, and another user comes into no folder of pytest's."""
    made = Path(tempfile.mkdtemp())
    if user is not None:
        os.chown(made, user, user)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def site(home, user):
    """A server whose services run; of these nothing is left at the end."""
    traces = Traces(home, keeps=("^state(/|$)", "^code-"), node=home / "state/node")
    made = ServiceSite(home, user=user)
    yield made
    traces.look()
    made.end()
    assert traces.left() == {}
