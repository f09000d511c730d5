"""AWS's services that endpoints are made to (vpc-endpoints.md 15.1)."""

from __future__ import annotations

import pytest

from understudy_aws.data.aws_prefix_lists import prefix_lists_in
from understudy_aws.data.regions import APP_RUNNER_REGIONS, REGIONS
from understudy_aws.data.vpc_endpoint_services import hosted_zone, services_in


def describe(ec2, *names, **params):
    return ec2.describe_vpc_endpoint_services(
        ServiceNames=[f"com.amazonaws.us-east-1.{name}" for name in names], **params
    )


def test_a_service_is_described_as_in_awss_example(ec2):
    """PrivateLink guide, "View information about a service"."""
    (found,) = describe(ec2, "monitoring")["ServiceDetails"]
    assert found.pop("ServiceId").startswith("vpce-svc-0")
    assert {
        "ServiceName": "com.amazonaws.us-east-1.monitoring",
        "ServiceType": [{"ServiceType": "Interface"}],
        "ServiceRegion": "us-east-1",
        "AvailabilityZones": [f"us-east-1{letter}" for letter in "abcdef"],
        "AvailabilityZoneIds": [f"use1-az{number}" for number in range(1, 7)],
        "Owner": "amazon",
        "BaseEndpointDnsNames": ["monitoring.us-east-1.vpce.amazonaws.com"],
        "PrivateDnsName": "monitoring.us-east-1.amazonaws.com",
        "PrivateDnsNames": [
            {"PrivateDnsName": f"monitoring{fips}.us-east-1.{domain}"}
            for fips in ("", "-fips")
            for domain in ("amazonaws.com", "api.aws")
        ],
        "PrivateDnsNameVerificationState": "verified",
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "Tags": [],
        "SupportedIpAddressTypes": ["ipv6", "ipv4"],
    } == found


def test_a_service_of_both_types_is_there_twice(ec2):
    """terraform-aws-modules/terraform-aws-vpc#579."""
    answer = describe(ec2, "s3")
    assert ["com.amazonaws.us-east-1.s3"] * 2 == answer["ServiceNames"]
    assert ["Gateway", "Interface"] == [
        each["ServiceType"][0]["ServiceType"] for each in answer["ServiceDetails"]
    ]
    one = describe(ec2, "s3", Filters=[{"Name": "service-type", "Values": ["Gateway"]}])
    assert ["s3.us-east-1.amazonaws.com"] == one["ServiceDetails"][0]["BaseEndpointDnsNames"]


@pytest.mark.parametrize(
    ("name", "value", "some", "none"),
    [
        ("owner", "amazon", "sts", None),
        ("service-name", "*.ecr.*", "ecr.dkr", "sts"),
        ("service-region", "us-east-1", "sts", None),
        ("service-type", "Gateway", "dynamodb", "sts"),
        ("supported-ip-address-types", "ipv6", "sts", "apprunner"),
    ],
)
def test_filters(ec2, name, value, some, none):
    names = ec2.describe_vpc_endpoint_services(Filters=[{"Name": name, "Values": [value]}])["ServiceNames"]
    assert f"com.amazonaws.us-east-1.{some}" in names
    assert f"com.amazonaws.us-east-1.{none}" not in names


def test_filters_that_match_nothing_or_do_not_exist(ec2, refused):
    for filter in ({"Name": "owner", "Values": ["self"]}, {"Name": "tag:a", "Values": ["b"]}):
        assert [] == ec2.describe_vpc_endpoint_services(Filters=[filter])["ServiceDetails"]
    with refused("InvalidParameterValue", "The filter 'ServiceType' is invalid"):
        ec2.describe_vpc_endpoint_services(Filters=[{"Name": "ServiceType", "Values": ["Gateway"]}])


def test_a_name_that_is_no_service(ec2, refused):
    text = "The Vpc Endpoint Service 'com.amazonaws.us-east-1.nothing' does not exist"
    with refused("InvalidServiceName", text):
        describe(ec2, "sts", "nothing")


def test_pages(ec2):
    names = ec2.describe_vpc_endpoint_services()["ServiceNames"]
    paginator = ec2.get_paginator("describe_vpc_endpoint_services")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 100}))
    assert names == [name for page in pages for name in page["ServiceNames"]]
    assert 4 == len(pages)


def test_app_runners_services_are_where_it_is(understudy):
    """apprunner.md 1.2: eleven Regions."""
    for region in ("us-east-1", "us-west-1"):
        names = understudy.client("ec2", region=region).describe_vpc_endpoint_services()["ServiceNames"]
        here = {f"com.amazonaws.{region}.apprunner", f"com.amazonaws.{region}.apprunner.requests"}
        assert (here if region in APP_RUNNER_REGIONS else set()) == here & set(names)


def test_the_app_runner_endpoint_of_requests_takes_no_policies(ec2):
    found = describe(ec2, "apprunner", "apprunner.requests")["ServiceDetails"]
    assert [True, False] == [each["VpcEndpointPolicySupported"] for each in found]


@pytest.mark.parametrize("region", REGIONS)
def test_the_table_is_whole(region):
    services = services_in(region)
    assert len(services) > 350
    assert len(services) == len({(service.name, service.type) for service in services})
    assert len(services) == len({service.id for service in services})
    assert hosted_zone(region).startswith("Z")
    gateways = {service.name for service in services if service.type == "Gateway"}
    assert {f"com.amazonaws.{region}.{name}" for name in ("s3", "dynamodb")} == gateways
    lists = prefix_lists_in(region)
    assert gateways == set(lists)
    assert len(gateways) == len({each.id for each in lists.values()})
    for service in services:
        assert service.zones
        assert region in service.name
        assert all(region in name for name in (service.base_name, *service.private_names))
