"""`understudy account add|list|rotate-keys`: the accounts of a state, and their administrators' keys."""

from __future__ import annotations

import argparse
import difflib

from understudy_aws.admin.requests import AddAccount, ListAccounts, RotateKeys
from understudy_aws.cli.admin_client import ask
from understudy_aws.cli.invocation import command
from understudy_aws.cli.new_keys import show_new_keys
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

_VERBS = ("add", "list", "rotate-keys")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy account add ID | list | rotate-keys [ID]  [options]"
    parser.epilog = (
        "add makes an account with an administrator and default VPCs of its own; list shows all accounts and how to "
        "get into each; rotate-keys gives the administrator of an account, by default the first, a new access key "
        "and deletes the old ones."
    )
    parser.add_argument("verb", metavar="|".join(_VERBS), help="what to do")
    parser.add_argument("id", nargs="?", metavar="ID", help="the account's 12 digits")
    parser.add_argument(
        "--show-keys", action="store_true", help="show the new keys, not only where they are kept"
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Make an account, list them all, or give one new keys."""
    if asked.verb not in _VERBS:
        close = difflib.get_close_matches(asked.verb, _VERBS, 1)
        meant = (
            f"did you mean {close[0]}?" if close else f"it takes {', '.join(_VERBS[:-1])} or {_VERBS[-1]}."
        )
        raise UserError(f"`understudy account` has no {asked.verb!r}; {meant}")
    settings = settings_of(asked)
    if asked.verb == "list":
        if asked.id:
            raise UserError("`understudy account list` lists them all; it takes no ID.")
        return _list(settings, out)
    if asked.verb == "add":
        if not asked.id:
            raise UserError("Which account? 12 digits, for example: understudy account add 111122223333")
        made = ask(settings, AddAccount(id=asked.id))
        show_new_keys(f"Account {made['account']} is made.", made, settings, out, show=asked.show_keys)
        _say_how_to_use(made["account"], settings, out)
        return 0
    made = ask(settings, RotateKeys(id=asked.id or settings.account or _first(settings)))
    sentence = f"The administrator of account {made['account']} has a new key; the old ones are no more."
    show_new_keys(sentence, made, settings, out, show=asked.show_keys)
    _say_how_to_use(made["account"], settings, out)
    return 0


def _say_how_to_use(account: str, settings: Settings, out: Output) -> None:
    """Say how a shell gets the new keys, as those it had may have gone."""
    if not out.as_json:
        out.line(f'To use them in a shell: eval "$({command(f"env --account {account}", settings)})"')


def _first(settings: Settings) -> str:
    known = ask(settings, ListAccounts())["accounts"]
    return str(known[0]["id"]) if known else settings.first_account


def _list(settings: Settings, out: Output) -> int:
    known = ask(settings, ListAccounts())["accounts"]
    if out.as_json:
        out.value({"accounts": known})
        return 0
    rows = []
    for each in known:
        way = "administrator's keys: " + command(f"env --account {each['id']}", settings)
        if not each["administrator"]:
            way = f"from account {each['management']}, role {each['role']}" if each["role"] else "none"
        rows.append((each["id"], str(each["created"])[:19].replace("T", " "), way))
    out.table(("ACCOUNT", "CREATED (UTC)", "WAY IN"), rows)
    return 0
