"""A state directory of an older version opens; one of a newer version is refused in a sentence."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.store import sqlite_schema as schema
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.testing import Credentials, Understudy

OLD = Path(__file__).parent / "unversioned_state"


@pytest.fixture
def state(tmp_path):
    """A state as version 0.1.0 left it before its schema had a number: its deletion task is under way."""
    (tmp_path / "understudy.db").write_bytes(gzip.decompress((OLD / "understudy.db.gz").read_bytes()))
    return tmp_path


class Reopened(Understudy):
    """The account there is, and its administrator."""

    def account_administrator(self, account):
        facts = json.loads((OLD / "facts.json").read_text())
        return Credentials(facts["access_key_id"], facts["secret_access_key"])


def test_a_state_of_before_versions_opens_and_its_deletion_task_ends(state):
    facts = json.loads((OLD / "facts.json").read_text())
    with Reopened(state=str(state)) as understudy:
        ec2, iam = understudy.client("ec2"), understudy.client("iam")
        (interface,) = ec2.describe_network_interfaces()["NetworkInterfaces"]
        assert facts["interface"] == interface["NetworkInterfaceId"]
        assert "fixture-role" == iam.get_role(RoleName="fixture-role")["Role"]["RoleName"]
        task = facts["deletion_task"]
        understudy.clock.advance(3600)
        understudy.settle()
        status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]
        assert "SUCCEEDED" == status
        calls = [entry.operation for entry in understudy.trail()]
        assert "CreateVpcConnector" in calls, "the trail of before is there"
    with Reopened(state=str(state)) as understudy:
        assert understudy.client("ec2").describe_network_interfaces()["NetworkInterfaces"]


def test_a_state_of_a_newer_version_is_one_clear_sentence(tmp_path):
    SqliteStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "understudy.db")
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(UserError, match="newer Understudy"):
        SqliteStore(tmp_path)


def test_a_migration_that_is_interrupted_leaves_the_state_as_it_was(state, monkeypatch):
    monkeypatch.setattr(schema, "_MIGRATIONS", (*schema._MIGRATIONS, "INSERT INTO nowhere VALUES (1);"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(UserError, match="cannot be used"):
        SqliteStore(state)
    monkeypatch.undo()
    SqliteStore(state).close()
