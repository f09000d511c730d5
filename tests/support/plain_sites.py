"""An understudy whose services run as plain processes, for tests of what becomes of them."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Let time pass until something holds."""
        for _ in range(300):
            self.understudy.settle()
            if holds():
                return
            self.understudy.clock.advance(0.5)
            time.sleep(0.02)
        raise AssertionError("it was waited for in vain")

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


@contextmanager
def machines(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Understudy]]:
    """Make understudies over a store, each with a node of its own, as after the end of all that ran.

    The program of the image `bad` ends as soon as it begins.
    """
    images = {
        f"docker://{PUBLIC}:{tag}": image(directory / name, answer=name)
        for tag, name in (("1", "one"), ("2", "two"), ("bad", "bad"))
    }
    (directory / "bad" / "serve.py").write_text("raise SystemExit(1)")
    made: list[PlainWorkloads] = []

    def start(store: Any, **given: Any) -> Understudy:
        workloads = PlainWorkloads(directory, images)
        made.append(workloads)
        monkeypatch.setattr("understudy_aws.app.Workloads", lambda _node: workloads)
        monkeypatch.setattr("understudy_aws.app._node", lambda *_: QuietNode(directory / "node"))
        return Understudy(store=store, settles=False, **given)

    yield start
    for workloads in made:
        workloads.end()


def settle(understudy: Understudy) -> None:
    """Do all work, also what has to wait for processes, until no operation is under way."""
    for _ in range(400):
        understudy.settle()
        with understudy.app.database.transaction() as tx:
            if not any(each.operation for each in services.scan(tx)):
                return
        understudy.clock.advance(0.2)
        time.sleep(0.01)
    raise AssertionError("an operation does not end")
