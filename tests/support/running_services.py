"""A server with a service that really runs, built from a git repository of a test's own."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
from nodes import acting_as, identity, python_of
from server_process import ServerProcess, environment_of

from understudy_aws.admin.requests import AdminRequest, ListServiceStates, SettleConnection
from understudy_aws.cli.admin_client import ask_server
from understudy_aws.cli.server_files import ServerFile, ServerFiles
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.messages import GetStatus, Status

# Answers by what the path says: its environment, its credentials, what the APIs answer, or that it is there.
APPLICATION = """
import http.server, json, os, time, urllib.request
def said(path):
    if path == "/environment":
        return json.dumps(dict(os.environ))
    if path == "/credentials":
        relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        place = "http://169.254.170.2" + relative if relative else os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        asked = urllib.request.Request(place, headers={"Authorization": token} if token else {})
        return urllib.request.urlopen(asked, timeout=10).read().decode()
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
# As long as the ingress waits for an instance.
_ANSWER = 120.0


def until(holds: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """Wait until something holds, and return what it answered last."""
    deadline = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class ServiceSite:
    """A server with its state in a folder, and the user who runs it, or None for this user."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        restriction: str = "",
        user: int | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start it, where the machine refuses something if a restriction is named."""
        self.folder, self._arguments, self._restriction = folder, arguments, restriction
        self.user, self.python = user, python_of(user)
        self.node = folder / "state" / "node"
        self.environment = environment_of(user, folder, TMPDIR=str(folder), **variables)
        self.start()

    def start(self) -> None:
        """Start the server, or start it again."""
        words = ("--json", "--lifeline", "--state", str(self.folder / "state"), *self._arguments)
        self.server = ServerProcess(
            *words, environment=self.environment, restriction=self._restriction, user=self.user
        )
        said = self.server.said
        self.client = lambda name, **keys: boto3.client(
            name, endpoint_url=said["endpoint"], region_name="us-east-1", verify=self._authority,
            **(keys or {"aws_access_key_id": said["access_key_id"], "aws_secret_access_key": said["secret_access_key"]}),
        )  # fmt: skip
        self.apprunner = self.client("apprunner")

    @property
    def _authority(self) -> str | None:
        """The authority of a server with TLS."""
        authority = self.folder / "state" / "tls" / "ca.pem"
        return str(authority) if authority.exists() else None

    def end(self) -> None:
        """Delete all services, see that they leave no interface and that no node goes on, and end the server."""
        for service in self.apprunner.list_services()["ServiceSummaryList"]:
            self.apprunner.delete_service(ServiceArn=self.settled(service["ServiceArn"])["ServiceArn"])
            self.settled(service["ServiceArn"])
        assert not self.interfaces()
        assert until(lambda: not (self.node / "socket").exists(), 20), "without services no node runs"
        self.server.end()

    def interfaces(self) -> list[dict[str, Any]]:
        """The network interfaces of App Runner's in the account."""
        filters = [{"Name": "tag-key", "Values": ["AWSAppRunnerManaged"]}]
        return self.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    def ask(self, asked: AdminRequest) -> dict[str, Any]:
        """What the administrative API answers."""
        return ask_server(self._running(), asked)

    def connection(self) -> str:
        """Return a connection that is available, which is made when it is first asked for."""
        if found := self.apprunner.list_connections()["ConnectionSummaryList"]:
            return str(found[0]["ConnectionArn"])
        made = self.apprunner.create_connection(ConnectionName="sources", ProviderType="GITHUB")
        self.ask(SettleConnection(name="sources", region="", outcome="AVAILABLE"))
        return made["Connection"]["ConnectionArn"]

    def repository(
        self,
        application: str = APPLICATION,
        prepare: Callable[[Path], None] | None = None,
        name: str = "site",
    ) -> Path:
        """Make the repository of an application; `prepare` puts more into it."""
        place = self.folder / f"code-{name}"
        place.mkdir()
        # git takes no commits from a repository of somebody else's.
        if self.user is not None:
            os.chown(place, self.user, self.user)
        (place / "application.py").write_text(application)
        if prepare is not None:
            prepare(place)
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
            subprocess.run(["git", "-C", place, *words], env=environment, check=True, **identity(self.user))
        return place

    def begin(
        self,
        *,
        name: str = "site",
        application: str = APPLICATION,
        prepare: Callable[[Path], None] | None = None,
        values: Mapping[str, Any] = MappingProxyType({}),
        **members: Any,
    ) -> dict[str, Any]:
        """Begin to create a service. `values` go to its code configuration."""
        code = {
            "RepositoryUrl": f"file://{self.repository(application, prepare, name)}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {
                "ConfigurationSource": "API",
                "CodeConfigurationValues": {
                    "Runtime": "PYTHON_311", "BuildCommand": "true", "StartCommand": "python3 application.py",
                    **values,
                },
            },
        }  # fmt: skip
        return self.apprunner.create_service(
            ServiceName=name,
            SourceConfiguration={
                "AuthenticationConfiguration": {"ConnectionArn": self.connection()},
                "AutoDeploymentsEnabled": False,
                "CodeRepository": code,
            },
            **members,
        )["Service"]

    def create(self, **members: Any) -> dict[str, Any]:
        """Create a service as `begin` does, and wait for the end of that."""
        return self.settled(self.begin(**members)["ServiceArn"])

    def attach(self, *words: str) -> subprocess.Popen[str]:
        """Start `understudy attach` with its words."""
        return subprocess.Popen(
            [self.python, "-m", "understudy_aws", "attach", "--state", self.folder / "state", *words],
            env=self.environment, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            **identity(self.user),
        )  # fmt: skip

    def reason(self) -> str:
        """Why the latest operation on the only service failed."""
        (found,) = self.ask(ListServiceStates())["services"]
        return str(found["operation"]["reason"])

    def _running(self) -> ServerFile:
        found = ServerFiles(self.folder / "state" / "server.json", self.folder / "state" / "credentials")
        running = found.read_server()
        assert running is not None
        return running

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
            connection = self._connection(host, int(port))
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

    def _connection(self, host: str, port: int) -> http.client.HTTPConnection:
        if self._authority is None:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER)
        # Such names lead to this machine by RFC 6761, where the resolver knows that.
        made = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=_ANSWER, context=ssl.create_default_context(cafile=self._authority)
        )
        made.sock = made._context.wrap_socket(  # type: ignore[attr-defined]
            socket.create_connection(("127.0.0.1", port), _ANSWER), server_hostname=host
        )
        return made

    def status(self) -> Status:
        """How the node does."""
        with self.connected() as client:
            found = client.ask(GetStatus())
        assert isinstance(found, Status)
        return found

    def connected(self) -> NodeClient:
        """Connect to the node, which answers the server's user alone."""
        with acting_as(self.user):
            return NodeClient(self.node)
