"""`understudy uses ARN-OR-ID`: what uses a resource, as a tree, and what must go before it can be deleted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from understudy_aws.admin.requests import ListUses
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.resource_trees import label, steps_lines, tree_lines
from understudy_aws.core.errors import UserError

_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The resource is looked for in every account and Region. "
        "The exit code is 0 when something uses it, 1 when nothing does, and 2 when there is no such resource."
    )
    parser.add_argument(
        "resource", metavar="ARN-OR-ID", help="such as subnet-0123456789abcdef0, or the name of a service"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=10,
        metavar="N",
        help="name the first N of a list and count the others (10; at most 1000)",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Show what uses a resource; the exit code is 0 when something does, 1 when nothing does."""
    if not 1 <= asked.limit <= _MOST:
        raise UserError(f"--limit takes a number between 1 and {_MOST}, not {asked.limit}.")
    answer = ask(settings_of(asked), ListUses(id=asked.resource, limit=asked.limit))
    if out.as_json:
        out.value(answer)
    else:
        _print(answer, out)
    return 0 if answer.get("used_by") or answer.get("more") else 1


def _print(answer: Mapping[str, Any], out: Output) -> None:
    out.line(out.paint(label(answer), "bold"))
    if answer["arn"] != answer["id"]:
        out.line(answer["arn"])
    out.line()
    lines = list(tree_lines(answer))
    for line in lines or ["Nothing here uses it."]:
        out.line(line)
    if lines:
        out.line()
    if answer["holders"]:
        number = f"{answer['holders']:,}"
        said = "One of these holds it" if number == "1" else f"{number} of these hold it"
        out.line(f"{said}: AWS refuses to delete it.")
        for line in steps_lines(answer):
            out.line(line)
    elif lines:
        out.line("None of these keeps AWS from deleting it.")
