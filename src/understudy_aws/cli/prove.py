"""`understudy prove CLAIM`: whether a claim about access holds, with the reason or a request that contradicts it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy_aws.admin.requests import Prove
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.loading import load
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Colour, Output
from understudy_aws.cli.who_can import said_of
from understudy_aws.cli.wrapping import width, wrapped
from understudy_aws.core.printable import printable

_VERDICTS: dict[str, tuple[str, Colour]] = {
    "proven": ("PROVEN", "green"),
    "refuted": ("REFUTED", "red"),
    "unknown": ("UNKNOWN", "yellow"),
}
_CODES = {"proven": 0, "refuted": 1, "unknown": 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A claim is `nobody can ACTION on RESOURCE`, `nobody but PRINCIPAL, ... can ACTION on RESOURCE`, or "
        "`PRINCIPAL, ... cannot ACTION on RESOURCE`. ACTION is written ec2:CreateVpc or s3:Get*, or `assume` for "
        "assuming a role; RESOURCE is an ARN in which * may stand, or the name of a role to assume; PRINCIPAL is an "
        "ARN, user/NAME, role/NAME or a service; a role's sessions are it. With --account it is about that account's "
        "principals and resources alone. `when KEY=VALUE`, `without KEY`, `with MFA` and `without MFA` may "
        "follow. The exit code is 0 when it is proven, 1 when a request contradicts it, and 2 when it could not be "
        "told, or is no claim."
    )
    parser.add_argument("claim", nargs="+", metavar="CLAIM", help="in quotes, or as words")
    parser.add_argument(
        "--from",
        dest="from_",
        action="append",
        default=[],
        metavar="FILE",
        help="ask about the accounts that `aws iam get-account-authorization-details` exported to this file",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Prove a claim; the exit code is 0 when it holds, 1 when it does not, 2 when that could not be told."""
    claim = " ".join(asked.claim)
    settings = settings_of(asked)
    if asked.from_:
        answer = load("exports").proved_of([Path(name) for name in asked.from_], claim, settings.account)
    else:
        answer = ask(settings, Prove(claim=claim, account=settings.account))
    if out.as_json:
        out.value(answer)
    else:
        _print(answer, out)
    return _CODES[answer["verdict"]]


def _print(answer: Mapping[str, Any], out: Output) -> None:
    said, colour = _VERDICTS[answer["verdict"]]
    out.line(f"{out.paint(said, colour)}  {printable(answer['claim'])}")
    found = answer["counter_example"]
    lines = [printable(each) for each in answer["reasons"]]
    if found is not None:
        lines += [
            f"{printable(found['principal'])} can {printable(found['action'])} on {printable(found['resource'])}",
            *said_of(found["statements"], found["needed"], found["absent"], outside=found["outside"]),
        ]
    lines += [f"Assumed: {each}" for each in map(printable, answer["assumed"])]
    for line in lines:
        for part in wrapped(f"  {line}", width()):
            out.line(part)
