"""Nodes for the tests of this folder: one as this user, and where this user is root, one as an unprivileged user."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from askers import Asker
from nodes import node, user_called


@pytest.fixture
def node_options():
    """What a node is started with; files whose nodes are special have a fixture of this name."""
    return {}


@pytest.fixture(params=["this-user", "unprivileged"])
def running(request, node_options):
    """A node; the network is gone with it."""
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user, **node_options) as started:
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def asker(running):
    made = []

    def make(interface: str, timeout: float = 5.0) -> Asker:
        made.append(Asker(running, interface, timeout))
        return made[-1]

    yield make
    for each in made:
        each.close()
