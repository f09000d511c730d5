"""`understudy restore FILE`: put a copy in the place of the state."""

from __future__ import annotations

import argparse
from pathlib import Path

from understudy_aws.app import build
from understudy_aws.cli.admin_client import running_server
from understudy_aws.cli.invocation import command
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import files_of
from understudy_aws.cli.up import keep_administrators_keys
from understudy_aws.core.errors import UserError
from understudy_aws.services import accounts
from understudy_aws.store.sqlite_backup import restore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `understudy backup` has written")
    parser.add_argument("--yes", "--force", action="store_true", help="overwrite the state that is there")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Put the copy there, and its administrators' keys. Raises UserError, and changes nothing, when that cannot be."""
    settings = settings_of(asked)
    if settings.in_memory:
        raise UserError("A copy is restored into a directory; say --state DIR.")
    server = running_server(settings)
    if server is not None:
        raise UserError(
            f"The server at {server.endpoint} uses {settings.state}; stop it first: {command('stop', settings)}"
        )
    file = Path(asked.file).expanduser()
    restore(file, settings.directory, overwrite=asked.yes)
    app = build(settings)
    try:
        files = files_of(settings)
        # Keys of the accounts that were there before are worth nothing now.
        files.forget_keys()
        keep_administrators_keys(app, files)
        with app.database.transaction() as tx:
            known = [account.id for account in accounts.in_order(tx)]
    finally:
        app.close()
    if out.as_json:
        out.value({"state": settings.state, "accounts": known})
        return 0
    out.line(f"{file} is restored into {settings.state}; accounts: {', '.join(known) or 'none'}.")
    out.line(f"Start it with: {command('up', settings)}")
    return 0
