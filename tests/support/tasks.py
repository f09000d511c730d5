"""Tasks of a node, asked for and waited for."""

from __future__ import annotations

import time
from pathlib import Path

from nodes import Node

from understudy_aws.dataplane.messages import GetTask, StartTask
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, Task, TaskResult, TaskStatus

_SECONDS = 240


def finished(node: Node, task_id: str, task: Task) -> TaskStatus:
    """Start a task and return how it ended."""
    status = node.client.ask(StartTask(task_id, task))
    until = time.monotonic() + _SECONDS
    while status.state == "running":
        assert time.monotonic() < until, f"{task_id} did not end"
        time.sleep(0.02)
        status = node.client.ask(GetTask(task_id))
    return status


def result_of(node: Node, task_id: str, task: Task) -> TaskResult:
    status = finished(node, task_id, task)
    assert status.state == "succeeded", status.reason
    return status.result


def reason_of(node: Node, task_id: str, task: Task) -> str:
    status = finished(node, task_id, task)
    assert status.state == "failed", status
    return status.reason


def url_of(place: Path) -> str:
    return f"file://{place}"


def fetch(place: Path, branch: str = "main", directory: str = "/") -> FetchSource:
    return FetchSource(url=url_of(place), branch=branch, directory=directory)


def build(place: Path, commit: str, *commands: str, **others) -> BuildSource:
    return BuildSource(
        **{
            "url": url_of(place), "commit": commit, "language": "python", "version": "3", "commands": commands,
            "service": "arn:of:service", "log_stream": "deployment/1", **others,
        }
    )  # fmt: skip
