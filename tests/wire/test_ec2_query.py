"""What EC2 reads and says (ec2.md 7.2)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from msgspec.structs import replace
from raw_requests import action
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import load
from understudy_aws.wire.protocols import PROTOCOLS

EC2 = PROTOCOLS["ec2"]


def read(*pairs, name="DescribeVpcs"):
    found = route(action("ec2", name, *pairs))
    return found.protocol.parse(found)


def refusal(*pairs, name="DescribeVpcs"):
    with pytest.raises(ApiError) as refused:
        read(*pairs, name=name)
    assert 400 == refused.value.status
    return refused.value.code, refused.value.message


def test_a_list_may_begin_anywhere_and_have_gaps():
    assert {"vpc_ids": ["a", "b", "c"]} == read(("VpcId.900", "c"), ("VpcId.0", "a"), ("VpcId.7", "b"))


@pytest.mark.parametrize("index", ["-1", "x", "", "9" * 30])
def test_an_index_that_is_none_is_refused(index):
    assert ("InvalidParameterValue", f"The index of the parameter VpcId.{index} is invalid.") == refusal(
        (f"VpcId.{index}", "a")
    )


@pytest.mark.parametrize(
    ("name", "unknown"),
    [("vpcId.1", "vpcId"), ("VpcIds.1", "VpcIds"), ("Nothing", "Nothing"), ("VpcId", "VpcId"),
     ("Filter.1.name", "name"), ("Filter.1.1.Name", "1")],
)  # fmt: skip
def test_a_member_it_does_not_know_is_named(name, unknown):
    """Case counts, and so does what a list's element is called on the wire."""
    assert ("UnknownParameter", f"The parameter {unknown} is not recognized") == refusal((name, "a"))


def test_a_missing_parameter_is_named():
    assert ("MissingParameter", "The request must contain the parameter VpcId") == refusal(
        ("CidrBlock", "10.0.0.0/24"), name="CreateSubnet"
    )


@pytest.mark.parametrize(
    ("name", "pairs", "message"),
    [
        ("DescribeVpcs", [("MaxResults", "4")], "Value (4) for parameter maxResults is invalid. Member must have value greater than or equal to 5"),
        ("DescribeVpcs", [("MaxResults", "x")], "Value (x) for parameter maxResults is invalid. An integer is expected."),
        ("DescribeVpcs", [("DryRun", "maybe")], "Value (maybe) for parameter dryRun is invalid. A boolean is expected."),
        ("CreateVpc", [("InstanceTenancy", "x")], "Value (x) for parameter instanceTenancy is invalid. Member must satisfy enum value set: [default, dedicated, host]"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_with_its_parameter(name, pairs, message):
    assert ("InvalidParameterValue", message) == refusal(*pairs, name=name)


def test_a_scalar_given_twice_counts_last_in_a_post_and_first_in_a_get():
    pairs = [("Action", "DescribeVpcs"), ("Version", "2016-11-15"), ("NextToken", "a"), ("NextToken", "b")]
    posted = action("ec2", "DescribeVpcs", *pairs[2:])
    got = replace(posted, method="GET", query=urlencode(pairs), body=b"")
    assert ["b", "a"] == [EC2.read(route(request))["NextToken"] for request in (posted, got)]


def test_a_refusal_has_no_namespace_and_its_own_names():
    response = EC2.render_error(ApiError("InvalidVpcID.NotFound", "no <vpc>\x00"), load("ec2"), "the-id")
    assert (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>'
        "<Message>no &lt;vpc&gt;\ufffd</Message></Error></Errors><RequestID>the-id</RequestID></Response>"
    ) == response.body.decode()


def test_an_answer_begins_with_its_request_id():
    response = EC2.render(load("ec2").operation("DeleteVpc"), None, "the-id")
    assert (
        '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteVpcResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>the-id</requestId><return>true</return></DeleteVpcResponse>"
    ) == response.body.decode()
