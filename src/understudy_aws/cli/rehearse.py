"""`understudy rehearse ARN`: what the networking role does with a connector, done once and undone."""

from __future__ import annotations

import argparse

from understudy_aws.admin.requests import Rehearse
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("connector", metavar="ARN", help="the ARN of a VPC connector")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Make, describe and delete interfaces as the role's session; exits 1 unless all went as its policy says."""
    done = ask(settings_of(asked), Rehearse(connector=asked.connector))
    if out.as_json:
        out.value(done)
    else:
        for step in done["steps"]:
            wanted = "allowed" if step["allowed"] else "refused"
            went = wanted if step["held"] else f"NOT {wanted}"
            out.line(f"{went:12} {step['title']}")
            if step["answered"] != "ok":
                out.line(f"{'':12} {step['answered']}")
        out.line("The calls are in `understudy trail`, made by the role's session.")
    return 0 if done["held"] else 1
