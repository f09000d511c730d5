"""The operations on log groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import page
from understudy_aws.services.logs import chunks, errors
from understudy_aws.services.logs.lookups import PAGE, after_token, just_before, the_group
from understudy_aws.services.logs.records import LogGroup, log_groups, usage_of
from understudy_aws.services.logs.tag_rules import checked_tags
from understudy_aws.services.logs.targets import a_group, a_new_group, all_groups, group_arn, name_in

GROUPS_PER_REGION = 1_000_000
"""CloudWatch Logs quotas: log groups of an account in a Region."""

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The days that a group can be told to keep its events."""

_STANDARD = "STANDARD"


@operation("logs:CreateLogGroup", on=a_new_group)
def create_log_group(
    call: Call,
    *,
    log_group_name: str,
    kms_key_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    log_group_class: str | None = None,
    deletion_protection_enabled: bool | None = None,
) -> None:
    """Create a log group. Its events do not expire until it gets a retention policy."""
    if log_group_name.startswith("aws/"):
        raise errors.invalid_parameter("Log groups starting with AWS/ are reserved for AWS.")
    if kms_key_id:
        # There are no keys of KMS here.
        raise errors.no_such_key(group_arn(call, log_group_name))
    if (log_group_class or _STANDARD) != _STANDARD:
        raise errors.not_served(f"log groups of the class {log_group_class}")
    if log_groups.get(call.tx, call.account, call.region, log_group_name) is not None:
        raise errors.exists_already("log group")
    if log_groups.count(call.tx, call.account, call.region) >= GROUPS_PER_REGION:
        raise errors.too_many()
    log_groups.put(
        call.tx,
        LogGroup(
            account=call.account,
            region=call.region,
            name=log_group_name,
            id=call.ids.hexadecimal(),
            created=call.at,
            protected=bool(deletion_protection_enabled),
            tags=checked_tags({}, tags or {}, group_arn(call, log_group_name)),
        ),
    )


@operation("logs:DeleteLogGroup", on=a_group)
def delete_log_group(call: Call, *, log_group_name: str) -> None:
    """Delete a log group with its streams and events."""
    group = the_group(call, log_group_name)
    if group.protected:
        raise errors.validation(
            "The log group cannot be deleted because deletion protection is enabled for it."
        )
    log_groups.delete(call.tx, group)
    chunks.discard(call.tx, group.id)


@operation("logs:DescribeLogGroups", on=all_groups)
def describe_log_groups(
    call: Call,
    *,
    account_identifiers: list[str] | None = None,
    log_group_name_prefix: str | None = None,
    log_group_name_pattern: str | None = None,
    next_token: str | None = None,
    limit: int | None = None,
    include_linked_accounts: bool | None = None,
    log_group_class: str | None = None,
    log_group_identifiers: list[str] | None = None,
) -> Answer:
    """List the account's log groups in the Region, by name. There are no linked accounts here."""
    if log_group_name_prefix and log_group_name_pattern:
        raise errors.invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    del include_linked_accounts
    scope = f"DescribeLogGroups:{log_group_name_prefix}:{log_group_name_pattern}:{log_group_class}"
    after = after_token(next_token, scope)
    found: Iterator[LogGroup] = iter(())
    own = account_identifiers is None or not account_identifiers or call.account in account_identifiers
    if own and (log_group_class or _STANDARD) == _STANDARD:
        found = _named(call, log_group_name_prefix or "", after[0] if after else "")
    named = frozenset(map(name_in, log_group_identifiers or ()))
    pattern = log_group_name_pattern or ""
    taken, token = page(
        (each for each in found if pattern in each.name and (not named or each.name in named)),
        limit or PAGE,
        lambda group: (group.name,),
        scope,
    )
    # AWS leaves the bytes out where a pattern was asked for (recorded, logs.md 21.2).
    return {
        "logGroups": [_described(call, each, bytes_too=not pattern) for each in taken],
        "nextToken": token,
    }


def _named(call: Call, prefix: str, after: str) -> Iterator[LogGroup]:
    """Yield groups by name, those that begin with a prefix, from behind a name on."""
    place = (call.account, call.region)
    groups = log_groups.scan(call.tx, *place, after=(*place, max(after, just_before(prefix))))
    return takewhile(lambda group: group.name.startswith(prefix), groups)


def _described(call: Call, group: LogGroup, *, bytes_too: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": int(group.created.timestamp() * 1000),
        "retentionInDays": group.retention or None,
        "metricFilterCount": 0,
        "arn": f"{group.arn}:*",
        "logGroupClass": _STANDARD,
        "logGroupArn": group.arn,
    }
    if bytes_too:
        told["storedBytes"] = usage_of(call.tx, group.id).stored
        told["deletionProtectionEnabled"] = group.protected
    return told


@operation("logs:PutRetentionPolicy", on=a_group)
def put_retention_policy(call: Call, *, log_group_name: str, retention_in_days: int) -> None:
    """Let a group's events expire after so many days."""
    if retention_in_days not in RETENTIONS:
        raise errors.invalid_parameter(
            f"1 validation error detected: Value '{retention_in_days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(map(str, RETENTIONS))}]"
        )
    log_groups.put(call.tx, replace(the_group(call, log_group_name), retention=retention_in_days))


@operation("logs:DeleteRetentionPolicy", on=a_group)
def delete_retention_policy(call: Call, *, log_group_name: str) -> None:
    """Let a group's events expire no more."""
    log_groups.put(call.tx, replace(the_group(call, log_group_name), retention=0))


@operation("logs:PutLogGroupDeletionProtection", on=a_group)
def put_log_group_deletion_protection(
    call: Call, *, log_group_identifier: str, deletion_protection_enabled: bool
) -> None:
    """Protect a group from being deleted, or protect it no longer."""
    group = the_group(call, None, log_group_identifier)
    log_groups.put(call.tx, replace(group, protected=deletion_protection_enabled))
