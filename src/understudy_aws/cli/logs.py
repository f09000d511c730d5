"""`understudy logs SERVICE`: what a service's instances write, and what happens to the service."""

from __future__ import annotations

import argparse
import select
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin.requests import ListServiceLogs
from understudy_aws.cli.admin_client import ask, running_server
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError
from understudy_aws.core.printable import printable

_EVERY = 0.5  # seconds between two looks for new lines
_MOST = 5000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Lines come in the order of time, with the stream that each is in: `events` says what happens to the service, "
        "`deployment/…` has the output of builds, `instance/…` what an instance has written. They are in CloudWatch "
        "Logs too. With --json and --follow each line is a JSON document on a line of its own."
    )
    parser.add_argument("service", metavar="SERVICE", help="the service's name, id, ARN or host name")
    parser.add_argument("-f", "--follow", action="store_true", help="go on, and print lines as they come")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--application", action="store_true", help="only what instances write")
    only.add_argument("--events", action="store_true", help="only events and deployments")
    parser.add_argument("--region", default="", help="the Region, where several have a service of that name")
    parser.add_argument("--limit", default="100", metavar="N", help="how many lines, the latest ones (100)")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print the latest lines of a service, the latest last."""
    if not asked.limit.isdecimal() or not 1 <= int(asked.limit) <= _MOST:
        raise UserError(f"--limit must be between 1 and {_MOST}, not {asked.limit!r}.")
    settings = settings_of(asked)
    if asked.follow and running_server(settings) is None:
        raise UserError(f"No server runs for {settings.state}, so there is nothing to follow.")
    which = ListServiceLogs(
        service=asked.service,
        region=asked.region,
        kind="application" if asked.application else "service" if asked.events else "all",
        limit=int(asked.limit),
    )
    answer = ask(settings, which)
    if asked.follow:
        while True:
            for line in answer["lines"]:
                if out.as_json:
                    out.value(line)
                else:
                    out.line(_as_text(line))
            select.select((), (), (), _EVERY)
            answer = ask(settings, replace(which, after=answer["next"], limit=_MOST))
    if out.as_json:
        out.value(answer)
    elif answer["lines"]:
        for line in answer["lines"]:
            out.line(_as_text(line))
    else:
        out.line(f"{answer['name']} has no such lines yet.")
    return 0


def _as_text(line: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(line["at"] / 1000, UTC)
    kind, _, rest = line["stream"].partition("/")
    stream = f"{kind}/{rest[:8]}" if rest else kind
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {stream:<19} {printable(line['text'])}"
