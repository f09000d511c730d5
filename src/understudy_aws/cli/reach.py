"""`understudy reach FROM TO`: whether a connection passes, and if not, what refuses it and what would let it pass."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy_aws.admin.network_calls import NUMBERS
from understudy_aws.admin.requests import Reach
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.messages import Probe, Probed
from understudy_aws.dataplane.reach import INTERNET

_LAST_PORT = 65535
_PORTS = re.compile(r"(\d+)(?:-(\d+))?")
_OUTCOMES = {
    "connected": "A real packet was answered.",
    "refused": "A real packet arrived; nothing listens there.",
    "arrived": "A real packet arrived; nobody answered it.",
    "silent": "A real packet was dropped.",
}
# Of many that fare alike, so many are named.
_MOST_NAMED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The exit code is 0 when all of it passes, 1 when something refuses it, and 2 when it can't be told."
    )
    parser.add_argument(
        "source",
        metavar="FROM",
        help="an interface, a security group or a subnet with all their interfaces, an address, private or on the "
        "internet, a service (its name or ARN), or the ARN of a VPC connector",
    )
    parser.add_argument(
        "target",
        metavar="TO[:PORT]",
        help="an interface, a security group, a subnet, an address, private or public, or AWS's API for a service "
        "(aws:apprunner); the port of TCP or UDP is 443 unless it is named, and may be a range: 8000-8080",
    )
    parser.add_argument("--protocol", default="tcp", help="tcp, udp, icmp, icmpv6 or a number (tcp)")
    parser.add_argument(
        "--probe",
        action="store_true",
        help="send a real packet too, from a program's interface; nothing needs to listen",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Show what packets meet; the exit code is 0 when they pass, 1 when they do not."""
    target, first, last = _split(asked.target)
    if not asked.source or not target:
        # A variable of a shell that was never set.
        raise UserError(
            f"{'TO' if asked.source else 'FROM'} is empty: it names an interface, a group, an address, …"
        )
    answer = ask(
        settings_of(asked),
        Reach(source=asked.source, target=target, protocol=asked.protocol, port=first, last_port=last),
    )
    node = Path(answer.pop("node"))
    if asked.probe:
        for path in answer["paths"]:
            path["probe"] = _probed(node, path)
    if out.as_json:
        out.value(answer)
        return 0 if answer["passes"] else 1
    # Its address says nothing to people.
    api = answer["target"] if answer["target"].startswith("aws:") else ""
    for places in answer["alike"]:
        paths = [answer["paths"][place] for place in places]
        _print(paths[0], api, out)
        _print_others(paths[0], paths[1:], api, out)
    if answer["not_looked_at"]:
        out.line(f"{answer['not_looked_at']} more pairs of interfaces were not looked at.")
    if answer["obstacle"]:
        out.remark(f"This is what the records say; here nothing enforces it. {answer['obstacle']}")
    return 0 if answer["passes"] else 1


def _split(text: str) -> tuple[str, int, int]:
    """Return what stands before the colon, and the ports behind it or 0: `10.0.2.10:5432`, `[2600::1]:80-443`.

    Raises UserError.
    """
    if text.startswith("["):
        target, _, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
    elif text.startswith("aws:"):
        service, _, ports = text.removeprefix("aws:").partition(":")
        target = f"aws:{service}"
    elif text.count(":") == 1:
        target, _, ports = text.partition(":")
    else:
        target, ports = text, ""
    if not ports:
        return target, 0, 0
    found = _PORTS.fullmatch(ports)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= _LAST_PORT:
        raise UserError(f"A port is a number between 1 and {_LAST_PORT}, or a range of them, not {ports!r}.")
    return target, first, last


def _probed(node: Path, path: Mapping[str, Any]) -> str:
    """Send a real packet, and return what came of it. Raises UserError where that can't be done."""
    if path["hypothetical"]:
        raise UserError("--probe sends from an interface of this machine, and no instance runs there.")
    if path["from"] == INTERNET:
        raise UserError("--probe sends from an interface of this machine, and not from the internet.")
    number = NUMBERS.get(path["protocol"], path["protocol"])
    port = path["ports"][0] if path["ports"] else 0
    arrives_at = path["interface"] if path["attached"] else ""
    try:
        with NodeClient(node) as client:
            said = client.ask(Probe(path["from"], path["to"], port, protocol=number, arrives_at=arrives_at))
    except NodeLostError:
        raise UserError(
            "--probe needs a program at the interface: no network is made yet (`understudy attach`)."
        ) from None
    if not isinstance(said, Probed):
        raise UserError(f"--probe needs a program at {path['from']} (`understudy attach --interface …`).")
    if said.obstacle:
        raise UserError(f"--probe can send no packet here. {said.obstacle}")
    return said.outcome


def _print(path: Mapping[str, Any], api: str, out: Output) -> None:
    """Print what comes of a connection; to the API of a service, if one was asked about."""
    verdict = out.paint("passes", "green") if path["passes"] else out.paint("is refused", "red")
    out.line(f"{_service(path)} from {_source(path)} to {_target(path, api)} {verdict}.")
    out.line()
    hops = _told(path)
    width = max(len(hop["at"]) for hop in hops) if hops else 0
    for hop in hops:
        mark = " " if hop["passes"] else out.paint("x", "red")
        out.line(f"{mark} {hop['at'].ljust(width)}  {hop['why']}")
    if path["passes"] and not path["attached"]:
        out.line(f"Nothing is attached to {path['interface']} now.")
    if path["changes"]:
        out.line()
        out.line("This would let it pass:" if not path["advice"] else "This is needed:")
        for call, for_group in zip(path["changes"], path["alternatives"], strict=True):
            out.line(f"  {call}")
            if for_group:
                out.line(f"  or, for all in its group: {for_group}")
        if path["rests_on"]:
            out.line(path["rests_on"])
    if path["advice"]:
        out.line()
        out.line(path["advice"])
    if "probe" in path:
        out.line()
        out.line(_OUTCOMES[path["probe"]])
    out.line()


def _print_others(
    first: Mapping[str, Any], paths: Sequence[Mapping[str, Any]], api: str, out: Output
) -> None:
    """Name the pairs that fare as the one that was shown."""
    if not paths:
        return
    out.line("So do:" if paths[0]["passes"] else "So are:")
    for path in paths[:_MOST_NAMED]:
        probe = f"  {_OUTCOMES[path['probe']]}" if "probe" in path else ""
        out.line(f"  {_source(path)} to {_target(path, api)}{probe}")
    if len(paths) > _MOST_NAMED:
        out.line(f"  and {len(paths) - _MOST_NAMED} more")
    others = sum(path["changes"] != first["changes"] for path in paths)
    if others:
        said = "One of these needs" if others == 1 else f"{others} of these need"
        out.line(f"{said} changes with other addresses than the first, which --json has.")
    out.line()


def _told(path: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the hops that people need: no network ACL that lets it pass, and no way back that is free."""
    return [
        hop
        for hop in path["hops"]
        if not hop["passes"] or not (hop["at"].startswith("acl-") or (path["passes"] and hop["answer"]))
    ]


def _service(path: Mapping[str, Any]) -> str:
    name = str(path["protocol"]).upper()
    if not path["ports"]:
        return name
    first, last = path["ports"]
    return f"{name} {first}" if first == last else f"{name} {first}-{last}"


def _source(path: Mapping[str, Any]) -> str:
    if path["hypothetical"]:
        return f"an instance in {path['subnet']}"
    return f"{path['from']} ({path['address']})"


def _target(path: Mapping[str, Any], api: str) -> str:
    place = f"{path['to']} ({path['interface']})" if path["interface"] else str(path["to"])
    return f"{api}, at {place}," if api else place
