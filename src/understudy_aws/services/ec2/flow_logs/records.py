"""Flow logs: the record, DescribeFlowLogs, and what becomes of them with their resource (flow-logs.md 13.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags, unknown
from understudy_aws.services.ec2.flow_logs.errors import no_such_flow_logs
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

CLOUD_WATCH_LOGS, S3, FIREHOSE = "cloud-watch-logs", "s3", "kinesis-data-firehose"
# Where AWS says that a delivery does not work, a flow log to elsewhere says that there is none (flow-logs.md 13.2).
_SUCCESS, _FAILED = "SUCCESS", "FAILED"
_NOT_DELIVERED = "Unknown error: Understudy delivers flow logs to CloudWatch Logs alone"


class S3Options(Record, frozen=True, kw_only=True):
    """How the files of a flow log in a bucket are laid out."""

    file_format: str = "plain-text"
    hive_partitions: bool = False
    per_hour: bool = False


class FlowLog(Record, frozen=True, kw_only=True):
    """A flow log of one resource.

    `delivery_error` is why the last delivery to a log group failed; empty when it did not.
    `destination` is the ARN of where the records go, and `group` the name of a log group; a destination that is a log
    group has both. `role` is assumed to deliver, and `cross_role` to deliver into another account.
    """

    account: str
    region: str
    id: str
    resource: str
    created: datetime
    traffic: str
    destination_type: str
    log_format: str
    interval: int
    destination: str = ""
    group: str = ""
    role: str = ""
    cross_role: str = ""
    options: S3Options | None = None
    tags: dict[str, str] = {}
    delivery_error: str = ""

    @property
    def told_error(self) -> str:
        """Why nothing is delivered, as DescribeFlowLogs says it; empty when it is."""
        return self.delivery_error if self.destination_type == CLOUD_WATCH_LOGS else _NOT_DELIVERED

    @property
    def delivery_status(self) -> str:
        return _FAILED if self.told_error else _SUCCESS

    @property
    def configuration(self) -> tuple[Any, ...]:
        """Return what no two flow logs of a resource have in common."""
        return (
            self.traffic, self.destination_type, self.destination, self.group,
            self.log_format, self.interval, self.options,
        )  # fmt: skip


flow_logs = Table(
    "ec2/flow-log",
    FlowLog,
    key=lambda log: (log.account, log.region, log.id),
    indexes={"resource": lambda log: (log.resource,)},
)

# A flow log keeps nothing: it goes with its resource.
FLOW_LOG_REFERENCES: References = (
    Reference("logs the traffic of", lambda log: (log.resource,), index="resource"),
)

_FILTERS: FilterTable = MappingProxyType(
    {
        "deliver-log-status": lambda log: (log.delivery_status,),
        "flow-log-id": lambda log: (log.id,),
        "log-destination-type": lambda log: (log.destination_type,),
        "log-group-name": lambda log: (log.group,) if log.group else (),
        "resource-id": lambda log: (log.resource,),
        "traffic-type": lambda log: (log.traffic,),
    }
)


@operation("ec2:DescribeFlowLogs", on=all_resources)
def describe_flow_logs(
    call: Call,
    *,
    filter: Filters = None,
    flow_log_ids: list[str] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's flow logs in the Region."""
    check_ids(call, flow_log_ids or ())
    found, token = select(
        call, flow_logs, find_flow_log, _FILTERS,
        ids=flow_log_ids, filters=filter, max_results=max_results, next_token=next_token,
        ids_name="flowLogIds",
    )  # fmt: skip
    return {"FlowLogs": [_described(log) for log in found], "NextToken": token}


def check_ids(call: Call, ids: Sequence[str]) -> None:
    """Raise InvalidFlowLogId.NotFound, which names all ids of which there is no flow log."""
    missing = [id for id in ids if flow_logs.get(call.tx, call.account, call.region, id) is None]
    if missing:
        raise no_such_flow_logs(missing)


def find_flow_log(call: Call, id: str) -> FlowLog:
    """Return the flow log of this id. Raises InvalidFlowLogId.NotFound."""
    found = flow_logs.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such_flow_logs([id])
    return found


def remove_flow_logs(tx: Transaction, resource: str) -> None:
    """Delete the flow logs of a resource that is being deleted."""
    for log in flow_logs.where(tx, "resource", resource):
        flow_logs.delete(tx, log)


@memoized
def _described(log: FlowLog) -> Description:
    shown: dict[str, Any] = {
        "CreationTime": log.created,
        "DeliverLogsErrorMessage": log.told_error or None,
        "DeliverLogsPermissionArn": log.role or None,
        "DeliverCrossAccountRole": log.cross_role or None,
        "DeliverLogsStatus": log.delivery_status,
        "FlowLogId": log.id,
        "FlowLogStatus": "ACTIVE",
        "LogGroupName": log.group or None,
        "ResourceId": log.resource,
        "TrafficType": log.traffic,
        "LogDestinationType": log.destination_type,
        "LogDestination": log.destination or None,
        "LogFormat": log.log_format,
        "Tags": tag_set(log.tags),
        "MaxAggregationInterval": log.interval,
    }
    if log.options is not None:
        shown["DestinationOptions"] = {
            "FileFormat": log.options.file_format,
            "HiveCompatiblePartitions": log.options.hive_partitions,
            "PerHourPartition": log.options.per_hour,
        }
    return Description(shown)


@memoized
def flow_log_target(log: FlowLog) -> Target:
    """Return a flow log's ARN and the condition keys that policies see of it."""
    return Target(ec2(log.region, log.account, f"vpc-flow-log/{log.id}"), resource_tags(log.tags))


def target_of_flow_log(call: Call, id: str) -> Target:
    """Return the target of a flow log, which need not exist."""
    found = flow_logs.get(call.tx, call.account, call.region, id)
    return flow_log_target(found) if found is not None else unknown(call, "vpc-flow-log", id)
