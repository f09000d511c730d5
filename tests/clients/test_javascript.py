"""The waiters of the AWS SDK for JavaScript settle."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from served_account import FILES, TOOLS, ServedAccount

MODULES = TOOLS / "node_modules"

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (shutil.which("node") and (MODULES / "@aws-sdk" / "client-ec2").is_dir()),
        reason="Node.js or @aws-sdk/client-ec2 is not here: scripts/try-tools installs the latter",
    ),
]


def test_every_waiter_settles_and_nothing_is_left(tmp_path):
    account = ServedAccount(tmp_path)
    try:
        done = subprocess.run(
            ["node", FILES / "javascript" / "waiters.cjs"],
            env={**account.environment, "NODE_PATH": str(MODULES)},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert [
            "VpcExists",
            "VpcAvailable",
            "InternetGatewayExists",
            "SecurityGroupExists",
            "SubnetAvailable",
            "NetworkInterfaceAvailable",
            "NatGatewayAvailable",
            "NatGatewayDeleted",
        ] == done.stdout.split()
        assert not account.left()
    finally:
        account.close()
