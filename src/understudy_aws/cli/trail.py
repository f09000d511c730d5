"""`understudy trail`: the calls that were made, by whom, and how they ended."""

from __future__ import annotations

import argparse
import re
import select
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin.requests import ListTrail
from understudy_aws.cli.admin_client import ask, running_server
from understudy_aws.cli.options import caller_named, settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.trail_rows import as_lines, as_table, numbered_from_one
from understudy_aws.cli.wrapping import width
from understudy_aws.core.errors import UserError

_EVERY = 0.5  # seconds between two looks for new calls
_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A TIME is a date and time (2026-03-04T10:00:00Z), a number of the trail, a request id, or how long ago (10m). "
        "Times are UTC. With --json the calls are in the same order, the latest last, and statements are counted from "
        "1; with --follow each call is a JSON document on a line of its own."
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on, and list calls as they are made")
    parser.add_argument(
        "--refused", action="store_true", help="only calls that policies or signatures refused"
    )
    parser.add_argument(
        "--as",
        dest="as_",
        type=caller_named,
        metavar="ARN",
        default="",
        help="calls of this user, role or session",
    )
    parser.add_argument("--service", metavar="NAME", default="", help="calls of this service, such as ec2")
    parser.add_argument("--since", metavar="TIME", default="", help="from here on, the call itself included")
    parser.add_argument("--until", metavar="TIME", default="", help="up to here, the call itself included")
    parser.add_argument("--limit", default="50", metavar="N", help="how many calls, the latest ones (50)")
    parser.add_argument("--before", metavar="NUMBER", help="calls before this number, to look further back")
    parser.add_argument("--of-account", metavar="ID", help="calls in this account only")


def run(asked: argparse.Namespace, out: Output) -> int:
    """List the latest calls, the latest last."""
    if not asked.limit.isdecimal() or not 1 <= int(asked.limit) <= _MOST:
        raise UserError(f"--limit must be between 1 and {_MOST}, not {asked.limit!r}.")
    if asked.before is not None and not re.fullmatch(r"[1-9][0-9]{0,17}", asked.before):
        raise UserError(f"--before takes the number of a call, not {asked.before!r}.")
    if asked.follow and (asked.until or asked.before):
        raise UserError("--follow lists what is to come; leave --until and --before away.")
    settings = settings_of(asked)
    if asked.follow and running_server(settings) is None:
        raise UserError(f"No server runs for {settings.state}, so there is nothing to follow.")
    which = ListTrail(
        account=asked.of_account,
        as_=asked.as_,
        service=asked.service,
        refused=asked.refused,
        since=asked.since,
        until=asked.until,
        limit=int(asked.limit),
        before=None if asked.before is None else int(asked.before),
    )

    def listed(which: ListTrail) -> list[Mapping[str, Any]]:
        return [numbered_from_one(entry) for entry in reversed(ask(settings, which)["entries"])]

    entries = listed(which)
    if asked.follow:
        _follow(entries, which, listed, out)
    elif out.as_json:
        out.value({"entries": entries})
    elif entries:
        _print(entries, out)
    else:
        if asked.refused:
            out.line(
                "No such call was refused for who called; `understudy trail` lists those that failed otherwise."
            )
            return 0
        selected = asked.as_ or asked.service or asked.refused or asked.since or asked.until or asked.before
        out.line("No such calls." if selected or asked.of_account else "No calls yet.")
    return 0


def _print(entries: Sequence[Mapping[str, Any]], out: Output) -> None:
    """Print a table if the terminal is wide enough for it, else some lines for each call."""
    columns = width()
    heads, rows = as_table(entries)
    if columns is None or _breadth(heads, rows) <= columns:
        out.table(heads, rows)
        return
    for entry in entries:
        _print_lines(entry, columns, out)


def _print_lines(entry: Mapping[str, Any], columns: int, out: Output) -> None:
    first, *rest = as_lines(entry, columns)
    out.line(out.paint(first, "red") if entry["refused"] else first)
    for line in rest:
        out.line(line)


def _breadth(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(max(len(row[at]) for row in (heads, *rows)) + 2 for at in range(len(heads))) - 2


def _follow(
    entries: Sequence[Mapping[str, Any]],
    which: ListTrail,
    listed: Callable[[ListTrail], list[Mapping[str, Any]]],
    out: Output,
) -> None:
    """List calls as they are made, until somebody presses Ctrl-C."""
    last = 0
    while True:
        for entry in entries:
            last = entry["number"]
            if out.as_json:
                out.value(entry)
            else:
                _print_lines(entry, width() or 10_000, out)
        select.select((), (), (), _EVERY)
        entries = listed(replace(which, since=str(last + 1), limit=_MOST) if last else which)
