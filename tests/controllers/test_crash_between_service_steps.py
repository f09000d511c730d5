"""Operations on services, killed after every write: started again, they end as decision 0030 says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from crash_points import WatchedStore
from plain_sites import machines, settle, source

from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import (
    service_instances,
    service_versions,
    services,
)
from understudy_aws.testing import Understudy

OTHER = "999999999999"


def create(apprunner: Any, tag: str = "1") -> str:
    return apprunner.create_service(ServiceName="site", SourceConfiguration=source(tag))["Service"][
        "ServiceArn"
    ]


@dataclass(frozen=True)
class Case:
    """One way an operation goes: what was there before, who asks for it, and what must be there after.

    `expected` are the status of the service, the operation's, the images that instances run, and how many versions
    there are.
    """

    title: str
    kind: str
    before: tuple[Callable[[Any, str], Any], ...]
    begin: Callable[[Any, str], Any]
    expected: tuple[str, str, list[str], int]


def created(apprunner: Any, _arn: str) -> str:
    return create(apprunner)


CASES = [
    Case("creation", history.CREATE, (), created, ("RUNNING", "SUCCEEDED", ["one"], 1)),
    Case(
        "creation that fails", history.CREATE, (), lambda apprunner, _: create(apprunner, "gone"),
        ("CREATE_FAILED", "FAILED", [], 0),
    ),
    Case(
        "creation whose program ends", history.CREATE, (), lambda apprunner, _: create(apprunner, "bad"),
        ("CREATE_FAILED", "FAILED", [], 0),
    ),
    Case(
        "update", history.UPDATE, (created,),
        lambda apprunner, arn: apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("2")),
        ("RUNNING", "SUCCEEDED", ["two"], 1),
    ),
    Case(
        "update that is rolled back", history.UPDATE, (created,),
        lambda apprunner, arn: apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("bad")),
        ("RUNNING", "ROLLBACK_SUCCEEDED", ["one"], 1),
    ),
    Case(
        "deployment", history.DEPLOY, (created,),
        lambda apprunner, arn: apprunner.start_deployment(ServiceArn=arn),
        ("RUNNING", "SUCCEEDED", ["one"], 1),
    ),
    Case(
        "pause", history.PAUSE, (created,), lambda apprunner, arn: apprunner.pause_service(ServiceArn=arn),
        ("PAUSED", "SUCCEEDED", [], 1),
    ),
    Case(
        "resumption", history.RESUME,
        (created, lambda apprunner, arn: apprunner.pause_service(ServiceArn=arn)),
        lambda apprunner, arn: apprunner.resume_service(ServiceArn=arn),
        ("RUNNING", "SUCCEEDED", ["one"], 1),
    ),
    Case(
        "deletion", history.DELETE, (created,), lambda apprunner, arn: apprunner.delete_service(ServiceArn=arn),
        ("DELETED", "SUCCEEDED", [], 0),
    ),
]  # fmt: skip


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes understudies over a store, each with a node of its own, as after the end of all that ran."""
    with machines(tmp_path, monkeypatch) as start:
        yield start


def outcome(understudy: Understudy) -> tuple[str, str, list[str], int]:
    with understudy.app.database.transaction() as tx:
        (service,) = services.scan(tx)
        latest = history.operations_on(tx, service)[0]
        versions = {each.id: each for each in service_versions.scan(tx)}
        run = sorted(versions[each.version].image for each in service_instances.scan(tx))
    assert len(understudy.app.workloads.ports()) == len(run)
    return (
        service.status,
        history.status_of(latest),
        [each.removeprefix("sha256:") for each in run],
        len(versions),
    )


def test_every_type_of_operation_has_a_case():
    assert set(history.KINDS) == {case.kind for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_killed_after_any_write_it_ends_as_if_nothing_had_happened(case, machine):
    """Decision 0030: RUNNING or the documented failure, and no instance that nobody knows."""
    store = WatchedStore()
    with machine(store) as first:
        apprunner, arn = first.client("apprunner"), ""
        for step in case.before:
            answer = step(apprunner, arn)
            arn = arn or answer
            settle(first)
        case.begin(apprunner, arn)
        accepted = len(store.crash_points) - 1
        settle(first)
        first.settle()
        ended = len(store.crash_points)
        assert case.expected == outcome(first)
    for point in store.crash_points[accepted:ended]:
        with machine(point.store, account=OTHER) as again:
            settle(again)
            again.settle()
            assert case.expected == outcome(again)
