"""App Runner's configurations and connections by the real `aws` command over a socket."""

from __future__ import annotations

import json

import pytest
from served_account import ServedAccount

pytestmark = pytest.mark.system

SCALING = "arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration"


@pytest.fixture
def account(tmp_path):
    made = ServedAccount(tmp_path, state=str(tmp_path / "state"))
    yield made
    made.close()


def ask(account, *arguments):
    done = account.aws("apprunner", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_configurations_are_made_listed_described_and_deleted(account):
    made = ask(
        account,
        "create-auto-scaling-configuration",
        "--auto-scaling-configuration-name=web-scaling",
        "--max-concurrency=50",
        "--tags=Key=team,Value=web",
    )["AutoScalingConfiguration"]
    arn = made["AutoScalingConfigurationArn"]
    assert ("active", 50, 25) == (made["Status"], made["MaxConcurrency"], made["MaxSize"])
    assert (
        made
        == ask(
            account,
            "describe-auto-scaling-configuration",
            f"--auto-scaling-configuration-arn={SCALING}/web-scaling",
        )["AutoScalingConfiguration"]
    )
    default = ask(
        account, "update-default-auto-scaling-configuration", f"--auto-scaling-configuration-arn={arn}"
    )
    assert default["AutoScalingConfiguration"]["IsDefault"]
    refused = account.aws(
        "apprunner", "delete-auto-scaling-configuration", f"--auto-scaling-configuration-arn={arn}"
    )
    assert refused.returncode
    assert "You can't delete a reserved auto scaling configuration" in refused.stderr
    listed = ask(account, "list-auto-scaling-configurations", "--no-latest-only")
    assert ["DefaultConfiguration", "web-scaling"] == [
        each["AutoScalingConfigurationName"] for each in listed["AutoScalingConfigurationSummaryList"]
    ]
    tracing = ask(
        account,
        "create-observability-configuration",
        "--observability-configuration-name=xray-tracing",
        "--trace-configuration=Vendor=AWSXRAY",
    )["ObservabilityConfiguration"]
    gone = ask(
        account,
        "delete-observability-configuration",
        f"--observability-configuration-arn={tracing['ObservabilityConfigurationArn']}",
    )["ObservabilityConfiguration"]
    assert "INACTIVE" == gone["Status"]


def test_a_connection_waits_until_it_is_approved(account):
    ask(account, "create-connection", "--connection-name=github", "--provider-type=GITHUB")
    assert "PENDING_HANDSHAKE" in account.understudy("connection", "approve", "github")
    (found,) = ask(account, "list-connections", "--connection-name=github")["ConnectionSummaryList"]
    assert "AVAILABLE" == found["Status"]
    gone = ask(account, "delete-connection", f"--connection-arn={found['ConnectionArn']}")
    assert "DELETED" == gone["Connection"]["Status"]
