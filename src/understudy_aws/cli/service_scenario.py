"""The scenario's step with a service: it runs on the connector, and reaches a database once that one's group lets it.

The database is PostgreSQL where it is installed, and else a small server of ours, which is said. The service is built
from a directory, runs on this machine, and asks the database whatever it is asked.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any

from understudy_aws.admin.requests import Reach, SettleConnection
from understudy_aws.cli.packets_scenario import interfaces_of, refused_at, until_none_is_left
from understudy_aws.cli.walk import Walk
from understudy_aws.core.clock import monotonic_seconds

SMALL_SERVER = "A small server of ours"
_PORT = 5432
_PATIENCE = 90.0
_DATABASE = f"""
import os, socket, struct, sys, threading
listening = socket.create_server(("0.0.0.0", {_PORT}))
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    connection, _ = listening.accept()
    connection.recv(1000)
    row = {SMALL_SERVER!r}.encode()
    data = struct.pack("!h", 1) + struct.pack("!i", len(row)) + row
    connection.sendall(b"D" + struct.pack("!i", len(data) + 4) + data + b"Z\\0\\0\\0\\5I")
    connection.close()
"""
# Speaks as much of PostgreSQL's protocol as one question takes.
_APPLICATION = f"""
import http.server, os, socket, struct
def version():
    with socket.create_connection((os.environ["DATABASE"], {_PORT}), 1) as sock:
        begin = struct.pack("!i", 196608) + b"user\\0postgres\\0database\\0postgres\\0\\0"
        sock.sendall(struct.pack("!i", len(begin) + 4) + begin)
        asked, file = False, sock.makefile("rb")
        while kind := file.read(1):
            body = file.read(struct.unpack("!i", file.read(4))[0] - 4)
            if kind == b"D":
                return body[6:].decode()
            if kind == b"E":
                return body.decode()
            if kind == b"Z" and not asked:
                question, asked = b"SELECT version()\\0", True
                sock.sendall(b"Q" + struct.pack("!i", len(question) + 4) + question)
    return "nothing"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            said = version()
        except OSError:
            said = "dropped"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


def missing_for_services() -> str:
    """Return why no service can run on this machine besides what keeps networks from it; empty when it can."""
    for program in ("bwrap", "git"):
        if shutil.which(program) is None:
            package = "bubblewrap" if program == "bwrap" else program
            return f"{package} is not installed (`sudo apt install {package}`)."
    return ""


def a_service_that_runs(walk: Walk) -> None:
    """A service on the connector is dropped by the database's group, until that lets the connector's group in."""
    ec2 = walk.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=walk.known["subnets"])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="database", Description="the database")["GroupId"]
    with tempfile.TemporaryDirectory(prefix="understudy-demo-") as directory:
        with _database(walk, group, Path(directory)) as address:
            service = _made(walk, _repository(Path(directory)), address)
            _walk_service(walk, service, group, address)
            _delete(walk, service)
        walk.expect(
            "aws ec2 describe-network-interfaces, afterwards", "no interface", until_none_is_left(walk, group)
        )


def _walk_service(walk: Walk, service: dict[str, Any], group: str, address: str) -> None:
    ec2, connector = walk.client("ec2"), walk.known["connector"]
    (interface,) = interfaces_of(walk, walk.known["group"])
    walk.expect(
        "aws ec2 describe-network-interfaces: the one that the role has made for its instance",
        "in-use, amazon-aws, AWSAppRunnerManaged",
        f"{interface['Status']}, {interface['Attachment']['InstanceOwnerId']}, {interface['TagSet'][0]['Key']}",
    )
    url = f"http://{service['ServiceUrl']}"
    walk.expect(f"curl {url}: what the database says", "dropped", _answered(service))
    reach = f"understudy reach CONNECTOR {address}:{_PORT}"
    asked = Reach(source=connector, target=address, port=_PORT)
    walk.expect(
        reach, f"refused at {group}; aws ec2 authorize-security-group-ingress", refused_at(walk.ask(asked))
    )
    pair = {"UserIdGroupPairs": [{"GroupId": walk.known["group"]}]}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": _PORT, "ToPort": _PORT, **pair}]
    )
    walk.expect_like(
        f"curl {url}, once the group lets the connector's in",
        f"{walk.known['database']} …",
        f"{walk.known['database']}.*",
        _answered(service, until=walk.known["database"]),
    )
    walk.expect(reach, "passes", "passes" if walk.ask(asked)["passes"] else "refused")
    walk.expect_refusal(
        "aws apprunner delete-vpc-connector, while the service uses it",
        f"InvalidRequestException: Provided VPC connector arn is being used by other services. ARN: {connector}",
        walk.client("apprunner").delete_vpc_connector,
        VpcConnectorArn=connector,
    )
    walk.expect_refusal_like(
        "aws ec2 delete-subnet, while its interface is there",
        "DependencyViolation: The subnet",
        ec2.delete_subnet,
        SubnetId=interface["SubnetId"],
    )


def _made(walk: Walk, repository: Path, address: str) -> dict[str, Any]:
    """Create the service, and wait until it runs."""
    apprunner = walk.client("apprunner")
    connection = apprunner.create_connection(ConnectionName="sources", ProviderType="GITHUB")["Connection"]
    walk.ask(SettleConnection(name="sources", region="", outcome="AVAILABLE"))
    settings = {"Runtime": "PYTHON_311", "RuntimeEnvironmentVariables": {"DATABASE": address}}
    made: dict[str, Any] = apprunner.create_service(
        ServiceName="web-app",
        SourceConfiguration={
            "AuthenticationConfiguration": {"ConnectionArn": connection["ConnectionArn"]},
            "AutoDeploymentsEnabled": False,
            "CodeRepository": {
                "RepositoryUrl": f"file://{repository}",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "CodeConfiguration": {
                    "ConfigurationSource": "API",
                    "CodeConfigurationValues": {
                        **settings,
                        "BuildCommand": "python3 -m py_compile application.py",
                        "StartCommand": "python3 application.py",
                    },
                },
            },
        },
        NetworkConfiguration={
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": walk.known["connector"]}
        },
    )["Service"]
    arn = made["ServiceArn"]
    until = monotonic_seconds() + _PATIENCE
    while made["Status"] == "OPERATION_IN_PROGRESS" and monotonic_seconds() < until:
        sleep(0.1)
        made = apprunner.describe_service(ServiceArn=arn)["Service"]
    walk.expect("aws apprunner create-service, on the connector", "RUNNING", made["Status"])
    return made


def _delete(walk: Walk, service: dict[str, Any]) -> None:
    apprunner = walk.client("apprunner")
    found = apprunner.delete_service(ServiceArn=service["ServiceArn"])["Service"]
    until = monotonic_seconds() + _PATIENCE
    while found["Status"] == "OPERATION_IN_PROGRESS" and monotonic_seconds() < until:
        sleep(0.1)
        found = apprunner.describe_service(ServiceArn=service["ServiceArn"])["Service"]
    walk.expect("aws apprunner delete-service", "DELETED", found["Status"])
    left = len(interfaces_of(walk, walk.known["group"]))
    walk.expect("aws ec2 describe-network-interfaces of the service", "0 interfaces", f"{left} interfaces")
    apprunner.delete_connection(
        ConnectionArn=apprunner.list_connections()["ConnectionSummaryList"][0]["ConnectionArn"]
    )


def _answered(service: dict[str, Any], until: str = "") -> str:
    """Return what the service answers; asks again as long as that does not begin as wanted, for a while."""
    host, _, port = service["ServiceUrl"].partition(":")
    deadline, said = monotonic_seconds() + 10.0, ""
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(port or 80), timeout=20)
            connection.request("GET", "/", headers={"Host": host})
            said = connection.getresponse().read().decode(errors="replace")
        except OSError as error:
            said = str(error)
        if said.startswith(until) or monotonic_seconds() > deadline:
            return said
        sleep(0.2)


def _repository(directory: Path) -> Path:
    place = directory / "web-app"
    place.mkdir()
    (place / "application.py").write_text(_APPLICATION)
    git = shutil.which("git")
    assert git is not None, "services are left out without it"
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        (
            "-c",
            "user.name=demo",
            "-c",
            "user.email=demo@example.com",
            "commit",
            "-q",
            "-m",
            "The application",
        ),
    ):
        subprocess.run(  # noqa: S603 - git, of this machine
            [git, "-C", str(place), *words], env=environment, check=True, stdin=subprocess.DEVNULL
        )
    return place


@contextmanager
def _database(walk: Walk, group: str, directory: Path) -> Iterator[str]:
    """Run the database at an interface in its group, and give its address."""
    words, title = _postgresql(directory)
    walk.known["database"] = title
    process = subprocess.Popen(  # noqa: S603 - ourselves, and a database of this machine
        (
            sys.executable, "-P", "-m", "understudy_aws", "attach", "--state",
            str(walk.started.files.server.parent), "--subnet", walk.known["subnets"][0], "--group", group,
            "--", *words,
        ),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = monotonic_seconds() + _PATIENCE
        while not (found := interfaces_of(walk, group)) and monotonic_seconds() < deadline:
            sleep(0.05)
        (interface,) = found
        walk.expect(
            f"understudy attach --group {group} -- {Path(words[0]).name}", "in-use", interface["Status"]
        )
        yield interface["PrivateIpAddress"]
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=10)
        process.kill()


def _postgresql(directory: Path) -> tuple[Sequence[str], str]:
    """Return the command of PostgreSQL with a new database, or of a small server where it does not run."""
    postgres, initdb = shutil.which("postgres"), shutil.which("initdb")
    # PostgreSQL refuses to run as root.
    if postgres and initdb and os.geteuid() != 0:
        data = directory / "data"
        made = subprocess.run(  # noqa: S603 - a program of this machine
            [initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if made.returncode == 0:
            with (data / "pg_hba.conf").open("a") as file:
                file.write("host all all 0.0.0.0/0 trust\n")
            settings = ("-c", "listen_addresses=*", "-c", "fsync=off", "-k", "")
            return [postgres, "-D", str(data), *settings], "PostgreSQL"
    return [sys.executable, "-I", "-c", _DATABASE], SMALL_SERVER
