"""Instances of services for tests of the node."""

from __future__ import annotations

import time
from collections.abc import Callable

from networks import group, interface, vpc

from understudy_aws.dataplane.messages import (
    Done,
    GetInstances,
    GetOutput,
    Instances,
    InstanceStatus,
    Output,
    OutputLine,
    WantServices,
)
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import HealthCheck, Instance, Program, Services

PORT = 8080
_PATIENCE = 20.0

# A web server of the standard library that says what it is told by its environment.
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ.get("ANSWER", "").encode())
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


def instance(id: str, *command: str, environment: dict[str, str] | None = None, **more) -> Instance:
    """An instance at the interface `eni-<id>`."""
    program = more.pop("program", None) or Program(
        command=command, environment=tuple(sorted((environment or {}).items()))
    )
    values = {
        "id": id, "service": f"arn:aws:apprunner:us-east-1:111111111111:service/{id}/1", "interface": f"eni-{id}",
        "program": program, "port": PORT, "cpu": 1024, "memory": 2048, "log_stream": f"instance/{id}",
        "health_check": HealthCheck(interval=1, timeout=1),
    }  # fmt: skip
    return Instance(**{**values, **more})


def network(*ids: str) -> Network:
    """A network with an interface in a VPC for each instance."""
    interfaces = [interface(id, "vpc-1-subnet-1", f"10.0.1.{10 + at}") for at, id in enumerate(ids)]
    return Network(vpcs=(vpc("vpc-1", *interfaces, groups=(group("sg-app"),)),))


def want(running, *instances: Instance) -> None:
    """Have a node run these instances."""
    ordered = tuple(sorted(instances, key=lambda each: each.id))
    answer = running.client.ask(WantServices(Services(instances=ordered)))
    assert answer == Done(), answer


def statuses(running) -> dict[str, InstanceStatus]:
    answer = running.client.ask(GetInstances())
    assert isinstance(answer, Instances), answer
    return {each.id: each for each in answer.instances}


def until(running, id: str, holds: Callable[[InstanceStatus], bool]) -> InstanceStatus:
    """Wait until something holds of an instance."""
    end = time.monotonic() + _PATIENCE
    while True:
        status = statuses(running).get(id)
        if status is not None and holds(status):
            return status
        assert time.monotonic() < end, status
        time.sleep(0.02)


def until_healthy(running, id: str) -> InstanceStatus:
    return until(running, id, lambda status: status.state == "healthy")


def output_of(running, least: int, stream: str = "") -> list[OutputLine]:
    """Wait until a node tells so many lines, of one stream or all, none of which it is told to forget."""
    end = time.monotonic() + _PATIENCE
    while True:
        answer = running.client.ask(GetOutput())
        assert isinstance(answer, Output), answer
        lines = [each for each in answer.lines if stream in {"", each.stream}]
        if len(lines) >= least:
            return lines
        assert time.monotonic() < end, answer
        time.sleep(0.02)
