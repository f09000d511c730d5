"""`understudy status`: what runs, and what it holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.admin.requests import ListServiceStates, Status
from understudy_aws.cli.admin_client import ask, running_server
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output, counted, spoken
from understudy_aws.cli.server_files import files_of
from understudy_aws.cli.services import describe_one
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import GetInstances, GetStatus, Instances
from understudy_aws.dataplane.messages import Status as NodeStatus
from understudy_aws.dataplane.processes import start_of
from understudy_aws.settings import Settings

_MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "service",
        nargs="?",
        default="",
        metavar="SERVICE",
        help="a service of App Runner's: how it does, and why",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Describe the running server, or the state when none runs."""
    if asked.service:
        return _describe_service(asked, out)
    settings = settings_of(asked)
    server = running_server(settings)
    said = ask(settings, Status())
    said["endpoint"] = None if server is None else server.endpoint
    network, instances = _node(Path(said.pop("node")))
    said.pop("obstacle", None)
    said["network"] = None if network is None else msgspec.to_builtins(network)
    said["services"] = None if instances is None else msgspec.to_builtins(instances)
    if out.as_json:
        out.value(said)
        return 0
    facts = [
        (
            "server",
            f"{server.endpoint}, process {server.pid}" if server else _without_server(settings),
        ),
        ("version", said["version"]),
        ("accounts", ", ".join(account["id"] for account in said["accounts"]) or "none yet"),
        ("iam", said["iam"]),
        ("clock", said["clock"]),
        ("state", said["state"]),
    ]
    if said["store"] != "ok":
        facts.append(("store", said["store"]))
    if server:
        facts.append(("up for", spoken(said["uptime_seconds"])))
    out.facts([*facts, *_of_node(network, instances, said["ingress"])])
    _remark_on_the_network(network, said["not_attached"], out)
    for remark in (instances.ingress_error, *instances.limits) if instances and instances.loads else ():
        if remark:
            out.remark(remark)
    if said["records"]:
        out.line()
        out.table(
            ("RECORDS", "COUNT"), [(name, str(count)) for name, count in sorted(said["records"].items())]
        )
    _describe_controllers(said["controllers"], out)
    return 0


def _of_node(
    network: NodeStatus | None, instances: Instances | None, ingress: str
) -> Iterator[tuple[str, str]]:
    """Yield the facts about the node, where one runs, and services; `ingress` is where requests to them go."""
    if network is not None:
        yield "network", _told(network)
        yield from ((name, f"missing: {why}") for name, why in sorted(network.services.items()))
        if network.outside:
            yield "internet", f"reached through {network.outside}"
    if instances is not None and instances.loads:
        yield "services", _served(instances)
    else:
        yield "services", f"none; the first is answered at {ingress or 'a free port'}"


def _remark_on_the_network(
    network: NodeStatus | None, not_attached: Sequence[Mapping[str, Any]], out: Output
) -> None:
    if network is not None and network.obstacle:
        out.remark(f"No packet is filtered: {network.obstacle}")
    for limit in network.limits if network is not None else ():
        out.remark(limit)
    for each in not_attached:
        out.remark(
            f"{each['interface']} ({each['command']}) has no network since {each['since']}: {each['problem']}"
        )


def _describe_service(asked: argparse.Namespace, out: Output) -> int:
    settings = settings_of(asked)
    (service,) = ask(settings, ListServiceStates(service=asked.service))["services"]
    _, instances = _node(Path(ask(settings, Status())["node"]))
    states = {each.id: each for each in instances.instances} if instances is not None else {}
    for each in service["instances"]:
        if (state := states.get(each["id"])) is not None:
            each |= {
                "state": state.state,
                "reason": state.reason,
                "starts": state.starts,
                "pause": state.pause,
            }
    if out.as_json:
        out.value(service)
        return 0
    describe_one(service, out)
    for limit in instances.limits if instances is not None and service["instances"] else ():
        out.remark(limit)
    return 0


def _without_server(settings: Settings) -> str:
    last = files_of(settings).read_server()
    if last is None:
        return "none runs; this is the state alone"
    # A server that is stopped takes its file with it.
    if start_of(last.pid):
        return f"process {last.pid} does not answer at {last.endpoint}; this is the state alone"
    return f"none runs; the last, process {last.pid}, was killed; this is the state alone, and nothing of it is lost"


def _node(directory: Path) -> tuple[NodeStatus | None, Instances | None]:
    """Return how the node does, and what it runs; None when none runs, or runs no services."""
    try:
        with NodeClient(directory, timeout=2.0) as client:
            status, instances = client.ask(GetStatus()), client.ask(GetInstances())
    except NodeLostError:
        return None, None
    return (
        status if isinstance(status, NodeStatus) else None,
        instances if isinstance(instances, Instances) else None,
    )


def _served(instances: Instances) -> str:
    healthy = sum(1 for each in instances.instances if each.state == "healthy")
    place = f"answered at {instances.ingress}" if instances.ingress else "NO REQUEST IS TAKEN"
    of = f"{healthy} of {counted(len(instances.instances), 'instance')} healthy"
    return f"{counted(len(instances.loads), 'service')}, {place}; {of}"


def _told(status: NodeStatus) -> str:
    level = "NOTHING IS FILTERED OR ISOLATED" if status.obstacle else "filtered"
    interfaces, vpcs = counted(len(status.interfaces), "interface"), counted(status.vpcs, "VPC")
    words = f"{interfaces} in {vpcs}, {level}; node {status.pid}"
    if status.memory:
        words = f"{words}, {status.memory / _MIB:.0f} MiB"
    if not status.converged:
        words = f"not as wanted ({_why(status)}); {words}"
    if status.repaired:
        words = f"{words}; {counted(status.repaired, 'change')} of others put right"
    return words


def _why(status: NodeStatus) -> str:
    since = f" since {status.failing_since:%Y-%m-%d %H:%M:%S} UTC" if status.failing_since else ""
    lacking = f"; {counted(len(status.missing), 'interface')} missing" if status.missing else ""
    return f"{status.error or 'being made'}{since}{lacking}"


def _describe_controllers(controllers: Sequence[Mapping[str, Any]], out: Output) -> None:
    """Print a row for each busy controller, then every failing key with its last error; one line when all are idle."""
    out.line()
    busy = [
        each for each in controllers if each["queued"] or each["running"] or each["failing"] or each["error"]
    ]
    if not busy:
        out.line(f"Background work: nothing is due, of {len(controllers)} kinds.")
        return
    out.table(
        ("BACKGROUND WORK", "QUEUED", "RUNNING", "FAILING", "OLDEST DUE"),
        [
            (
                each["name"],
                str(each["queued"]),
                str(each["running"]),
                str(len(each["failing"])),
                each["oldest_due"] or "-",
            )
            for each in busy
        ],
    )
    for each in controllers:
        if each["error"]:
            out.remark(f"{each['name']}: what is due cannot be told: {each['error']}")
        for failing in each["failing"]:
            out.remark(
                f"{each['name']}: {' '.join(failing['key'])} failed {failing['attempts']} times in a row, "
                f"next try {failing['next_try']}: {failing['error']}"
            )
