"""A server with a service that really runs, built from a git repository of a test's own."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from server_process import ServerProcess, clean_environment

from understudy_aws.admin.requests import SettleConnection
from understudy_aws.cli.admin_client import ask_server
from understudy_aws.cli.server_files import ServerFiles
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.messages import GetStatus, Status

# Answers by what the path says: its environment, its credentials, what the APIs answer, or that it is there.
APPLICATION = """
import http.server, json, os, time, urllib.request
def said(path):
    if path == "/environment":
        return json.dumps(dict(os.environ))
    if path == "/credentials":
        place = "http://169.254.170.2" + os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        return urllib.request.urlopen(place, timeout=10).read().decode()
    if path == "/health":
        return urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_understudy/health", timeout=10).read().decode()
    if path == "/slow":
        time.sleep(3)
    return "here"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = said(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
_PATIENCE = 60.0


def until(holds: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """Wait until something holds, and return what it answered last."""
    deadline = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class ServiceSite:
    """A server with its state in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = folder / "state" / "node"
        self._environment = clean_environment(folder, TMPDIR=str(folder))
        self.start()

    def start(self) -> None:
        """Start the server, or start it again."""
        words = ("--json", "--lifeline", "--state", str(self.folder / "state"))
        self.server = ServerProcess(*words, environment=self._environment)
        said = self.server.said
        self.client = lambda name, **keys: boto3.client(
            name, endpoint_url=said["endpoint"], region_name="us-east-1",
            **(keys or {"aws_access_key_id": said["access_key_id"], "aws_secret_access_key": said["secret_access_key"]}),
        )  # fmt: skip
        self.apprunner = self.client("apprunner")

    def interfaces(self) -> list[dict[str, Any]]:
        """The network interfaces of App Runner's in the account."""
        filters = [{"Name": "tag-key", "Values": ["AWSAppRunnerManaged"]}]
        return self.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    def connection(self) -> str:
        """Make a connection that is available."""
        made = self.apprunner.create_connection(ConnectionName="sources", ProviderType="GITHUB")
        running = ServerFiles(
            self.folder / "state" / "server.json", self.folder / "state" / "credentials"
        ).read_server()
        assert running is not None
        ask_server(running, SettleConnection(name="sources", region="", outcome="AVAILABLE"))
        return made["Connection"]["ConnectionArn"]

    def repository(self) -> Path:
        """Make the repository of the application."""
        place = self.folder / "application"
        place.mkdir()
        (place / "application.py").write_text(APPLICATION)
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
            subprocess.run(["git", "-C", str(place), *words], env=environment, check=True)
        return place

    def create(self, **members: Any) -> dict[str, Any]:
        """Create the service `site`, and wait for the end of that."""
        code = {
            "RepositoryUrl": f"file://{self.repository()}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {
                "ConfigurationSource": "API",
                "CodeConfigurationValues": {
                    "Runtime": "PYTHON_311", "BuildCommand": "true", "StartCommand": "python3 application.py",
                },
            },
        }  # fmt: skip
        made = self.apprunner.create_service(
            ServiceName="site",
            SourceConfiguration={
                "AuthenticationConfiguration": {"ConnectionArn": self.connection()},
                "AutoDeploymentsEnabled": False,
                "CodeRepository": code,
            },
            **members,
        )["Service"]
        return self.settled(made["ServiceArn"])

    def settled(self, arn: str) -> dict[str, Any]:
        """Wait until no operation is under way on a service, and describe it."""

        def described() -> dict[str, Any] | None:
            found = self.apprunner.describe_service(ServiceArn=arn)["Service"]
            return found if found["Status"] != "OPERATION_IN_PROGRESS" else None

        return until(described) or self.apprunner.describe_service(ServiceArn=arn)["Service"]

    def answer(self, service: dict[str, Any], path: str = "/", wanted: str = "") -> str:
        """What the service answers; while it is not `wanted`, it is asked again."""
        host, _, port = service["ServiceUrl"].partition(":")
        said = ""

        def asked() -> bool:
            nonlocal said
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
            try:
                connection.request("GET", path, headers={"Host": host})
                said = connection.getresponse().read().decode()
            except OSError as error:
                said = str(error)
            finally:
                connection.close()
            return not wanted or said == wanted

        until(asked, 30)
        return said

    def status(self) -> Status:
        """How the node does."""
        with NodeClient(self.node) as client:
            found = client.ask(GetStatus())
        assert isinstance(found, Status)
        return found
