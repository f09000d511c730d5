"""What instances and builds write gets into the log groups of their services, as the management role."""

from __future__ import annotations

import asyncio

import pytest
from service_records_made import made_service

from understudy_aws.controllers.service_logs import ServiceLogDelivery
from understudy_aws.dataplane.messages import GetOutput, Output, OutputLine
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.service_records import DELETED, services

PRINCIPAL = "apprunner.amazonaws.com"


class Spool(Workloads):
    """A node that has written some lines, and keeps those that nobody says are delivered."""

    def __init__(self, name="node-1"):
        self.name = name
        self.lines = []
        self.asked = []

    def write(self, service, stream, *texts, at):
        for text in texts:
            number = self.lines[-1].number + 1 if self.lines else 1
            self.lines.append(OutputLine(number=number, service=service, stream=stream, at=at, text=text))

    async def ask(self, question):
        assert isinstance(question, GetOutput)
        self.asked.append(question)
        after = question.after if question.node == self.name else 0
        return Output(self.name, tuple(line for line in self.lines if line.number > after)[:100])


@pytest.fixture
def node():
    return Spool()


@pytest.fixture
def service(understudy):
    understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
    return made_service(understudy)


@pytest.fixture
def delivery(node):
    return ServiceLogDelivery(node)


def deliver(understudy, delivery):
    app = understudy.app
    asyncio.run(delivery.deliver(World(app.database, app.gateway.clock, app.gateway.ids, app.gateway)))


def now(understudy):
    return int(understudy.app.gateway.clock.now().timestamp() * 1000)


def written(understudy, service, kind):
    """Return the texts in each stream of one of a service's groups."""
    name, id = service.split("/")[1:]
    logs = understudy.client("logs")
    group = f"/aws/apprunner/{name}/{id}/{kind}"
    found = {
        each["logStreamName"]: [] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]
    }
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            found[event["logStreamName"]].append(event["message"])
    return found


def test_instances_write_into_the_application_group_and_builds_into_the_service_group(
    understudy, node, service, delivery
):
    """Reference apprunner.md 4.1: the management role makes groups and streams, and puts events."""
    at = now(understudy)
    node.write(service, "instance/1", "one", "", "three", at=at)
    node.write(service, "deployment/2", "[Build] pip install", at=at)
    node.write(service, "instance/3", "other", at=at)
    deliver(understudy, delivery)
    assert {"instance/1": ["one", " ", "three"], "instance/3": ["other"]} == written(
        understudy, service, "application"
    )
    assert {"deployment/2": ["[Build] pip install"]} == written(understudy, service, "service")


def test_lines_are_delivered_once_and_a_new_node_begins_anew(understudy, node, service, delivery):
    node.write(service, "instance/1", "one", at=now(understudy))
    deliver(understudy, delivery)
    node.write(service, "instance/1", "two", at=now(understudy))
    deliver(understudy, delivery)
    deliver(understudy, ServiceLogDelivery(node))
    assert {"instance/1": ["one", "two"]} == written(understudy, service, "application")
    node.name, node.lines = "node-2", []
    node.write(service, "instance/1", "three", at=now(understudy))
    deliver(understudy, delivery)
    assert {"instance/1": ["one", "two", "three"]} == written(understudy, service, "application")


def test_a_clock_that_went_back_loses_no_line(understudy, node, service, delivery):
    node.write(service, "instance/1", "one", at=now(understudy))
    node.write(service, "instance/1", "two", at=now(understudy) - 60_000)
    deliver(understudy, delivery)
    assert {"instance/1": ["one", "two"]} == written(understudy, service, "application")


def test_many_long_lines_fit_the_calls(understudy, node, service, delivery):
    """PutLogEvents takes a megabyte and 10,000 events (CloudWatch Logs API reference)."""
    texts = [f"{number:03d}" + "x" * 40_000 for number in range(60)]
    node.write(service, "instance/1", *texts, at=now(understudy))
    deliver(understudy, delivery)
    assert texts == written(understudy, service, "application")["instance/1"]


def test_without_the_role_nothing_is_written_and_the_problem_is_told(understudy, node, delivery):
    service = made_service(understudy)
    node.write(service, "instance/1", "one", at=now(understudy))
    deliver(understudy, delivery)
    assert [] == understudy.client("logs").describe_log_groups()["logGroups"]
    assert "AWSServiceRoleForAppRunner" in delivery.problems[service]
    understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
    node.write(service, "instance/1", "two", at=now(understudy))
    deliver(understudy, delivery)
    assert {} == delivery.problems
    assert {"instance/1": ["two"]} == written(understudy, service, "application")


def test_the_role_is_in_use_no_more_when_its_service_is_gone(understudy, node, service, delivery):
    node.write(service, "instance/1", "one", at=now(understudy))
    deliver(understudy, delivery)
    held = understudy.app.gateway.held_sessions
    assert 1 == len(held)
    with understudy.app.database.transaction() as tx:
        (record,) = services.where(tx, "by_arn", service)
        services.put(tx, type(record)(**{**as_dict(record), "status": DELETED}))
    deliver(understudy, delivery)
    assert 0 == len(held)


def as_dict(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}
