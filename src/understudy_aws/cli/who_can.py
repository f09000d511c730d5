"""`understudy who-can ACTION [RESOURCE]`: everybody who can do something, how, and by which statement."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy_aws.admin.requests import WhoCan
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.explain import context_of
from understudy_aws.cli.loading import load
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Colour, Output
from understudy_aws.cli.wrapping import width, wrapped
from understudy_aws.core.printable import printable

_SPOKEN: dict[str, tuple[str, Colour]] = {
    "always": ("can", "green"),
    "sometimes": ("can, if", "yellow"),
    "unknown": ("may", "yellow"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "It asks about every user, role and root user, and about whoever else a policy lets in: services, identity "
        "providers, other accounts. Who can assume a role that can, can too. With --account it tells of that "
        "account's principals alone. Without --from it asks about the state. "
        "The exit code is 0 when somebody can, 1 when nobody can, and 2 when the question is none."
    )
    parser.add_argument("action", metavar="ACTION", help="such as ec2:CreateVpc")
    parser.add_argument(
        "resource",
        metavar="RESOURCE",
        nargs="?",
        default="*",
        help="an ARN, in which * may stand (*: any that the action acts on)",
    )
    parser.add_argument(
        "--from",
        dest="from_",
        action="append",
        default=[],
        metavar="FILE",
        help="ask about the accounts that `aws iam get-account-authorization-details` exported to this file",
    )
    parser.add_argument(
        "--direct", action="store_true", help="leave out those who would have to assume a role first"
    )
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a condition key of the request; repeat it for several keys, or for several values of one",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Say who can; the exit code is 0 when somebody can, 1 when nobody can."""
    context = context_of(asked.context)
    settings = settings_of(asked)
    if asked.from_:
        # The policy engine is imported for this alone: asking a server stays quick.
        files = [Path(name) for name in asked.from_]
        exports = load("exports")
        answer = exports.who_can_of(
            files, asked.action, asked.resource, context, direct=asked.direct, account=settings.account
        )
    else:
        question = WhoCan(
            action=asked.action,
            resource=asked.resource,
            context=context,
            direct=asked.direct,
            account=settings.account,
        )
        answer = ask(settings, question)
    if out.as_json:
        out.value(answer)
    else:
        _print(answer, out)
    return 0 if answer["found"] else 1


def _print(answer: Mapping[str, Any], out: Output) -> None:
    for found in answer["found"]:
        said, colour = _SPOKEN[found["how"]]
        out.line(f"{out.paint(said.ljust(7), colour)}  {printable(found['principal'])}")
        for line in _reasons(found):
            for part in wrapped(f"         {line}", width()):
                out.line(part)
    _print_counts(answer, out)
    for each in answer["assumed"]:
        for part in wrapped(f"Assumed: {printable(each)}", width()):
            out.line(part)


def _print_counts(answer: Mapping[str, Any], out: Output) -> None:
    counts = Counter(found["how"] for found in answer["found"])
    asked = f"{answer['asked']:,} {'principal' if answer['asked'] == 1 else 'principals'}"
    if not counts:
        out.line(f"Nobody can, of {asked}.")
        return
    out.line()
    out.line(
        f"Of {asked}, {counts['always']:,} can, {counts['sometimes']:,} can if a condition is met"
        + (f", and of {counts['unknown']:,} it could not be told" if counts["unknown"] else "")
        + "."
    )


def _reasons(found: Mapping[str, Any]) -> Iterator[str]:
    for step in found["steps"]:
        role, action = printable(step["role"]), step["action"]
        if step["how"] == "unknown":
            yield f"may assume {role} by {action}"
        else:
            yield f"assumes {role} by {action}, {_by(step['statements'])}"
        yield from _carrying(step["example"], step["absent"])
    if found["resource"]:
        yield f"on {printable(found['resource'])}"
    yield from said_of(found["statements"], found["example"], found["absent"], outside=found["outside"])
    for blocked in found["blocked"]:
        yield f"otherwise denied by {_statement(blocked)}"
    if found["why"]:
        yield found["why"]


def said_of(
    statements: Sequence[Mapping[str, Any]],
    example: Mapping[str, Any],
    absent: Sequence[str],
    *,
    outside: bool,
) -> Iterator[str]:
    """Yield what allows a request, and what it must carry."""
    if statements:
        yield f"allowed by {_by(statements)}"
    yield from _carrying(example, absent)
    if outside:
        yield "as far as its own account allows it"


def _carrying(example: Mapping[str, Any], absent: Sequence[str]) -> Iterator[str]:
    for key, value in example.items():
        shown = value if isinstance(value, str) else ", ".join(value)
        yield printable(f"with {key}={shown}")
    for key in absent:
        yield f"without {printable(key)}"


def _by(statements: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(map(_statement, statements)) or "no policy"


def _statement(statement: Mapping[str, Any]) -> str:
    sid = f' "{statement["sid"]}"' if statement["sid"] else ""
    conditions = f" ({'; '.join(statement['conditions'])})" if statement["conditions"] else ""
    return printable(
        f"{statement['layer']} {statement['policy']}, statement {statement['statement'] + 1}{sid}{conditions}"
    )
