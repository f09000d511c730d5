"""A state that cannot be read is said to be so, in one sentence, by every request that needs what is damaged."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing

import pytest
from botocore.exceptions import ClientError

from understudy_aws.core.errors import UserError
from understudy_aws.store.protocol import NotKeptError, RecordChange
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.testing import Understudy

_PAGE = 4096


@pytest.fixture
def state(tmp_path):
    """A state with users and the administrator's keys; nothing of it is left in the write-ahead log."""
    directory = tmp_path / "state"
    with Understudy(state=str(directory)) as understudy:
        iam = understudy.client("iam")
        for number in range(300):
            iam.create_user(UserName=f"user-{number}")
        return directory, understudy.administrator


class Reopened(Understudy):
    """An understudy on a state that has its account already."""

    def __init__(self, directory, administrator):
        self._known = administrator
        super().__init__(state=str(directory))

    def account_administrator(self, account):
        return self._known


def _overwrite_a_record(directory):
    with closing(sqlite3.connect(directory / "understudy.db")) as connection, connection:
        changed = connection.execute("UPDATE records SET body = x'ff00' WHERE key LIKE '%user-7'").rowcount
        assert changed > 0


def _overwrite_pages(directory):
    """All pages of the bodies of users, and not the schema nor where the administrator's keys are."""
    path = directory / "understudy.db"
    content = path.read_bytes()
    with path.open("r+b") as file:
        for at in range(0, len(content), _PAGE):
            if content[at : at + _PAGE].count(b'"name":"user-') > 2:
                file.seek(at)
                file.write(b"\xa5" * _PAGE)


@pytest.mark.parametrize("damage", [_overwrite_a_record, _overwrite_pages])
def test_what_cannot_be_read_is_answered_503_and_says_so(state, damage, caplog):
    """It was answered 500, `Understudy failed on this request`, and each request wrote a trace."""
    directory, administrator = state
    damage(directory)
    with Reopened(directory, administrator) as understudy, caplog.at_level(logging.WARNING):
        iam = understudy.client("iam")
        for call in (iam.list_users, lambda: iam.create_user(UserName="another")):
            caplog.clear()
            with pytest.raises(ClientError) as refused:
                call()
            answer = refused.value.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert "cannot be read" in answer["Error"]["Message"]
            assert all(record.exc_info is None for record in caplog.records)
            assert 1 == len(caplog.records)


def test_a_file_that_is_damaged_under_a_server_keeps_nothing_and_memory_is_what_it_was(tmp_path):
    """Memory was thrown away, to be read again from the damaged file."""
    store = SqliteStore(tmp_path / "state")
    epoch = store.claim()
    store._writer.close()
    store._writer = _Malformed()
    store._log._connection = store._writer
    with pytest.raises(NotKeptError, match="malformed"):
        store.write(epoch, [RecordChange("t", "k", b"v")], [])
    assert [] == list(store.load("t"))
    store.close()


class _Malformed:
    """A connection to a file that SQLite finds damaged."""

    in_transaction = False

    def execute(self, *_):
        raise sqlite3.DatabaseError("database disk image is malformed")

    def close(self):
        pass


def test_a_state_directory_that_was_removed_is_said_to_be_gone(tmp_path):
    directory = tmp_path / "state"
    store = SqliteStore(directory)
    epoch = store.claim()
    directory.rename(tmp_path / "elsewhere")
    with pytest.raises(NotKeptError, match=r"The state in .*/state is gone"):
        store.write(epoch, [RecordChange("t", "k", b"v")], [])
    shutil.rmtree(tmp_path / "elsewhere")
    store.close()


def test_a_server_does_not_start_when_it_cannot_read_what_it_must(state):
    directory, administrator = state
    with closing(sqlite3.connect(directory / "understudy.db")) as connection, connection:
        connection.execute("INSERT INTO records VALUES ('iam/deletion-task', 'broken', x'00')")
    with pytest.raises(UserError, match=r"A record of iam/deletion-task cannot be read: "):
        Reopened(directory, administrator)


def test_a_state_file_that_was_removed_or_replaced_takes_no_more_writes(tmp_path):
    """SQLite writes on to a file that has no name any more: all was answered, and nothing was there afterwards."""
    directory = tmp_path / "state"
    store = SqliteStore(directory)
    epoch = store.claim()
    for path in directory.glob("understudy.db*"):
        path.unlink()
    kept = 0
    with pytest.raises(NotKeptError, match=r"is gone: "):
        for number in range(100):
            store.write(epoch, [RecordChange("t", str(number), b"v")], [])
            kept += 1
    assert kept < 16, "it looks now and then"
    (directory / "understudy.db").write_bytes(b"")
    with pytest.raises(NotKeptError, match="was replaced"):
        store.write(epoch, [RecordChange("t", "k", b"v")], [])
    store.close()
