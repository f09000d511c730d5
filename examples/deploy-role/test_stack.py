"""stack.py as it runs in a pipeline: a process of its own, with the credentials of its role in the environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
POLICY = json.loads((HERE / "stack-policy.json").read_text())


@pytest.fixture
def stack(understudy_server):
    """Run stack.py under a role with a policy; answers its exit code and what it printed."""

    def run(policy):
        role = understudy_server.role("deploy", policy)

        def command(word):
            done = subprocess.run(
                [sys.executable, HERE / "stack.py", word],
                env=understudy_server.environment(as_=role),
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode, done.stdout.split() if done.returncode == 0 else done.stderr

        return command

    return run


def test_it_is_made_once_and_deleted_whole(stack):
    command = stack(POLICY)
    assert command("apply") == (0, ["vpc", "subnet", "connector"])
    assert command("apply") == (0, [])
    assert command("destroy") == (0, ["connector", "subnet", "vpc"])
    assert command("destroy") == (0, [])


@pytest.mark.parametrize("sid", [statement["Sid"] for statement in POLICY["Statement"]])
def test_every_statement_is_needed(stack, sid):
    command = stack({**POLICY, "Statement": [each for each in POLICY["Statement"] if each["Sid"] != sid]})
    (applied, said), (destroyed, said_then) = command("apply"), command("destroy")
    assert (applied, destroyed) != (0, 0)
    assert "not authorized" in f"{said}{said_then}" or "AccessDenied" in f"{said}{said_then}"


def test_a_vpc_of_somebody_else_stays(stack, understudy_server):
    ec2 = understudy_server.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    command = stack(POLICY)
    command("apply")
    command("destroy")
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
