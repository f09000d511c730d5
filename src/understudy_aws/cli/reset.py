"""`understudy reset`: delete everything and create the account anew."""

from __future__ import annotations

import argparse
import sys

from understudy_aws.admin.requests import Reset
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.new_keys import show_new_keys
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The administrator keeps its access keys, so that what runs with them goes on; other accounts go, with their "
        "keys. The exit code is 0 when everything was forgotten, and 1 when the answer was no."
    )
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    parser.add_argument("--new-keys", action="store_true", help="give the administrator a new access key")
    parser.add_argument("--show-keys", action="store_true", help="print the secret key too")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Delete everything, after a yes; answers 1 after a no."""
    settings = settings_of(asked)
    if not asked.yes and not _confirmed(settings.state):
        out.remark("Nothing was changed.")
        return 1
    made = ask(settings, Reset(keep_keys=not asked.new_keys))
    keys = "keeps its keys" if made["kept_keys"] else "has a new key"
    forgotten = f"Everything in {settings.state} is forgotten."
    sentence = f"{forgotten} Account {made['account']} is new; its administrator {keys}."
    show_new_keys(sentence, made, settings, out, show=asked.show_keys)
    return 0


def _confirmed(state: str) -> bool:
    """Ask, on the terminal or whoever writes to stdin. Raises UserError when nobody answers."""
    question = f"Forget everything in {state}: accounts, roles, networks, the trail? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        print(file=sys.stderr)
        raise UserError("Nobody answered, so nothing was changed. In a script, say --yes.")
    return answer.strip().lower() in ("y", "yes")
