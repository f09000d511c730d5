"""What a hostile client cannot make the wire do: hang, swell, or answer with our own failure."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from served import route

from understudy_aws.core.answers import Description
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.bodies import Form
from understudy_aws.wire.model import load
from understudy_aws.wire.protocol import Route
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.query_tree import SCALARS
from understudy_aws.wire.routing import RoutingError
from understudy_aws.wire.scalars import timestamp
from understudy_aws.wire.validation import validator


def test_a_text_far_too_long_is_called_that_and_not_matched():
    """The pattern of image identifiers takes time by the square of the length."""
    shape = load("apprunner").shape("ImageIdentifier")
    problems = []
    validator(shape)("a/" * 500_000, "imageIdentifier", "ImageIdentifier", problems)
    assert ["longest"] == [problem.kind for problem in problems]


def test_a_json_body_beyond_any_request_is_not_read():
    """Reference apprunner.md 1.1: RequestEntityTooLargeException, 413."""
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AppRunner.ListVpcConnectors"}
    with pytest.raises(RoutingError) as refused:
        route(HttpRequest("POST", "/", "", headers, b"[" + b"0," * 600_000 + b"0]"))
    assert ("RequestEntityTooLargeException", 413) == (refused.value.code, refused.value.status)


def test_a_timestamp_no_calendar_has_is_a_bad_value():
    with pytest.raises(ValueError, match="0001-01-01"):
        timestamp("0001-01-01T00:00:00+14:00")


@pytest.mark.parametrize(("kind", "text"), [("integer", "2147483648"), ("long", "9223372036854775808")])
def test_a_number_beyond_its_bits_is_a_bad_value(kind, text):
    with pytest.raises(ValueError, match=text):
        SCALARS[kind](text)


def test_a_view_is_rendered_anew_for_another_shape():
    view = Description({"GroupId": "sg-1", "GroupName": "web", "VpcId": "vpc-1"})
    ec2 = PROTOCOLS["ec2"]
    groups = load("ec2").operation("DescribeSecurityGroups")
    assert b"<vpcId>vpc-1</vpcId>" in ec2.render(groups, {"SecurityGroups": [view]}, "id").body
    interfaces = load("ec2").operation("DescribeNetworkInterfaces")
    with pytest.raises(KeyError, match="VpcId"):
        ec2.render(interfaces, {"NetworkInterfaces": [{"Groups": [view]}]}, "id")


def test_a_gap_in_a_list_is_a_missing_element():
    """Reference iam.md 2.8; and the gap's size costs nothing."""
    iam, operation = PROTOCOLS["query"], load("iam").operation("TagUser")
    fields = {
        "UserName": "u",
        "Tags.member.1.Key": "a",
        "Tags.member.1.Value": "b",
        "Tags.member.999999.Key": "c",
    }
    with pytest.raises(ApiError, match=r"Value null at 'tags\.2\.member' failed to satisfy constraint"):
        iam.parse(Route(load("iam"), operation, iam, "us-east-1", form=Form(urlencode(fields))))
