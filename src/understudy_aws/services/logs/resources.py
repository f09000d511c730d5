"""The kinds of resource that CloudWatch Logs has here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.arn import Arn
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.logs.records import LogGroup, log_groups, log_streams
from understudy_aws.services.logs.targets import group_tags
from understudy_aws.store.database import Transaction


def _find(tx: Transaction, arn: Arn) -> LogGroup | None:
    name = arn.resource.removeprefix("log-group:").removesuffix(":*")
    return log_groups.get(tx, arn.account, arn.region, name)


def _set_tags(tx: Transaction, group: LogGroup, tags: Mapping[str, str]) -> None:
    log_groups.put(tx, replace(group, tags=dict(tags)))


RESOURCES: tuple[TaggedKind[LogGroup], ...] = (
    TaggedKind(
        name="log-group",
        table=log_groups,
        find=_find,
        target=lambda group: Target(group.arn, group_tags(group)),
        references=NO_REFERENCES,
        deleted_by="DeleteLogGroup",
        tags=lambda group: group.tags,
        set_tags=_set_tags,
    ),
)

PARTS: tuple[RecordKind[Any], ...] = (
    RecordKind(
        name="log-stream",
        table=log_streams,
        references=NO_REFERENCES,
        deleted_by="DeleteLogStream",
        identifier=lambda stream: f"{stream.group}:{stream.name}",
    ),
)
