"""`understudy account add ID`: another account, with an administrator and default VPCs of its own."""

from __future__ import annotations

import argparse

from understudy_aws.admin.requests import AddAccount
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", choices=["add"], help="make an account")
    parser.add_argument("id", metavar="ID", help="12 digits")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Make the account and show its administrator's keys once."""
    made = ask(settings_of(asked), AddAccount(id=asked.id))
    if out.as_json:
        out.value(made)
        return 0
    out.line(f"Account {made['account']} is made.")
    out.facts(
        [
            ("access key", made["access_key_id"]),
            ("secret key", f"{made['secret_access_key']} (shown this once)"),
        ]
    )
    return 0
