"""The tables of a state file, and how a file of an older version becomes one of this version."""

from __future__ import annotations

import sqlite3

from understudy_aws import __version__
from understudy_aws.core.errors import UserError

# One script for each version: it makes a file of the version before into one of this version. The first one also
# takes over files made before versions were counted.
#
# Bodies of records are in the order they were written and keys in an index beside them: new rows go to the end, so
# that a commit touches a third less of the file than with the bodies in key order. `total` is the number of bytes of
# all log entries up to this one, so that the size of the log is known from its first and its last row.
_MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS records (
      "table" TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY ("table", key)
    );
    CREATE TABLE IF NOT EXISTS log (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS log_by_id ON log (id);
    """,
    """
    CREATE TABLE epoch (number INTEGER NOT NULL);
    INSERT INTO epoch VALUES (0);
    ALTER TABLE log RENAME TO old_log;
    DROP INDEX log_by_id;
    CREATE TABLE log (
      sequence INTEGER PRIMARY KEY, total INTEGER NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
      body BLOB NOT NULL
    );
    INSERT INTO log SELECT sequence, sum(length(body)) OVER (ORDER BY sequence), id, account, body FROM (
      SELECT * FROM old_log ORDER BY sequence DESC LIMIT 100000
    );
    DROP TABLE old_log;
    CREATE INDEX log_by_id ON log (id);
    """,
)
VERSION = len(_MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file to this version, all or nothing. Raises UserError for a file of a later version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise UserError(
            f"The state was written by a newer Understudy, in format {version}; this one, {__version__}, is older "
            f"and reads up to {VERSION}. Use the newer one, or another --state."
        )
    if version == VERSION:
        return
    script = "".join(_MIGRATIONS[version:])
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
