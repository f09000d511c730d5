"""Copies of a state file: made while a server goes on writing to it, and put back in one step."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from understudy_aws import __version__
from understudy_aws.core.errors import UserError
from understudy_aws.store.sqlite_ownership import LOCK, own
from understudy_aws.store.sqlite_schema import VERSION

_FILE = "understudy.db"
_TABLES = {"records", "log"}
# What belongs to a state file while it is open.
_BESIDE = ("understudy.db-wal", "understudy.db-shm")


def back_up(directory: Path, target: Path, *, overwrite: bool = False) -> int:
    """Copy the state of a directory into one file, its owner's alone; return the file's size.

    The copy is what was acknowledged at one moment, whatever a server writes meanwhile; the server does not wait for
    it. Raises UserError when there is no state, the target is there already or in a state directory, or the copy cannot
    be made. A copy that is not finished is never seen under the target's name.
    """
    source = directory / _FILE
    if not source.exists():
        raise UserError(f"There is no state in {directory} to back up.")
    if target.is_dir():
        raise UserError(f"{target} is a directory; name a file to write.")
    if (target.parent / _FILE).exists() and (target.parent / LOCK).exists():
        raise UserError(f"{target.parent} is a state directory; a copy belongs elsewhere.")
    if target.exists() and not overwrite:
        raise UserError(f"{target} is there already; --force writes over it.")
    copy = _empty_file_beside(target)
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            # One read transaction: writes of others go on and are not in it.
            connection.execute("VACUUM INTO ?", (str(copy),))
        _check(copy)
        _sync(copy)
        copy.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise UserError(f"The state in {directory} cannot be copied to {target}: {error}.") from error
    finally:
        copy.unlink(missing_ok=True)
    return target.stat().st_size


def restore(source: Path, directory: Path, *, overwrite: bool = False) -> None:
    """Put a copy in the place of a directory's state; killed at any moment, it leaves the one or the other whole.

    Raises UserError when the file is no copy of a state, a server uses the directory, or there is a state already and
    it is not to be overwritten.
    """
    if not source.is_file():
        raise UserError(f"There is no file {source}.")
    _check(source)
    there = directory / _FILE
    if there.exists() and not overwrite:
        raise UserError(f"There is a state in {directory} already; --yes puts the copy in its place.")
    lock = own(directory)
    try:
        copy = _empty_file_beside(there)
        try:
            with (
                closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection,
                closing(sqlite3.connect(copy)) as written,
            ):
                connection.backup(written)
                written.execute("PRAGMA journal_mode=DELETE")
            _sync(copy)
            _fold_log_into(there)
            copy.replace(there)
            _sync(directory)
        except sqlite3.Error as error:
            raise UserError(f"{source} cannot be put into {directory}: {error}.") from error
        finally:
            copy.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _fold_log_into(file: Path) -> None:
    """Let an old state be one file, so that its log is never read into the copy that takes its place.

    The log of a state that is damaged is of no use, and goes.
    """
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        pass
    for name in _BESIDE:
        file.with_name(name).unlink(missing_ok=True)


def _check(file: Path) -> None:
    """Raise UserError when a file is no whole copy of a state that this version reads."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise UserError(f"{file} is no copy of a state: {error}.") from error
    if not names >= _TABLES:
        raise UserError(f"{file} is a database, but no copy of a state.")
    if found != "ok":
        raise UserError(f"{file} is damaged: {found}.")
    if version > VERSION:
        raise UserError(
            f"{file} was written by a newer Understudy, in format {version}; this one, {__version__}, is older and "
            f"reads up to {VERSION}."
        )


def _empty_file_beside(file: Path) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise UserError(f"Nothing can be written to {file.parent}: {error.strerror}.") from error
    os.close(descriptor)
    return Path(name)


def _sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
