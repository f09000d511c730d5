"""The operations on an account's mode of VPC Block Public Access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.block_public_access.records import (
    MODES,
    OFF,
    PublicAccessOptions,
    public_access_options,
)


@operation("ec2:ModifyVpcBlockPublicAccessOptions", on=all_resources)
def modify_vpc_block_public_access_options(call: Call, *, internet_gateway_block_mode: str) -> Answer:
    """Set the mode of the account in the Region."""
    if internet_gateway_block_mode not in MODES:
        raise errors.invalid_value(internet_gateway_block_mode, "internetGatewayBlockMode")
    seconds = call.latency.public_access_seconds(f"{call.account}:{call.region}")
    public_access_options.put(
        call.tx,
        PublicAccessOptions(
            account=call.account,
            region=call.region,
            mode=internet_gateway_block_mode,
            updated=call.at,
            ready=call.at + timedelta(seconds=seconds),
        ),
    )
    return {"VpcBlockPublicAccessOptions": {**_described(call), "State": "update-in-progress"}}


@operation("ec2:DescribeVpcBlockPublicAccessOptions", on=all_resources)
def describe_vpc_block_public_access_options(call: Call) -> Answer:
    """Describe the mode of the account in the Region."""
    return {"VpcBlockPublicAccessOptions": _described(call)}


def _described(call: Call) -> dict[str, Any]:
    options = public_access_options.get(call.tx, call.account, call.region)
    shown: dict[str, Any] = {
        "AwsAccountId": call.account,
        "AwsRegion": call.region,
        "State": "default-state",
        "InternetGatewayBlockMode": OFF,
        "ManagedBy": "account",
        "ExclusionsAllowed": "allowed",
    }
    if options is not None:
        shown["State"] = "update-complete" if options.ready <= call.at else "update-in-progress"
        shown["InternetGatewayBlockMode"] = options.mode
        shown["LastUpdateTimestamp"] = options.updated
    return shown
