"""A real server on a disk that others fill: clear refusals, reads, nothing lost, and it passes, also after a kill.

Needs root, for a small disk of its own; `tests/store/test_sqlite_bounds.py` shows the same of the store without.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from server_process import ServerProcess

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be mounted by root"),
]
MIB = 1024 * 1024


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Server(ServerProcess):
    """Killed at the end of its block."""

    def __init__(self, state):
        super().__init__("--json", "--state", str(state))

    def client(self, service, keys):
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.said["endpoint"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            config=Config(retries={"max_attempts": 0, "mode": "standard"}),
        )


def fill(disk):
    """Somebody else takes all that is left."""
    with (disk / "others").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def create(iam, number):
    """Whether a user was made; a refusal says why."""
    status, said = 200, ""
    try:
        iam.create_user(UserName=f"user-{number}")
    except ClientError as error:
        status, said = error.response["ResponseMetadata"]["HTTPStatusCode"], str(error)
    if status == 200:
        return True
    assert status == 503
    assert "could not be kept" in said
    assert "disk" in said or "cannot be written" in said
    return False


def ready(server):
    """The status of the page that tells whether a server can be used."""
    try:
        with urllib.request.urlopen(f"{server.said['endpoint']}/_understudy/ready", timeout=20) as said:
            return said.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def names(iam):
    return {user["UserName"] for user in iam.list_users(MaxItems=1000)["Users"]} - {"Administrator"}


def test_a_disk_that_others_fill(disk):
    state = disk / "state"
    with Server(state) as server:
        keys = server.said
        iam = server.client("iam", keys)
        kept = {f"user-{number}" for number in range(20) if create(iam, number)}
        assert len(kept) == 20
        fill(disk)
        for number in range(100, 160):
            if create(iam, number):
                kept.add(f"user-{number}")
            assert kept == names(iam), "reads go on, and tell what is kept"
        assert not create(iam, 200)
        assert 503 == ready(server)
        (disk / "others").unlink()
        until = time.monotonic() + 20
        while ready(server) != 200:
            assert time.monotonic() < until, "it passes by itself, without a change that is asked for"
            time.sleep(0.1)
        while not create(iam, 300):
            assert time.monotonic() < until, "it passes by itself"
            time.sleep(0.1)
        kept.add("user-300")
        fill(disk)
        assert not create(iam, 400)
        # Leaving the block kills the server.
    (disk / "others").unlink()
    with Server(state) as server:
        iam = server.client("iam", keys)
        assert kept == names(iam)
        assert create(iam, 500)


def test_what_the_server_writes_itself_never_fills_the_disk(disk):
    """After 1,265 writes it was full: all of it write-ahead log."""
    state = disk / "state"
    with Server(state) as server:
        keys = server.said
        iam, kept = server.client("iam", keys), set()
        for number in range(4000):
            if number % 50 == 0:
                assert create(iam, number)
                kept.add(f"user-{number}")
            iam.get_user(UserName="user-0")
        assert kept == names(iam)
        free = os.statvfs(disk)
        assert free.f_bavail * free.f_frsize > MIB
    with Server(state) as server:
        assert kept == names(server.client("iam", keys))
