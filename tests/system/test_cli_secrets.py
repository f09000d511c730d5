"""Secrets by the real `aws` command over a socket, text and bytes, and what the trail tells of them."""

from __future__ import annotations

import json

import pytest
from served_account import ServedAccount

pytestmark = pytest.mark.system


@pytest.fixture
def account(tmp_path):
    made = ServedAccount(tmp_path, state=str(tmp_path / "state"))
    yield made
    made.close()


def ask(account, *arguments):
    done = account.aws("secretsmanager", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_secret_is_made_read_changed_and_deleted(account, tmp_path):
    (tmp_path / "key").write_bytes(bytes(range(256)))
    made = ask(account, "create-secret", "--name=web/key", f"--secret-binary=fileb://{tmp_path}/key")
    got = ask(account, "get-secret-value", "--secret-id=web/key")
    assert (made["VersionId"], made["ARN"]) == (got["VersionId"], got["ARN"])
    assert "AAECAwQF" == got["SecretBinary"][:8]
    ask(account, "put-secret-value", "--secret-id=web/key", "--secret-string=hunter2hunter2")
    former = ask(account, "get-secret-value", "--secret-id=web/key", "--version-stage=AWSPREVIOUS")
    assert made["VersionId"] == former["VersionId"]
    ask(account, "delete-secret", f"--secret-id={made['ARN']}", "--recovery-window-in-days=7")
    refused = account.aws("secretsmanager", "get-secret-value", "--secret-id=web/key")
    assert "because it was marked for deletion" in refused.stderr
    told = account.understudy("trail", "--json")
    assert "PutSecretValue" in told
    assert "hunter2hunter2" not in told
