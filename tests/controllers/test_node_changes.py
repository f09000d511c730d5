"""Operations go on as soon as the node has done what they wait for, and no sooner for what they do not wait for."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from plain_sites import Site

from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.messages import Changes, StartTask
from understudy_aws.dataplane.tasks import FetchSource
from understudy_aws.gateway.durable_operations import durable_operations
from understudy_aws.gateway.workloads import Workloads

NOWHERE = FetchSource(url="file:///nonexistent", branch="main")


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    made.workloads.heard = 1
    carried_out = made.workloads._carried_out
    made.workloads._carried_out = lambda id, task: replace(carried_out(id, task), state="running")
    yield made
    made.workloads.end()


def waiting(site):
    """The operation on the service, which waits for its image."""
    site.create()
    site.understudy.settle()
    return operation(site)


def operation(site):
    with site.understudy.app.database.transaction() as tx:
        (found,) = (each for each in durable_operations.scan(tx) if each.kind == "apprunner:CreateService")
    return found


def looked_for_after(operation) -> float:
    return (operation.next_try - operation.planned).total_seconds()


def first_look_is_after(site) -> float:
    """In how many seconds the operation wants to be looked at first; on a busy machine that has happened by now."""
    at_latest, found = site.workloads.at_latest, []

    def noted(seconds, heard):
        found.append(at_latest(seconds, heard))
        return found[-1]

    site.workloads.at_latest = noted
    waiting(site)
    return found[0]


def hasten(site, **changes) -> None:
    site.understudy.app.node_changes.hasten(Changes("node", 1, **changes))


def test_a_task_that_has_ended_lets_its_operation_go_on(site):
    began = waiting(site)
    assert looked_for_after(began) == 1.0, "it hears of the end"
    (task,) = site.workloads.tasks
    site.workloads.tasks[task] = replace(site.workloads.tasks[task], state="succeeded")
    hasten(site, ids=("another-fetch", "i-another"))
    assert operation(site) == began
    hasten(site, ids=(task,))
    site.understudy.settle()
    assert (operation(site).step, operation(site).last_error) == (
        "health",
        "1 of 1 instances are not healthy yet.",
    )


def test_an_instance_that_is_healthy_lets_its_operation_go_on(site):
    waiting(site)
    site.workloads.tasks = {
        id: replace(status, state="succeeded") for id, status in site.workloads.tasks.items()
    }
    hasten(site, all=True)
    site.understudy.settle()
    (instance,) = site.workloads.wanted.instances
    before = operation(site)
    assert before.next_try > before.planned
    hasten(site, ids=(instance.id,))
    after = operation(site)
    assert before.next_try > after.next_try == after.planned > before.planned


def test_what_a_failure_holds_back_and_what_has_ended_is_left(site):
    began = waiting(site)
    with site.understudy.app.database.transaction() as tx:
        failing = durable_operations.put(tx, replace(began, attempts=2))
    hasten(site, all=True)
    assert operation(site) == failing


def test_without_news_of_changes_it_is_looked_for_sooner(site):
    site.workloads.heard = None
    assert first_look_is_after(site) < 0.2


def test_where_something_was_heard_of_meanwhile_it_is_looked_at_again_soon(site):
    """What was heard of may be what is waited for, and nothing waited yet."""
    carried_out = site.workloads._carried_out

    def heard_meanwhile(id, task):
        site.workloads.heard += 1
        return carried_out(id, task)

    site.workloads._carried_out = heard_meanwhile
    assert first_look_is_after(site) < 0.2


def test_no_node_is_started_to_hear_of_changes_and_one_that_comes_is_heard(tmp_path):
    workloads = Workloads(NodeLauncher(tmp_path / "node", tied=True))

    async def heard() -> None:
        changes = workloads.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.2)
        assert not first.done()
        assert not (tmp_path / "node").exists()
        assert workloads.heard is None
        await workloads.ask(StartTask("1-fetch", NOWHERE))
        # What was before the first answer may be anything.
        assert (await asyncio.wait_for(first, 20)).all
        await workloads.ask(StartTask("2-fetch", NOWHERE))
        async with asyncio.timeout(15):
            while "2-fetch" not in (await anext(changes)).ids:
                pass
        assert workloads.heard

    try:
        asyncio.run(heard())
    finally:
        workloads._node.stop()
        workloads.close()
        workloads._watching.close()
