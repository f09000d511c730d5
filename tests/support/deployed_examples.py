"""Deploys the examples as services, as a program: `deployed_examples.py PLACE`. Prints what they answer at their URLs.

Each is committed to a git repository of its own, and built and run as its configuration file says. Django's database is
PostgreSQL at an interface of the VPC, whose group lets it in only when a first creation has failed.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from example_services import EXAMPLES, POSTGRESQL
from repositories import git
from running_services import ServiceSite, until

_BUILD_SECONDS = 300.0


class Deployed:
    """A server, and what is deployed on it."""

    def __init__(self, place: Path) -> None:
        self.place, self.site = place, ServiceSite(place)
        self.ec2, self.apprunner = self.site.client("ec2"), self.site.apprunner
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]

    def create(self, name: str, health: str, *, database: str = "", connector: str = "") -> dict[str, Any]:
        """Create the service of an example; answers it once that has ended."""
        repository = self.place / f"code-{name}"
        shutil.copytree(EXAMPLES / name, repository)
        if database:
            file = repository / "apprunner.yaml"
            file.write_text(file.read_text().replace("database.internal", database))
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "first")):
            git(repository, *words)
        egress = (
            {"EgressType": "VPC", "VpcConnectorArn": connector} if connector else {"EgressType": "DEFAULT"}
        )
        made = self.apprunner.create_service(
            ServiceName=name,
            SourceConfiguration={
                "AuthenticationConfiguration": {"ConnectionArn": self.site.connection()},
                "CodeRepository": {
                    "RepositoryUrl": f"file://{repository}",
                    "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                    "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
                },
            },
            HealthCheckConfiguration={
                "Protocol": "HTTP", "Path": health, "Interval": 1, "Timeout": 1, "UnhealthyThreshold": 20,
            },
            NetworkConfiguration={"EgressConfiguration": egress},
        )  # fmt: skip
        return self.settled(made["Service"]["ServiceArn"])

    def settled(self, arn: str) -> dict[str, Any]:
        """Wait for the end of an operation, whose build takes its time."""
        until(lambda: self.site.settled(arn)["Status"] != "OPERATION_IN_PROGRESS", _BUILD_SECONDS)
        return self.site.settled(arn)

    def group(self, name: str) -> str:
        made = self.ec2.create_security_group(VpcId=self.subnet["VpcId"], GroupName=name, Description=name)
        return made["GroupId"]

    @contextmanager
    def database(self, group: str) -> Iterator[str]:
        """Run PostgreSQL at an interface of a group; yields its address."""
        data = self.place / "data"
        programs = POSTGRESQL[-1].parent
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
            check=True, capture_output=True,
        )  # fmt: skip
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        made = self.ec2.create_network_interface(SubnetId=self.subnet["SubnetId"], Groups=[group])
        interface = made["NetworkInterface"]
        words = [
            "attach",
            "--state",
            str(self.place / "state"),
            "--interface",
            interface["NetworkInterfaceId"],
        ]
        server = [programs / "postgres", "-D", data, "-c", "listen_addresses=*", "-c", "fsync=off", "-k", ""]
        with (self.place / "database.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "understudy_aws", *words, "--", *server],
                env=self.site.environment, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            log_file = self.place / "database.log"
            assert until(lambda: b"ready to accept" in log_file.read_bytes()), log_file.read_text()
            yield interface["PrivateIpAddress"]
        finally:
            process.terminate()
            process.wait()

    def asked(self, service: dict[str, Any], path: str, data: Any = None) -> Any:
        """Ask a service at its URL, and return the JSON that it answers."""
        assert service["Status"] == "RUNNING", self.apprunner.list_operations(
            ServiceArn=service["ServiceArn"]
        )
        host, _, port = service["ServiceUrl"].partition(":")
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
        try:
            body = None if data is None else json.dumps(data)
            headers = {"Host": host, "Content-Type": "application/json"}
            connection.request("GET" if data is None else "POST", path, body, headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def django(self) -> dict[str, Any]:
        web, db = self.group("web"), self.group("db")
        connector = self.apprunner.create_vpc_connector(
            VpcConnectorName="main", Subnets=[self.subnet["SubnetId"]], SecurityGroups=[web]
        )["VpcConnector"]["VpcConnectorArn"]
        with self.database(db) as address:
            service = self.create("django-postgresql", "/healthy", database=address, connector=connector)
            told = {"closed": service["Status"], "why": self.site.reason(), "group": db, "address": address}
            pair = {"UserIdGroupPairs": [{"GroupId": web}]}
            self.ec2.authorize_security_group_ingress(
                GroupId=db, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **pair}]
            )
            self.apprunner.update_service(ServiceArn=service["ServiceArn"])
            service = self.settled(service["ServiceArn"])
            self.asked(service, "/", {"name": "Mary", "text": "hello"})
            told["answer"] = self.asked(service, "/")
            self.apprunner.delete_service(ServiceArn=service["ServiceArn"])
            self.settled(service["ServiceArn"])
        return told


def main() -> None:
    deployed = Deployed(Path(sys.argv[1]))
    try:
        told = {"django-postgresql": deployed.django()}
        datasette = deployed.create("datasette", "/-/versions.json")
        told["datasette"] = deployed.asked(datasette, "/elements/elements.json?_shape=array")
        if "express" in sys.argv[2:]:
            express = deployed.create("express", "/healthy")
            told["express"] = deployed.asked(express, "/")
    finally:
        deployed.site.end()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
