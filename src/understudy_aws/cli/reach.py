"""`understudy reach FROM TO`: whether a connection passes, and if not, what refuses it and what would let it pass."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy_aws.admin.requests import Reach
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import Probe, Probed

_HTTPS, _LAST_PORT = 443, 65535
_OUTCOMES = {
    "connected": "a real packet was answered",
    "refused": "a real packet arrived; nothing listens there",
    "silent": "a real packet was dropped",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The exit code is 0 when it passes, 1 when something refuses it, and 2 when it can't be told."
    )
    parser.add_argument(
        "source", metavar="FROM", help="an interface, a private address, or the ARN of a VPC connector"
    )
    parser.add_argument(
        "target",
        metavar="TO[:PORT]",
        help="an interface, an address, private or public, or AWS's API for a service (aws:apprunner); the port of "
        "TCP or UDP is 443 unless it is named",
    )
    parser.add_argument("--protocol", default="tcp", help="tcp, udp, icmp, icmpv6 or a number (tcp)")
    parser.add_argument(
        "--probe", action="store_true", help="send a real packet too, from a program's interface"
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Show what packets meet; the exit code is 0 when they pass, 1 when they do not."""
    target, port = _split(asked.target)
    answer = ask(
        settings_of(asked), Reach(source=asked.source, target=target, protocol=asked.protocol, port=port)
    )
    node = Path(answer.pop("node"))
    if asked.probe:
        for path in answer["paths"]:
            path["probe"] = _probed(node, path, answer)
    if out.as_json:
        out.value(answer)
    else:
        for path in answer["paths"]:
            _print(answer, path, out)
        if answer["obstacle"]:
            out.remark(f"This is what the records say; here nothing enforces it. {answer['obstacle']}")
    return 0 if answer["passes"] else 1


def _split(text: str) -> tuple[str, int]:
    """Return what stands before and behind the colon: `10.0.2.10:5432`, `[::1]:443`, `aws:ec2`. Raises UserError."""
    if text.startswith("["):
        target, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.startswith("aws:"):
        service, _, port = text.removeprefix("aws:").partition(":")
        target = f"aws:{service}"
    elif text.count(":") == 1:
        target, _, port = text.partition(":")
    else:
        target, port = text, ""
    if not port:
        return target, _HTTPS
    if not port.isdecimal() or not 1 <= int(port) <= _LAST_PORT:
        raise UserError(f"A port is a number between 1 and {_LAST_PORT}, not {port!r}.")
    return target, int(port)


def _probed(node: Path, path: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Send a real packet, and return what came of it. Raises UserError where that can't be done."""
    if answer["protocol"] != "tcp":
        raise UserError("--probe sends packets of TCP alone.")
    try:
        with NodeClient(node) as client:
            said = client.ask(Probe(path["from"], path["to"], answer["port"]))
    except NodeLostError:
        raise UserError(
            "--probe needs a program at the interface: no network is made yet (`understudy attach`)."
        ) from None
    if not isinstance(said, Probed):
        raise UserError(f"--probe needs a program at {path['from']} (`understudy attach --interface …`).")
    if said.obstacle:
        raise UserError(f"--probe can send no packet here. {said.obstacle}")
    return said.outcome


def _print(answer: Mapping[str, Any], path: Mapping[str, Any], out: Output) -> None:
    service = (
        answer["protocol"].upper()
        if answer["port"] is None
        else f"{answer['protocol'].upper()} {answer['port']}"
    )
    verdict = out.paint("passes", "green") if path["passes"] else out.paint("is refused", "red")
    source = (
        f"an instance in {path['subnet']}" if path["hypothetical"] else f"{path['from']} ({path['address']})"
    )
    out.line(f"{service} from {source} to {path['to']} {verdict}.")
    out.line()
    width = max(len(hop["at"]) for hop in path["hops"]) if path["hops"] else 0
    for hop in path["hops"]:
        mark = " " if hop["passes"] else out.paint("x", "red")
        out.line(f"{mark} {hop['at'].ljust(width)}  {hop['why']}")
    if path["passes"] and not path["attached"]:
        out.line(f"Nothing is attached to {path['interface']} now.")
    if path["changes"]:
        out.line()
        out.line("This would let it pass:" if not path["advice"] else "This is needed:")
        for call in path["changes"]:
            out.line(f"  {call}")
    if path["advice"]:
        out.line()
        out.line(path["advice"])
    if "probe" in path:
        out.line()
        out.line(f"{_OUTCOMES[path['probe']][0].upper()}{_OUTCOMES[path['probe']][1:]}.")
    out.line()
