"""An understudy whose services run as plain processes, for tests of what becomes of them."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from plain_workloads import PlainWorkloads, QuietNode, image

from understudy_aws.admin.requests import SettleConnection
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import (
    service_instances,
    service_versions,
    services,
)
from understudy_aws.testing import Understudy

PUBLIC = "public.ecr.aws/team/app"
ONE, TWO = f"docker://{PUBLIC}:1", f"docker://{PUBLIC}:2"


class Site:
    """An understudy whose services run as plain processes, and what its services are made from."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.images = {
            ONE: image(directory / "one", answer="one"),
            TWO: image(directory / "two", answer="two"),
        }
        self.workloads = PlainWorkloads(directory, self.images)
        monkeypatch.setattr("understudy_aws.app.Workloads", lambda _node: self.workloads)
        monkeypatch.setattr("understudy_aws.app._node", lambda *_: QuietNode(directory / "node"))
        self.understudy = Understudy()
        self.apprunner = self.understudy.client("apprunner")

    def create(self, tag: str = "1", **more: Any) -> str:
        asked = {"ServiceName": "site", "SourceConfiguration": source(tag), **more}
        return self.apprunner.create_service(**asked)["Service"]["ServiceArn"]

    def ended(self, arn: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until no operation is under way; answers the service and the latest operation."""
        for _ in range(300):
            self.understudy.settle()
            service = self.described(arn)
            if service["Status"] != "OPERATION_IN_PROGRESS":
                return service, self.operations(arn)[0]
            self.understudy.clock.advance(0.2)
            time.sleep(0.02)
        raise AssertionError(self.apprunner.list_operations(ServiceArn=arn))

    def described(self, arn: str) -> Any:
        return self.apprunner.describe_service(ServiceArn=arn)["Service"]

    def operations(self, arn: str) -> Any:
        return self.apprunner.list_operations(ServiceArn=arn)["OperationSummaryList"]

    def answers(self) -> list[str]:
        """What the running instances answer."""
        found = []
        for port in self.workloads.ports().values():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                found.append(answer.read().decode())
        return sorted(found)

    def records(self) -> tuple[list[str], list[str]]:
        with self.understudy.app.database.transaction() as tx:
            return [each.id for each in service_instances.scan(tx)], [
                each.id for each in service_versions.scan(tx)
            ]

    def reason(self, arn: str) -> str:
        """Why the latest operation failed."""
        with self.understudy.app.database.transaction() as tx:
            (found,) = services.where(tx, "by_arn", arn)
            return history.operations_on(tx, found)[0].error

    def connection(self) -> Any:
        made = self.apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB")
        self.understudy.answer_administrative(SettleConnection(name="github"))
        return made["Connection"]["ConnectionArn"]


def source(tag: str) -> dict[str, Any]:
    return {"ImageRepository": {"ImageIdentifier": f"{PUBLIC}:{tag}", "ImageRepositoryType": "ECR_PUBLIC"}}
