"""`understudy events`: what happens to App Runner's services, as EventBridge tells it."""

from __future__ import annotations

import argparse
import select
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin.requests import ListStateChanges
from understudy_aws.cli.admin_client import ask, running_server
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError

_EVERY = 0.5  # seconds between two looks for new events
_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "With --json they are whole, in EventBridge's shape; with --follow too, each is a JSON document on a line of "
        "its own."
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on, and print events as they come")
    parser.add_argument("--limit", default="100", metavar="N", help="how many events, the latest ones (100)")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print the latest events, the latest last."""
    if not asked.limit.isdecimal() or not 1 <= int(asked.limit) <= _MOST:
        raise UserError(f"--limit must be between 1 and {_MOST}, not {asked.limit!r}.")
    settings = settings_of(asked)
    if asked.follow and running_server(settings) is None:
        raise UserError(f"No server runs for {settings.state}, so there is nothing to follow.")
    which = ListStateChanges(limit=int(asked.limit))
    answer = ask(settings, which)
    if out.as_json and not asked.follow:
        out.value({"events": answer["events"]})
        return 0
    while True:
        for event in answer["events"]:
            if out.as_json:
                out.value(event)
            else:
                out.line(_as_text(event))
        if not asked.follow:
            return 0
        select.select((), (), (), _EVERY)
        answer = ask(settings, replace(which, after=answer["next"], limit=_MOST))


def _as_text(event: dict[str, Any]) -> str:
    detail = event["detail"]
    return f"{event['time']}  {detail['serviceName']}  {detail['message']}"
