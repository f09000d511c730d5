"""What is kept of log groups and their streams. Their events are in `chunks.py`."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.arn import PARTITION
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class LogGroup(Record, frozen=True, kw_only=True):
    """A log group. `id` tells it from an earlier one of its name; streams and events are kept under it.

    `retention` is in days, 0 for ever.
    """

    account: str
    region: str
    name: str
    id: str
    created: datetime
    retention: int = 0
    protected: bool = False
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:logs:{self.region}:{self.account}:log-group:{self.name}"


class LogStream(Record, frozen=True, kw_only=True):
    """A stream of a log group. Times are in milliseconds, -1 for none yet.

    `number` tells it from all others that its group ever had, `events` is how many it was ever given, and `tail` the
    number of the chunk that its newest events are in, 0 for none.
    """

    group: str
    name: str
    number: int
    created: int
    first: int = -1
    last: int = -1
    ingested: int = -1
    events: int = 0
    tail: int = 0


class GroupUsage(Record, frozen=True, kw_only=True):
    """What a group has used: numbers of streams, and space: `weight` on disk, `stored` bytes as AWS counts them."""

    group: str
    streams: int = 0
    weight: int = 0
    stored: int = 0


class Discarded(Record, frozen=True, kw_only=True):
    """What was deleted and still takes space: a group, or one stream of it by its number, 0 for all."""

    group: str
    stream: int = 0


log_groups = Table(
    "logs/group",
    LogGroup,
    key=lambda group: (group.account, group.region, group.name),
    indexes={"id": lambda group: (group.id,), "retained": lambda group: (True,) if group.retention else ()},
)
log_streams = Table("logs/stream", LogStream, key=lambda stream: (stream.group, stream.name))
group_usages = Table("logs/group-usage", GroupUsage, key=lambda usage: (usage.group,))
discarded = Table("logs/discarded", Discarded, key=lambda each: (each.group, f"{each.stream:08x}"))


def usage_of(tx: Transaction, group: str) -> GroupUsage:
    """Return what a group has used."""
    return group_usages.get(tx, group) or GroupUsage(group=group)
