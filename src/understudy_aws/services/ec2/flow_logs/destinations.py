"""Where a flow log's records go, how they are written, and which parameters belong together (flow-logs.md 13.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from understudy_aws.services.ec2.flow_logs.errors import invalid_format, invalid_parameter
from understudy_aws.services.ec2.flow_logs.records import CLOUD_WATCH_LOGS, FIREHOSE, S3, S3Options

DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
# VPC user guide, "Flow log records", "Available fields".
_AVAILABLE = """
    version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
    vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr
    region az-id sublocation-type sublocation-id
    pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path
    ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id
    ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id
    reject-reason resource-id encryption-status
"""
FIELDS = frozenset(_AVAILABLE.split())
INTERVALS = (60, 600)
_FIELD = re.compile(r"\$\{([a-z0-9-]+)\}")
_ARNS = {
    CLOUD_WATCH_LOGS: re.compile(r"arn:aws:logs:[a-z0-9-]+:\d{12}:log-group:([^:*]{1,512})(?::\*)?"),
    S3: re.compile(r"arn:aws:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/.*)?"),
    FIREHOSE: re.compile(r"arn:aws:firehose:[a-z0-9-]+:\d{12}:deliverystream/([a-zA-Z0-9_.-]{1,64})"),
}


def check_destination(kind: str, destination: str | None, group: str | None) -> str:
    """Check that a destination is named once and is of its type. Returns the name of its log group, or an empty text.

    Raises InvalidParameter.
    """
    if destination and group:
        raise invalid_parameter("Please only provide LogGroupName or only provide LogDestination.")
    if group:
        if kind != CLOUD_WATCH_LOGS:
            raise invalid_parameter(
                "LogDestination type must be cloud-watch-logs if LogGroupName is provided."
            )
        return group
    if not destination:
        raise invalid_parameter("LogDestination can't be empty if LogGroupName is not provided.")
    found = _ARNS[kind].fullmatch(destination)
    if found is None:
        raise invalid_parameter(f"LogDestination {destination} is not valid for the destination type {kind}.")
    if kind == S3 and "AWSLogs" in destination.split("/")[1:]:
        raise invalid_parameter(
            f"LogDestination {destination} is not valid: AWSLogs cannot be the name of a folder."
        )
    return found[1] if kind == CLOUD_WATCH_LOGS else ""


def check_roles(kind: str, role: str | None, cross_role: str | None) -> None:
    """Check that the roles are those that the type of the destination takes. Raises InvalidParameter."""
    if kind == S3:
        for name, given in (("DeliverLogsPermissionArn", role), ("DeliverCrossAccountRole", cross_role)):
            if given:
                raise invalid_parameter(f"{name} is not applicable for s3 delivery")
    elif kind == CLOUD_WATCH_LOGS and not role:
        raise invalid_parameter(
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        )
    elif (cross_role and not role) or (kind == FIREHOSE and role and not cross_role):
        raise invalid_parameter(
            "When providing a role for cross-account delivery, both the DeliverLogsPermissionArn and "
            "DeliverCrossAccountRole fields must be set."
        )


def interval_in(seconds: int | None) -> int:
    """Return the aggregation interval: one minute or ten. Raises InvalidParameter."""
    if seconds is None:
        return INTERVALS[-1]
    if seconds not in INTERVALS:
        raise invalid_parameter("Invalid Flow Log Max Aggregation Interval")
    return seconds


def format_in(text: str | None) -> str:
    """Return the format of the records: fields with one space between. Raises InvalidParameter."""
    if not text:
        return DEFAULT_FORMAT
    for part in text.split(" "):
        field = _FIELD.fullmatch(part)
        if field is None or field[1] not in FIELDS:
            raise invalid_format(text)
    return text


def options_in(kind: str, options: Mapping[str, Any] | None) -> S3Options | None:
    """Return how files in a bucket are laid out. Raises InvalidParameter for another destination."""
    if not options:
        return None
    if kind != S3:
        raise invalid_parameter(f"DestinationOptions is not applicable for {kind} delivery")
    return S3Options(
        file_format=options.get("FileFormat") or "plain-text",
        hive_partitions=bool(options.get("HiveCompatiblePartitions")),
        per_hour=bool(options.get("PerHourPartition")),
    )
