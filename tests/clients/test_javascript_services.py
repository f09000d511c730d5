"""The AWS SDK for JavaScript leads a service through its whole life, which really runs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from javascript import modules_with
from nodes import refusal_for
from plain_workloads import SERVER, repository
from served_account import FILES, ServedAccount

from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run"),
]

# The latest first.
OPERATIONS = ("RESUME_SERVICE", "PAUSE_SERVICE", "START_DEPLOYMENT", "UPDATE_SERVICE", "CREATE_SERVICE")


@pytest.fixture
def account():
    # Sockets have short paths, and instances see nothing beneath the directories of tests.
    place = Path(tempfile.mkdtemp())
    made = ServedAccount(place, state=str(place / "state"))
    yield made
    made.understudy("stop")
    made.close()
    shutil.rmtree(place, ignore_errors=True)


def test_a_service_lives_by_the_javascript_sdk(account, tmp_path):
    """Reference apprunner-services.md 2.3; apprunner.md 2.8: errors are of the SDK's classes."""
    modules = modules_with("@aws-sdk/client-apprunner", tmp_path / "sdk")
    place = repository(tmp_path / "code", **{"serve.py": SERVER})
    made = account.client("apprunner").create_connection(ConnectionName="github", ProviderType="GITHUB")
    account.understudy("connection", "approve", "github")
    done = subprocess.run(
        [
            "node",
            FILES / "javascript" / "service.cjs",
            f"file://{place}",
            made["Connection"]["ConnectionArn"],
        ],
        env={**account.environment, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [
        "created OPERATION_IN_PROGRESS true",
        "then RUNNING 200 one",
        "twice true Service with the provided name already exists: site.",
        "updated RUNNING HTTP 200 one",
        "deployed RUNNING",
        "paused PAUSED",
        "resumed RUNNING 200 one",
        'tags [{"Key":"team","Value":"web"}]',
        f"operations {' '.join(f'{each}=SUCCEEDED' for each in OPERATIONS)}",
        "listed 1",
        "deleted DELETED",
        "none true",
    ] == done.stdout.splitlines()
