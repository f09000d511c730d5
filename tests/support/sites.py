"""A server with its clients in processes of their own, and programs in its VPCs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server_process import ServerProcess, clean_environment

UNDERSTUDY = [sys.executable, "-m", "understudy_aws"]
FETCH = """
import socket, sys
try: print(socket.create_connection((sys.argv[1], 5432), 1).recv(100).decode())
except TimeoutError: print("dropped")
"""


class Site:
    """A running server and its clients."""

    def __init__(self, server: ServerProcess, environment: dict[str, str]) -> None:
        said = server.said
        self.server = server
        self.environment = {
            **environment,
            "UNDERSTUDY_STATE": said["state"],
            "UNDERSTUDY_PORT": str(said["endpoint"].rpartition(":")[2]),
            "AWS_ENDPOINT_URL": said["endpoint"],
            "AWS_ACCESS_KEY_ID": said["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": said["secret_access_key"],
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, capture_output=True, text=True, env=self.environment, timeout=120, check=False
        )

    def ec2(self, *words: str):
        done = self.run(sys.executable, "-m", "awscli", "ec2", *words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def understudy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(*UNDERSTUDY, *words)

    def fetch(self, subnet: str, group: str, address: str) -> str:
        done = self.understudy(
            "attach", "--subnet", subnet, "--group", group, "--", sys.executable, "-c", FETCH, address
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def attached(self, *words: str):
        process = subprocess.Popen(
            [*UNDERSTUDY, "attach", *words], env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def interfaces(self) -> list[dict]:
        return self.ec2("describe-network-interfaces")["NetworkInterfaces"]

    def network(self) -> dict | None:
        return json.loads(self.understudy("status", "--json").stdout)["network"]


@contextmanager
def running_site(place: Path, *arguments: str) -> Iterator[Site]:
    """Run a server whose state is in a directory, with further arguments, and end it and its network."""
    environment = clean_environment(place, TMPDIR=str(place))
    with ServerProcess(
        "--json", "--lifeline", "--state", str(place / "state"), *arguments, environment=environment
    ) as server:
        made = Site(server, environment)
        yield made
        made.understudy("stop")
