"""`understudy connection approve|refuse|list`: the handshake of App Runner's connections."""

from __future__ import annotations

import argparse
import difflib
from typing import Literal

from understudy_aws.admin.requests import ListConnections, SettleConnection
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError

_VERBS = ("approve", "refuse", "list")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy connection approve NAME | refuse NAME | list  [options]"
    parser.epilog = (
        "A connection of App Runner's waits for a handshake with its provider, which at AWS takes the console. approve "
        "makes the connection AVAILABLE; refuse gives it the status ERROR, as when the provider says no; list shows "
        "those of all accounts and Regions."
    )
    parser.add_argument("verb", metavar="|".join(_VERBS), help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the connection's name or ARN")
    parser.add_argument("--region", default="", help="the Region, where several have one of that name")


def run(asked: argparse.Namespace, out: Output) -> int:
    """End the handshake of a connection, or list them all."""
    if asked.verb not in _VERBS:
        close = difflib.get_close_matches(asked.verb, _VERBS, 1)
        meant = (
            f"did you mean {close[0]}?" if close else f"it takes {', '.join(_VERBS[:-1])} or {_VERBS[-1]}."
        )
        raise UserError(f"`understudy connection` has no {asked.verb!r}; {meant}")
    settings = settings_of(asked)
    if asked.verb == "list":
        if asked.name:
            raise UserError("`understudy connection list` lists them all; it takes no NAME.")
        found = ask(settings, ListConnections())["connections"]
        if out.as_json:
            out.value({"connections": found})
            return 0
        if not found:
            out.line("There are none. `aws apprunner create-connection` makes one.")
            return 0
        rows = [
            (each["name"], each["provider"], each["status"], each["region"], each["account"])
            for each in found
        ]
        out.table(("NAME", "PROVIDER", "STATUS", "REGION", "ACCOUNT"), rows)
        return 0
    if not asked.name:
        raise UserError(f"Which connection? For example: understudy connection {asked.verb} github")
    outcome: Literal["AVAILABLE", "ERROR"] = "AVAILABLE" if asked.verb == "approve" else "ERROR"
    done = ask(settings, SettleConnection(name=asked.name, region=asked.region, outcome=outcome))
    if out.as_json:
        out.value(done)
    elif done["was"] == done["status"]:
        out.line(f"{done['arn']} is {done['status']} already.")
    else:
        out.line(f"{done['arn']} is {done['status']}; it was {done['was']}.")
    return 0
