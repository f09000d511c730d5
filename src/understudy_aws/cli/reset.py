"""`understudy reset`: delete everything and create the account anew."""

from __future__ import annotations

import argparse
import sys

from understudy_aws.admin.requests import Reset
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask first")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Delete everything; on a terminal only after the user says yes."""
    settings = settings_of(asked)
    if not asked.yes and sys.stdin.isatty() and not _confirmed(settings.state):
        raise UserError("Nothing was changed.")
    made = ask(settings, Reset())
    if out.as_json:
        out.value(made)
        return 0
    out.line(f"Everything in {settings.state} is forgotten; account {made['account']} is new.")
    out.facts(
        [
            ("access key", made["access_key_id"]),
            ("secret key", f"{made['secret_access_key']} (shown this once)"),
        ]
    )
    return 0


def _confirmed(state: str) -> bool:
    return input(
        f"Forget everything in {state}: accounts, roles, networks, the trail? [y/N] "
    ).strip().lower() in (
        "y",
        "yes",
    )
