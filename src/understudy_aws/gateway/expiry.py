"""Which records are deleted when they are old; `controllers/expiry.py` deletes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from understudy_aws.store.tables import Table


class Expiry(msgspec.Struct, frozen=True):
    """Which records of a table are deleted, and when.

    `index` is an ordered index of the table whose value is a time, or a tuple of `prefix` and a time. A record goes
    `kept_for` after that time; and of those whose time has come the oldest go before, when they are more than `most`.
    """

    name: str
    table: Table[Any]
    index: str
    kept_for: timedelta
    most: int | None = None
    prefix: tuple[str, ...] = ()
