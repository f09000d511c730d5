"""What the README shows can be pasted: its shell blocks run one after another, and its test passes."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from server_process import clean_environment

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
# scripts/wheel and continuous integration run these; they install things.
INSTALLING = {"scripts/demo", "scripts/test"}
# The README says in words what its deploy.sh does.
DEPLOY = """
set -eu
vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text)
subnet=$(aws ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 --query Subnet.SubnetId --output text)
aws apprunner create-vpc-connector --vpc-connector-name web-vpc --subnets "$subnet"
"""

pytestmark = pytest.mark.system


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def place(tmp_path):
    """A folder with the environment that scripts/demo would have installed there."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "deploy.sh").write_text(DEPLOY)
    return tmp_path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def test_the_shell_blocks_run_one_after_another(place):
    first, *others = blocks("sh")
    assert {line.split()[0] for line in first.splitlines()} == INSTALLING
    assert len(others) >= 4
    # The last one leaves a server behind, as it would for a reader.
    script = "\n".join(["set -euo pipefail", *others, "understudy stop", "echo all of it"])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=clean_environment(place, UNDERSTUDY_PORT=free_port()),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all of it\n")
    assert '"CidrBlock": "172.31.0.0/16"' in done.stdout
    assert "222222222222" in done.stdout
    assert '{"status":"ready"' in done.stdout
    # What the README shows of a recording, apart from ids.
    shown = next(block for block in blocks("text") if "Administrator: 6 calls" in block)
    assert re.sub(r"\b(vpc|subnet)-[0-9a-f]{17}", r"\1-ID", shown) in re.sub(
        r"\b(vpc|subnet)-[0-9a-f]{17}", r"\1-ID", done.stderr
    )


def test_the_test_in_it_passes(pytester):
    example = next(block for block in blocks("python") if "def test_" in block)
    pytester.makepyfile(test_it=example)
    result = pytester.runpytest_subprocess("-p", "understudy_aws.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=1)


def test_every_python_block_is_run_by_a_test():
    """The other one is in tests/tidy/test_documentation.py."""
    tests, others = [], []
    for block in blocks("python"):
        (tests if "def test_" in block else others).append(block)
    assert (1, 1) == (len(tests), len(others))
    assert "understudy_aws.policy" in others[0]
