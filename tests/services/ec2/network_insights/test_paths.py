"""Reachability paths (network-insights.md 14.1)."""

from __future__ import annotations

import re

import pytest

OTHER = "222222222222"
EITHER = (
    "The request must include either the Destination parameter or the FilterAtSource.DestinationAddress parameter. "
    "Add the required parameter and retry the request."
)
TAGS = [{"ResourceType": "network-insights-path", "Tags": [{"Key": "team", "Value": "blue"}]}]


@pytest.fixture
def gateway(ec2):
    return ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]


def make(ec2, source, destination=None, protocol="tcp", **params):
    to = {"Destination": destination} if destination else {}
    return ec2.create_network_insights_path(Source=source, Protocol=protocol, **to, **params)[
        "NetworkInsightsPath"
    ]


def test_from_a_gateway_to_an_interface(understudy, ec2, gateway, interface):
    made = make(
        ec2, gateway, interface, SourceIp="192.0.2.1", DestinationIp="10.0.1.9", DestinationPort=443,
        TagSpecifications=TAGS,
    )  # fmt: skip
    id = made["NetworkInsightsPathId"]
    assert re.fullmatch(r"nip-0[0-9a-f]{16}", id)
    prefix = f"arn:aws:ec2:us-east-1:{understudy.account}:"
    (found,) = ec2.describe_network_insights_paths(NetworkInsightsPathIds=[id])["NetworkInsightsPaths"]
    assert made == found
    assert found.pop("CreatedDate")
    assert {
        "NetworkInsightsPathId": id,
        "NetworkInsightsPathArn": f"{prefix}network-insights-path/{id}",
        "Source": gateway,
        "SourceArn": f"{prefix}internet-gateway/{gateway}",
        "Destination": interface,
        "DestinationArn": f"{prefix}network-interface/{interface}",
        "SourceIp": "192.0.2.1",
        "DestinationIp": "10.0.1.9",
        "DestinationPort": 443,
        "Protocol": "tcp",
        "Tags": TAGS[0]["Tags"],
    } == found


def test_to_an_address_by_packet_filters(ec2, interface):
    at_source = {
        "DestinationAddress": "192.0.2.9",
        "DestinationPortRange": {"FromPort": 80, "ToPort": 443},
        "SourceAddress": "10.0.1.7",
        "SourcePortRange": {"FromPort": 1024, "ToPort": 65535},
    }
    made = make(ec2, interface, FilterAtSource=at_source)
    assert at_source == made["FilterAtSource"]
    assert "Destination" not in made


def test_ends_by_arn_also_of_another_account(understudy, ec2, gateway, interface, refused):
    other = understudy.client("ec2", as_=understudy.account_administrator(OTHER))
    theirs = other.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    arn = f"arn:aws:ec2:us-east-1:{OTHER}:internet-gateway/{theirs}"
    own = f"arn:aws:ec2:us-east-1:{understudy.account}:network-interface/{interface}"
    made = make(ec2, own, arn)
    assert (interface, own, theirs, arn) == (
        made["Source"],
        made["SourceArn"],
        made["Destination"],
        made["DestinationArn"],
    )
    for missing, code in (
        (theirs, "InvalidInternetGatewayID.NotFound"),
        (arn.replace(theirs, gateway), "InvalidID"),
    ):
        with refused(code):
            make(ec2, own, missing)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound"),
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("tgw-0123456789abcdef0", "InvalidTransitGatewayID.NotFound"),
        ("sg-0123456789abcdef0", "InvalidID"),
        ("nonsense", "InvalidID"),
    ],
)
def test_what_is_no_end(ec2, interface, refused, end, code):
    with refused(code):
        make(ec2, end, interface)
    with refused(code):
        make(ec2, interface, end)


def test_what_does_not_go_together(ec2, interface, gateway, refused):
    """hashicorp/terraform-provider-aws#38132: a destination's address alone is not enough."""
    with refused("MissingParameter", EITHER):
        make(ec2, interface, DestinationIp="10.0.0.1", DestinationPort=443)
    to = {"DestinationAddress": "192.0.2.9"}
    for given in ({"SourceIp": "10.0.1.1"}, {"DestinationPort": 443}):
        with refused("InvalidParameterCombination"):
            make(ec2, interface, FilterAtSource=to, **given)
    with refused("InvalidParameterCombination"):
        make(ec2, interface, gateway, FilterAtDestination=to, DestinationIp="192.0.2.9")
    with refused("InvalidParameterValue"):
        make(ec2, interface, FilterAtSource={**to, "SourcePortRange": {"FromPort": 9, "ToPort": 8}})
    assert [] == ec2.describe_network_insights_paths()["NetworkInsightsPaths"]


def test_a_path_stays_when_its_end_goes_and_is_deleted_itself(ec2, gateway, interface, refused):
    id = make(ec2, interface, gateway)["NetworkInsightsPathId"]
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    (found,) = ec2.describe_network_insights_paths()["NetworkInsightsPaths"]
    assert gateway == found["Destination"]
    assert id == ec2.delete_network_insights_path(NetworkInsightsPathId=id)["NetworkInsightsPathId"]
    with refused(
        "InvalidNetworkInsightsPathId.NotFound", f"The networkInsightsPath ID '{id}' does not exist"
    ):
        ec2.delete_network_insights_path(NetworkInsightsPathId=id)


def test_filters_and_pages(ec2, gateway, interface):
    first = make(ec2, gateway, interface, protocol="udp", TagSpecifications=TAGS)["NetworkInsightsPathId"]
    second = make(
        ec2, interface,
        FilterAtSource={
            "DestinationAddress": "192.0.2.9", "DestinationPortRange": {"FromPort": 80, "ToPort": 443},
            "SourceAddress": "10.0.1.7", "SourcePortRange": {"FromPort": 1024, "ToPort": 65535},
        },
    )["NetworkInsightsPathId"]  # fmt: skip
    third = make(
        ec2, interface, gateway,
        FilterAtDestination={
            "DestinationAddress": "192.0.2.8", "DestinationPortRange": {"FromPort": 1, "ToPort": 2},
            "SourceAddress": "10.0.1.8", "SourcePortRange": {"FromPort": 3, "ToPort": 4},
        },
    )["NetworkInsightsPathId"]  # fmt: skip
    for name, value, expected in (
        ("destination", interface, {first}),
        ("source", interface, {second, third}),
        ("protocol", "udp", {first}),
        ("filter-at-source.source-address", "10.0.1.7", {second}),
        ("filter-at-source.source-port-range", "1024-65535", {second}),
        ("filter-at-source.destination-address", "192.0.2.9", {second}),
        ("filter-at-source.destination-port-range", "80-443", {second}),
        ("filter-at-destination.source-address", "10.0.1.8", {third}),
        ("filter-at-destination.source-port-range", "3-4", {third}),
        ("filter-at-destination.destination-address", "192.0.2.8", {third}),
        ("filter-at-destination.destination-port-range", "1-2", {third}),
        ("tag:team", "blue", {first}),
    ):
        answer = ec2.describe_network_insights_paths(Filters=[{"Name": name, "Values": [value]}])
        assert expected == {each["NetworkInsightsPathId"] for each in answer["NetworkInsightsPaths"]}, name
    pages = ec2.get_paginator("describe_network_insights_paths").paginate(PaginationConfig={"PageSize": 1})
    found = [each["NetworkInsightsPathId"] for page in pages for each in page["NetworkInsightsPaths"]]
    assert sorted([first, second, third]) == found


def test_what_is_asked(understudy, ec2, gateway, interface):
    id = make(ec2, gateway, interface, TagSpecifications=TAGS)["NetworkInsightsPathId"]
    prefix = f"arn:aws:ec2:us-east-1:{understudy.account}:"
    made = [(each.action, each.resource.removeprefix(prefix)) for each in understudy.trail()[-1].evaluations]
    assert [
        ("ec2:CreateNetworkInsightsPath", "network-insights-path/*"),
        ("ec2:CreateTags", "network-insights-path/*"),
        ("ec2:CreateNetworkInsightsPath", f"internet-gateway/{gateway}"),
        ("ec2:CreateNetworkInsightsPath", f"network-interface/{interface}"),
    ] == made
    ec2.delete_network_insights_path(NetworkInsightsPathId=id)
    (only,) = understudy.trail()[-1].evaluations
    assert f"{prefix}network-insights-path/{id}" == only.resource
