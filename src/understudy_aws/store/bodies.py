"""Rows that are not kept in memory: what is large, and read seldom."""

from __future__ import annotations

from understudy_aws.store.database import RecordKey, Transaction


class Bodies:
    """Bytes under keys. They are part of transactions as records are, and are read from the store each time.

    Nothing can be found in them but by key; a `Table` of small records says what there is.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Bodies({self.name!r})"

    def get(self, tx: Transaction, *key: str) -> bytes | None:
        """Return what is under a key, or None."""
        return tx.body(self.name, key)

    def put(self, tx: Transaction, key: RecordKey, body: bytes) -> None:
        """Write bytes under a key, in place of what was there."""
        tx.set_body(self.name, key, body)

    def delete(self, tx: Transaction, *key: str) -> None:
        """Remove what is under a key."""
        tx.set_body(self.name, key, None)
