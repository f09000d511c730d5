"""A server that cannot keep changes is not ready, and is again as soon as it can, though nobody asks for a change."""

from __future__ import annotations

import pytest

from understudy_aws import app, settings
from understudy_aws.core.http import HttpRequest
from understudy_aws.core.ids import Ids
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import NotKeptError


class Disk(MemoryStore):
    """Refuses writes while it is full."""

    full = False

    def write(self, epoch, changes, entries, *, clear=False):
        if self.full:
            raise NotKeptError("The disk of /state is full.")
        super().write(epoch, changes, entries, clear=clear)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def server(disk, monkeypatch):
    # A refused write is tried again at once.
    monkeypatch.setattr(app, "Database", lambda store: Database(store, retry_seconds=0))
    made = app.build(settings.read({}, state="memory:"), ids=Ids(1), store=disk)
    made.make_account("000000000000")
    yield made
    made.close()


def ready(server):
    response = server.answer(HttpRequest("GET", "/_understudy/ready", "", {"host": "h"}, b""))
    return response.status, response.body


def change(server):
    query = b"Action=CreateUser&UserName=me&Version=2010-05-08"
    headers = {"host": "iam.amazonaws.com", "content-type": "application/x-www-form-urlencoded"}
    return server.answer(HttpRequest("POST", "/", "", headers, query)).status


def test_it_says_so_while_it_lasts_and_recovers_by_itself(server, disk):
    assert 200 == ready(server)[0]
    disk.full = True
    with pytest.raises(NotKeptError):
        server.make_account("111122223333")
    for _ in range(3):
        status, body = ready(server)
        assert 503 == status
        assert b"Changes cannot be kept: The disk of /state is full." in body
    disk.full = False
    assert 200 == ready(server)[0]
    assert "" == server.database.refusal
    server.make_account("111122223333")


def test_entries_of_the_trail_that_wait_are_written_by_then(server, disk):
    disk.full = True
    change(server)
    waiting = server.database.status()["trail_entries_waiting"]
    assert waiting
    assert 503 == ready(server)[0]
    disk.full = False
    assert 200 == ready(server)[0]
    assert 0 == server.database.status()["trail_entries_waiting"]
