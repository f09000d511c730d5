"""The protocols by their names in API descriptions."""

from __future__ import annotations

from understudy.wire.aws_json import AwsJson
from understudy.wire.aws_query import AwsQuery
from understudy.wire.ec2_query import Ec2Query
from understudy.wire.protocol import Protocol
from understudy.wire.rest_json import RestJson

PROTOCOLS: dict[str, Protocol] = {
    "json": AwsJson(),
    "query": AwsQuery(),
    "ec2": Ec2Query(),
    "rest-json": RestJson(),
}
