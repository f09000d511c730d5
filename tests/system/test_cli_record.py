"""`understudy record`, with the real `aws` command over a socket."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.system

ACCOUNT = "000000000000"
AWS = [sys.executable, "-m", "awscli"]
# Two calls, and what the first answers goes into the second.
NETWORK = f"""
set -e; aws="{sys.executable} -m awscli"
vpc=$($aws ec2 create-vpc --cidr-block 10.7.0.0/16 --query Vpc.VpcId --output text)
$aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.7.1.0/24 --query Subnet.State
"""


@pytest.fixture
def environment(tmp_path):
    return clean_environment(tmp_path, TMPDIR=str(tmp_path))


@pytest.fixture
def server(environment, tmp_path):
    """A server that runs on its own; what it said when it was ready."""
    with ServerProcess(
        "--json", "--lifeline", "--state", str(tmp_path / "state"), environment=environment
    ) as server:
        yield server.said
        assert 0 == server.end()[0]


def run(environment, *words):
    return subprocess.run(
        list(words), capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def record(environment, *words):
    return run(environment, sys.executable, "-m", "understudy_aws", "record", *words)


def actions(printed):
    statements = json.loads(printed)["Statement"]
    return {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


def test_a_command_gets_a_server_of_its_own_and_its_calls_a_policy(environment, tmp_path):
    done = record(environment, "--portable", "--", "sh", "-c", NETWORK)
    assert 0 == done.returncode, done.stderr
    assert {"ec2:CreateVpc", "ec2:CreateSubnet"} == actions(done.stdout)
    said, *lines = done.stderr.splitlines()
    assert '"available"' == said, "what the command says is not in the way of the policy"
    assert f"arn:aws:iam::{ACCOUNT}:user/Administrator: 2 calls; 3 permissions" == lines[0]
    assert "  asked again under this policy alone: all 3 questions allowed" == lines[1]
    assert lines[2].startswith("  widened, CreateSubnet: ")
    assert [] == list(tmp_path.rglob("*.db")), "nothing is left behind"


def test_a_command_that_fails_hands_on_its_code_and_what_it_called_until_then(environment):
    done = record(
        environment, "--", "sh", "-c", f"{sys.executable} -m awscli iam list-users >/dev/null; exit 7"
    )
    assert 7 == done.returncode
    assert {"iam:ListUsers"} == actions(done.stdout)
    assert "The command ended with 7; this is what it called until then.\n" in done.stderr


def test_a_command_that_calls_nothing(environment):
    done = record(environment, "--", "true")
    assert (1, "", "Nobody called anything in that time.\n") == (done.returncode, done.stdout, done.stderr)


def test_the_server_that_runs_is_used_and_the_policy_is_all_the_next_run_needs(environment, server, tmp_path):
    state = ("--state", str(tmp_path / "state"))
    first = record(environment, *state, "--portable", "--", "sh", "-c", NETWORK)
    assert 0 == first.returncode, first.stderr
    again = record(environment, *state, "--", *AWS, "iam", "list-users")
    assert {"iam:ListUsers"} == actions(again.stdout), "only what this command called"

    administrator = {
        **environment,
        "AWS_ENDPOINT_URL": server["endpoint"],
        "AWS_ACCESS_KEY_ID": server["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": server["secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def aws(*words):
        done = run(administrator, *AWS, *words)
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    aws("iam", "create-user", "--user-name", "deploy")
    key = aws("iam", "create-access-key", "--user-name", "deploy")["AccessKey"]
    made = aws("iam", "create-policy", "--policy-name", "recorded", "--policy-document", first.stdout)
    aws("iam", "attach-user-policy", "--user-name", "deploy", "--policy-arn", made["Policy"]["Arn"])
    deploy = {
        **administrator,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    # Whoever has keys for this server goes on with them.
    second = record(deploy, *state, "--portable", "--", "sh", "-c", NETWORK)
    assert 0 == second.returncode, second.stderr
    assert f"\narn:aws:iam::{ACCOUNT}:user/deploy: 2 calls; 3 permissions\n" in second.stderr
    assert first.stdout == second.stdout
    assert 0 != run(deploy, *AWS, "iam", "list-users").returncode
    refused = record(deploy, *state, "--as", f"arn:aws:iam::{ACCOUNT}:user/deploy", "--since", "10m")
    assert (
        "  refused, not included: iam:ListUsers on arn:aws:iam::000000000000:user/; no identity-based"
        in refused.stderr
    )
