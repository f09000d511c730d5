"""DescribeVpcEndpoints and DescribeVpcEndpointAssociations: ids, filters, pages; client tokens and tags of endpoints."""

from __future__ import annotations

import pytest


@pytest.fixture
def both(make, subnets):
    tags = [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "team", "Value": "a"}]}]
    return make("sts", SubnetIds=subnets[:1], TagSpecifications=tags), make("s3", "Gateway")


@pytest.mark.parametrize(
    ("name", "value", "places"),
    [
        ("service-name", "com.amazonaws.us-east-1.sts", [0]),
        ("service-name", "com.amazonaws.*", [0, 1]),
        ("service-region", "us-east-1", [0, 1]),
        ("service-region", "us-east-2", []),
        ("ip-address-type", "ipv4", [0, 1]),
        ("vpc-endpoint-state", "available", [0, 1]),
        ("vpc-endpoint-state", "pending", []),
        ("vpc-endpoint-type", "Gateway", [1]),
        ("tag:team", "a", [0]),
        ("tag-key", "team", [0]),
        ("vpc-id", "vpc-0123456789abcdef0", []),
    ],
)
def test_filters(ec2, both, name, value, places):
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": name, "Values": [value]}])["VpcEndpoints"]
    assert {both[place] for place in places} == {each["VpcEndpointId"] for each in found}


def test_those_of_a_vpc_and_of_an_id(ec2, both, vpc):
    for name, value, count in (("vpc-id", vpc, 2), ("vpc-endpoint-id", both[0], 1)):
        found = ec2.describe_vpc_endpoints(Filters=[{"Name": name, "Values": [value]}])["VpcEndpoints"]
        assert count == len(found)


def test_a_filter_that_there_is_not(ec2, refused):
    for describe in (ec2.describe_vpc_endpoints, ec2.describe_vpc_endpoint_associations):
        with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
            describe(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_pages(ec2, make):
    made = {make("s3", "Gateway") for _ in range(7)}
    pages = [
        [each["VpcEndpointId"] for each in page["VpcEndpoints"]]
        for page in ec2.get_paginator("describe_vpc_endpoints").paginate(PaginationConfig={"PageSize": 5})
    ]
    assert [5, 2] == [len(page) for page in pages]
    assert made == {id for page in pages for id in page}


def test_ids(ec2, both, refused):
    with refused(
        "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id 'vpce-0123456789abcdef0' does not exist"
    ):
        ec2.describe_vpc_endpoints(VpcEndpointIds=[both[0], "vpce-0123456789abcdef0"])
    with refused("InvalidVpcEndpointId.Malformed"):
        ec2.describe_vpc_endpoints(VpcEndpointIds=["eni-0123456789abcdef0"])
    with refused("InvalidParameterCombination"):
        ec2.describe_vpc_endpoints(VpcEndpointIds=[both[0]], MaxResults=5)


def test_a_deletion_tells_what_it_could_not_delete(ec2, both, refused):
    gone = "vpce-0123456789abcdef0"
    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=[both[0], gone, both[1]])
    error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The Vpc Endpoint Id '{gone}' does not exist"}
    assert [{"ResourceId": gone, "Error": error}] == answer["Unsuccessful"]
    assert [] == ec2.describe_vpc_endpoints()["VpcEndpoints"]
    with refused("InvalidVpcEndpointId.Malformed"):
        ec2.delete_vpc_endpoints(VpcEndpointIds=["eni-1"])


def test_a_token_makes_one_endpoint(ec2, vpc, refused):
    params = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "ClientToken": "once"}
    first, second = ec2.create_vpc_endpoint(**params), ec2.create_vpc_endpoint(**params)
    assert "once" == first["ClientToken"]
    assert first["VpcEndpoint"]["VpcEndpointId"] == second["VpcEndpoint"]["VpcEndpointId"]
    with refused("IdempotentParameterMismatch"):
        ec2.create_vpc_endpoint(**{**params, "ServiceName": "com.amazonaws.us-east-1.dynamodb"})


def test_tags_are_changed(ec2, both, shown):
    ec2.create_tags(Resources=[both[0]], Tags=[{"Key": "team", "Value": "b"}])
    assert [{"Key": "team", "Value": "b"}] == shown(both[0])["Tags"]
    (found,) = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["vpc-endpoint"]}])["Tags"]
    assert both[0] == found["ResourceId"]


def test_a_dry_run_makes_nothing(ec2, vpc, both, refused):
    with refused("DryRunOperation"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", DryRun=True)
    with refused("DryRunOperation"):
        ec2.delete_vpc_endpoints(VpcEndpointIds=list(both), DryRun=True)
    assert 2 == len(ec2.describe_vpc_endpoints()["VpcEndpoints"])


def test_associations_are_of_other_types_of_endpoints(ec2, both, refused):
    assert [] == ec2.describe_vpc_endpoint_associations(VpcEndpointIds=list(both))["VpcEndpointAssociations"]
    with refused("InvalidVpcEndpointId.NotFound"):
        ec2.describe_vpc_endpoint_associations(VpcEndpointIds=["vpce-0123456789abcdef0"])
