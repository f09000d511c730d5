"""`understudy reach FROM aws:SERVICE`: through a gateway, through an endpoint, or not at all and what would lead there."""

from __future__ import annotations

import shlex

import pytest

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.requests import Reach
from understudy_aws.cli.reach import _split
from understudy_aws.dataplane.edge import API_ADDRESSES


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def vpc(ec2):
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": True})
    return id


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def interface(ec2, subnet):
    return ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]


@pytest.fixture
def path(understudy, interface):
    def path(service: str) -> dict:
        (found,) = understudy.app.admin.answer(Reach(source=interface, target=f"aws:{service}"))["paths"]
        return found

    return path


def test_without_a_way_an_endpoint_is_suggested_and_leads_there(ec2, subnet, path):
    """The call of the advice is made, word by word; the default group admits its own members."""
    refused = path("apprunner")
    assert (refused["passes"], refused["to"]) == (False, API_ADDRESSES[4])
    words = shlex.split(refused["advice"].partition(": aws ")[2])
    assert words[:2] == ["ec2", "create-vpc-endpoint"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    made = ec2.create_vpc_endpoint(
        VpcId=options["--vpc-id"],
        VpcEndpointType=options["--vpc-endpoint-type"],
        ServiceName=options["--service-name"],
        SubnetIds=[options["--subnet-ids"]],
        SecurityGroupIds=[options["--security-group-ids"]],
    )["VpcEndpoint"]
    found = path("apprunner")
    assert found["passes"], found
    assert found["interface"] == made["NetworkInterfaceIds"][0]
    assert not path("ec2")["passes"], "an endpoint leads to its service alone"


def test_with_a_public_address_and_a_route_the_apis_are_on_the_internet(ec2, vpc, subnet, interface, path):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert "no public address" in path("sts")["hops"][-1]["why"], "a public subnet alone is no way"
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    found = path("sts")
    assert found["passes"], found
    assert any(address["PublicIp"] in hop["why"] for hop in found["hops"] if hop["at"] == "AWS's APIs")


def test_a_service_without_endpoints_is_said_to_need_the_internet(path):
    """IAM has none in the list of services with endpoints (vpc-endpoints.md 15.1)."""
    assert "only a way to the internet leads there" in path("iam")["advice"]


@pytest.mark.parametrize("text", ["aws:", "aws:app runner", "aws:../x", "aws:nonsense"])
def test_what_names_no_service_is_refused(understudy, interface, text):
    with pytest.raises(InvalidRequestError, match="names no service"):
        understudy.app.admin.answer(Reach(source=interface, target=text))


def test_the_command_line_takes_a_service_with_and_without_a_port():
    assert _split("aws:apprunner") == ("aws:apprunner", 0, 0)
    assert _split("aws:access-analyzer:80") == ("aws:access-analyzer", 80, 80)


def test_attributes_of_the_vpc_that_keep_names_from_an_endpoint_are_named_with_the_call(
    ec2, vpc, subnet, path
):
    """Private DNS needs both DNS attributes (vpc-endpoints.md 15.2): the names lead where they do without an endpoint."""
    ec2.create_vpc_endpoint(
        VpcId=vpc, VpcEndpointType="Interface", SubnetIds=[subnet],
        ServiceName=f"com.amazonaws.{ec2.meta.region_name}.sts",
    )  # fmt: skip
    assert path("sts")["passes"]
    assert path("sts")["advice"] == ""
    for attribute, option in (
        ("EnableDnsHostnames", "--enable-dns-hostnames"),
        ("EnableDnsSupport", "--enable-dns-support"),
    ):
        ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": False}})
        found = path("sts")
        assert (found["passes"], found["to"]) == (False, API_ADDRESSES[4])
        said, _, call = found["advice"].rpartition(": aws ")
        assert f"{attribute} " in said
        assert shlex.split(call) == ["ec2", "modify-vpc-attribute", "--vpc-id", vpc, option]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
    assert path("sts")["passes"]
