"""CreateFlowLogs and DeleteFlowLogs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.flow_logs.destinations import (
    check_destination,
    check_roles,
    format_in,
    interval_in,
    options_in,
)
from understudy_aws.services.ec2.flow_logs.errors import exists_already
from understudy_aws.services.ec2.flow_logs.records import (
    CLOUD_WATCH_LOGS,
    FlowLog,
    check_ids,
    flow_logs,
    target_of_flow_log,
)
from understudy_aws.services.ec2.network_interfaces import find_interface, target_of_interface
from understudy_aws.services.ec2.subnets import find_subnet, target_of_subnet
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc

# VPC user guide, "Amazon VPC quotas": of a network interface, a subnet or a VPC.
FLOW_LOGS_PER_RESOURCE = 2
# EC2 API reference, CreateFlowLogs: 25 where they are transit gateways, of which none is here.
RESOURCES_PER_REQUEST = 300


def _missing(code: str, text: str) -> Callable[[Call, str], Any]:
    def find(_call: Call, id: str) -> Any:
        raise ApiError(code, text.format(id))

    return find


# By ResourceType: raises when there is no such resource. Of transit gateways there is none here.
_FINDERS: Mapping[str, Callable[[Call, str], Any]] = MappingProxyType(
    {
        "NetworkInterface": find_interface,
        "Subnet": find_subnet,
        "TransitGateway": _missing(
            "InvalidTransitGatewayID.NotFound", "Transit Gateway {} was deleted or does not exist."
        ),
        "TransitGatewayAttachment": _missing(
            "InvalidTransitGatewayAttachmentID.NotFound",
            "Transit Gateway Attachment {} was deleted or does not exist.",
        ),
        "VPC": find_vpc,
    }
)
_TARGETS: Mapping[str, Callable[[Call, str], Target]] = MappingProxyType(
    {"NetworkInterface": target_of_interface, "Subnet": target_of_subnet, "VPC": target_of_vpc}
)


def new_flow_logs(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making flow logs: them, their tags, and each resource."""
    targets = a_new(call, params, "vpc-flow-log")
    target = _TARGETS.get(params["resource_type"])
    if target is not None:
        targets.extend(target(call, id) for id in dict.fromkeys(params["resource_ids"]))
    return targets


def the_flow_logs(call: Call, params: Params) -> Sequence[Target]:
    """Return each flow log that the request names."""
    return [target_of_flow_log(call, id) for id in params["flow_log_ids"]]


@operation("ec2:CreateFlowLogs", on=new_flow_logs)
def create_flow_logs(
    call: Call,
    *,
    resource_ids: list[str],
    resource_type: str,
    client_token: str | None = None,
    deliver_logs_permission_arn: str | None = None,
    deliver_cross_account_role: str | None = None,
    log_group_name: str | None = None,
    traffic_type: str | None = None,
    log_destination_type: str | None = None,
    log_destination: str | None = None,
    log_format: str | None = None,
    tag_specifications: TagSpecifications = None,
    max_aggregation_interval: int | None = None,
    destination_options: dict[str, Any] | None = None,
    tag_field_specifications: list[dict[str, Any]] | None = None,
) -> Answer:
    """Make a flow log of each resource. A resource that cannot have it is told in the answer, and others get theirs."""
    finder = _FINDERS.get(resource_type)
    refuse(
        tag_field_specifications=tag_field_specifications,
        resource_type=resource_type if finder is None else None,
    )
    assert finder is not None, "any other kind of resource was refused"
    tags = tags_for("vpc-flow-log", tag_specifications)
    if not resource_ids:
        raise errors.missing("resourceIdSet")
    if len(resource_ids) > RESOURCES_PER_REQUEST:
        raise errors.invalid(f"No more than {RESOURCES_PER_REQUEST} resources can be named in one request.")
    kind = log_destination_type or CLOUD_WATCH_LOGS
    group = check_destination(kind, log_destination, log_group_name)
    check_roles(kind, deliver_logs_permission_arn, deliver_cross_account_role)
    if not traffic_type:
        raise errors.missing("TrafficType")
    made: list[str] = []
    unsuccessful: list[dict[str, Any]] = []
    interval, text = interval_in(max_aggregation_interval), format_in(log_format)
    options = options_in(kind, destination_options)
    for resource in dict.fromkeys(resource_ids):
        log = FlowLog(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("fl"),
            resource=resource,
            created=call.at,
            traffic=traffic_type,
            destination_type=kind,
            log_format=text,
            interval=interval,
            destination=log_destination or "",
            group=group,
            role=deliver_logs_permission_arn or "",
            cross_role=deliver_cross_account_role or "",
            options=options,
            tags=tags,
        )
        try:
            finder(call, resource)
            _check_room(call, log)
        except ApiError as error:
            if error.code == exists_already().code:
                raise
            unsuccessful.append(_failure(resource, error))
        else:
            made.append(flow_logs.put(call.tx, log).id)
    return {"ClientToken": client_token, "FlowLogIds": made, "Unsuccessful": unsuccessful}


@operation("ec2:DeleteFlowLogs", on=the_flow_logs)
def delete_flow_logs(call: Call, *, flow_log_ids: list[str]) -> Answer:
    """Delete flow logs, all or none. Raises InvalidFlowLogId.NotFound."""
    if not flow_log_ids:
        raise errors.missing("flowLogIdSet")
    check_ids(call, flow_log_ids)
    for id in dict.fromkeys(flow_log_ids):
        log = flow_logs.get(call.tx, call.account, call.region, id)
        assert log is not None, "it was just looked for"
        flow_logs.delete(call.tx, log)
    return {"Unsuccessful": []}


def _check_room(call: Call, log: FlowLog) -> None:
    """Raise FlowLogAlreadyExists for a flow log like another of its resource, FlowLogsLimitExceeded if it has two."""
    held = flow_logs.where(call.tx, "resource", log.resource)
    if any(each.configuration == log.configuration for each in held):
        raise exists_already()
    if len(held) >= FLOW_LOGS_PER_RESOURCE:
        raise errors.limit("FlowLogsLimitExceeded", f"flow logs of {log.resource}")


def _failure(resource: str, error: ApiError) -> dict[str, Any]:
    return {"ResourceId": resource, "Error": {"Code": error.code, "Message": error.message}}
