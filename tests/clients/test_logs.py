"""CloudWatch Logs through other people's tools: Terraform's provider, and `aws logs tail` of the AWS CLI 2."""

from __future__ import annotations

import queue
import subprocess
import threading
import time

import boto3
import pytest
from aws_commands import second_version
from served_account import REGION, ServedAccount
from terraform import Terraform, why_not

pytestmark = pytest.mark.system

CHANGED = "-var=changed=true"


def logs_client(account: ServedAccount):
    return boto3.client(
        "logs",
        region_name=REGION,
        endpoint_url=account.environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=account.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=account.environment["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_terraform_makes_reads_changes_and_removes_log_groups(tmp_path):
    terraform = Terraform("logs", tmp_path)
    try:
        assert {"groups": 2} == terraform.apply()
        assert not terraform.changes()
        terraform.apply(CHANGED)
        assert not terraform.changes(CHANGED)
        found = logs_client(terraform).describe_log_groups(logGroupNamePrefix="/team/app")["logGroups"]
        assert [30] == [each["retentionInDays"] for each in found]
        terraform.destroy(CHANGED)
        assert [] == logs_client(terraform).describe_log_groups()["logGroups"]
    finally:
        terraform.close()


@pytest.fixture
def account(tmp_path):
    made = ServedAccount(tmp_path)
    yield made
    made.close()


def put(logs, *texts: str) -> None:
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="/team/app",
        logStreamName="one",
        logEvents=[{"timestamp": now, "message": text} for text in texts],
    )


def test_the_cli_tails_a_group_and_follows_it(account):
    """It asks FilterLogEvents again and again, and tells events it has seen by their ids."""
    command = second_version()
    if command is None:
        pytest.skip("there is no AWS CLI of version 2 on this machine: scripts/try-tools installs it")
    words = [command, "--endpoint-url", account.environment["AWS_ENDPOINT_URL"], "logs", "tail", "/team/app"]
    logs = logs_client(account)
    logs.create_log_group(logGroupName="/team/app")
    logs.create_log_stream(logGroupName="/team/app", logStreamName="one")
    put(logs, "first ERROR", "second")

    def tail(*more: str) -> list[str]:
        done = subprocess.run(
            [*words, "--format", "short", *more], env=account.environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [line.partition(" ")[2] for line in done.stdout.splitlines()]

    assert ["first ERROR", "second"] == tail()
    assert ["first ERROR"] == tail("--filter-pattern", "ERROR")
    following = subprocess.Popen(
        [*words, "--format", "short", "--follow"], env={**account.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert following.stdout is not None
    output, lines = following.stdout, queue.Queue[str]()
    reading = threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True)
    reading.start()
    try:
        seen = [lines.get(timeout=60).strip().partition(" ")[2] for _ in range(2)]
        put(logs, "third")
        seen.append(lines.get(timeout=60).strip().partition(" ")[2])
        assert ["first ERROR", "second", "third"] == seen
    finally:
        following.kill()
        following.wait()
        reading.join()
        output.close()
