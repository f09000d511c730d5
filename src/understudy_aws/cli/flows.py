"""`understudy flows`: what goes over the network interfaces of programs now, accepted and rejected."""

from __future__ import annotations

import argparse
import select
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy_aws.admin.network_calls import NAMES
from understudy_aws.admin.requests import Status
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output, counted
from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import Flows, GetStatus, WatchFlows
from understudy_aws.dataplane.messages import Status as NodeStatus

_EVERY = 1.0  # seconds between two looks
_NO_NETWORK = "No network is made now: `understudy attach` makes one as long as a program runs."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Packets are counted from now on and for as long as this command looks, at each interface that they leave or "
        "come to, and no flow log is needed. `rejected` are those that a security group or a network ACL drops. With "
        "--json and --follow each flow is a JSON document on a line of its own."
    )
    parser.add_argument("interface", metavar="INTERFACE", nargs="?", default="", help="only this one, eni-…")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    parser.add_argument("--seconds", default="5", metavar="N", help="how long to look (5)")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print the flows of each second as they come."""
    if not asked.seconds.isdecimal() or not 1 <= int(asked.seconds) <= 3600:
        raise UserError(f"--seconds must be between 1 and 3600, not {asked.seconds!r}.")
    node = Path(ask(settings_of(asked), Status())["node"])
    until = monotonic_seconds() + int(asked.seconds)
    found = []
    for flow in _watched(node, asked.interface, None if asked.follow else until):
        if not out.as_json:
            out.line(_as_text(flow))
        elif asked.follow:
            out.value(flow)
        if not asked.follow:
            found.append(flow)
    if out.as_json:
        out.value({"flows": found})
    elif not found:
        where = f" at {asked.interface}" if asked.interface else ""
        idle = (
            f" Nothing is attached{where} now." if where and not _is_attached(node, asked.interface) else ""
        )
        out.line(f"No packet was seen{where} in {counted(int(asked.seconds), 'second')}.{idle}")
    return 0


def _is_attached(node: Path, interface: str) -> bool:
    with suppress(NodeLostError), NodeClient(node) as client:
        status = client.ask(GetStatus())
        return isinstance(status, NodeStatus) and interface in status.interfaces
    return False


def _watched(node: Path, interface: str, until: float | None) -> Iterator[dict[str, Any]]:
    """Yield flows as they come, and once more when the time is over. Raises UserError."""
    name, after = "", 0
    try:
        with NodeClient(node) as client:
            over = False
            while not over:
                over = until is not None and monotonic_seconds() > until + _EVERY
                said = client.ask(WatchFlows(name, after))
                if not isinstance(said, Flows):
                    raise UserError(f"Flows can't be counted here: {getattr(said, 'reason', said)}")
                if said.obstacle:
                    raise UserError(f"No packet is filtered here, and none is counted. {said.obstacle}")
                name = said.node
                for window in said.windows:
                    after = window.number
                    if interface in {"", window.interface}:
                        yield from (_told(window.interface, each) for each in window.flows)
                if not over:
                    select.select((), (), (), _EVERY)
    except NodeLostError:
        raise UserError(_NO_NETWORK) from None


def _told(interface: str, found: Any) -> dict[str, Any]:
    flow = found.flow
    return {
        "at": found.end,
        "interface": interface,
        "direction": "in" if flow.incoming else "out",
        "protocol": NAMES.get(str(flow.protocol), str(flow.protocol)),
        "source": flow.source,
        "source_port": flow.source_port,
        "destination": flow.destination,
        "destination_port": flow.destination_port,
        "packets": found.packets,
        "bytes": found.bytes,
        "accepted": found.accepted,
    }


def _as_text(flow: dict[str, Any]) -> str:
    def end(name: str) -> str:
        address, port = flow[name], flow[f"{name}_port"]
        if not port:
            return str(address)
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    verdict = "accepted" if flow["accepted"] else "rejected"
    at = datetime.fromtimestamp(flow["at"], UTC)
    return (
        f"{at:%H:%M:%S}  {flow['interface']}  {flow['direction']:<3}  {verdict}  {flow['protocol']:<6} "
        f"{end('source')} -> {end('destination')}  "
        f"{counted(flow['packets'], 'packet')}, {counted(flow['bytes'], 'byte')}"
    )
