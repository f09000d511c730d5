"""The protocols by their names in API descriptions."""

from __future__ import annotations

from understudy_aws.wire.aws_json import AwsJson
from understudy_aws.wire.aws_query import AwsQuery
from understudy_aws.wire.ec2_query import Ec2Query
from understudy_aws.wire.protocol import Protocol
from understudy_aws.wire.rest_json import RestJson

PROTOCOLS: dict[str, Protocol] = {
    "json": AwsJson(),
    "query": AwsQuery(),
    "ec2": Ec2Query(),
    "rest-json": RestJson(),
}
