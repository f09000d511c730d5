"""`understudy backup FILE`: copy the state into one file, also while a server uses it."""

from __future__ import annotations

import argparse
from pathlib import Path

from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.errors import UserError
from understudy_aws.store.sqlite_backup import back_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file to write; it holds the secrets of the state")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Write the copy. Raises UserError when there is none to make."""
    settings = settings_of(asked)
    if settings.in_memory:
        raise UserError("A state in memory cannot be backed up; start the server with --state DIR.")
    file = Path(asked.file).expanduser().absolute()
    size = back_up(settings.directory, file, overwrite=asked.force)
    if out.as_json:
        out.value({"file": str(file), "bytes": size})
        return 0
    out.line(f"{settings.state} is copied to {file} ({_spoken(size)}), which you alone can read.")
    return 0


def _spoken(size: int) -> str:
    return f"{size // 1024} KiB" if size < 10 * 1024 * 1024 else f"{size // (1024 * 1024)} MiB"
