"""NAT gateways (VPC user guide, "NAT gateways"; texts: ec2.md 7.9)."""

from __future__ import annotations

import pytest

from understudy_aws.testing import Understudy


@pytest.fixture
def gateway(ec2, vpc):
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


@pytest.fixture
def address(ec2):
    return ec2.allocate_address(Domain="vpc")["AllocationId"]


def shown(ec2, nat):
    (found,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    return found


def make(ec2, **params):
    return ec2.create_nat_gateway(**params)["NatGateway"]["NatGatewayId"]


def test_a_public_gateway_has_an_interface_and_its_address(ec2, vpc, subnet, gateway, address):
    tags = [{"Key": "Name", "Value": "out"}]
    made = ec2.create_nat_gateway(
        SubnetId=subnet,
        AllocationId=address,
        TagSpecifications=[{"ResourceType": "natgateway", "Tags": tags}],
    )["NatGateway"]
    assert ("pending", "public", tags) == (made["State"], made["ConnectivityType"], made["Tags"])
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[made["NatGatewayId"]])
    found = shown(ec2, made["NatGatewayId"])
    (only,) = found["NatGatewayAddresses"]
    (held,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert (address, held["AssociationId"], held["PublicIp"], True) == (
        only["AllocationId"],
        only["AssociationId"],
        only["PublicIp"],
        only["IsPrimary"],
    )
    (interface,) = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])[
        "NetworkInterfaces"
    ]
    assert (only["NetworkInterfaceId"], "nat_gateway", True, "in-use", False) == (
        interface["NetworkInterfaceId"],
        interface["InterfaceType"],
        interface["RequesterManaged"],
        interface["Status"],
        interface["SourceDestCheck"],
    )
    assert f"Interface for NAT Gateway {made['NatGatewayId']}" == interface["Description"]
    assert "amazon-aws" == interface["Attachment"]["InstanceOwnerId"]


def test_nobody_else_changes_what_a_gateway_holds(ec2, subnet, gateway, address, refused):
    found = shown(ec2, make(ec2, SubnetId=subnet, AllocationId=address))
    (only,) = found["NatGatewayAddresses"]
    interface = only["NetworkInterfaceId"]
    refusal = ("AuthFailure", "You do not have permission to access the specified resource.")
    with refused(*refusal):
        ec2.disassociate_address(AssociationId=only["AssociationId"])
    with refused(*refusal):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1)
    with refused(*refusal):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": True})
    with refused("InvalidParameterValue", f"Network interface '{interface}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    with refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
        ec2.delete_subnet(SubnetId=subnet)


def test_a_deleted_gateway_frees_all_and_is_told_of_for_an_hour(
    understudy, ec2, subnet, gateway, address, vpc
):
    nat = make(ec2, SubnetId=subnet, AllocationId=address)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert nat == ec2.delete_nat_gateway(NatGatewayId=nat)["NatGatewayId"]
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    assert "deleted" == shown(ec2, nat)["State"]
    (route,) = [
        route
        for route in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        if route.get("NatGatewayId")
    ]
    assert "blackhole" == route["State"]
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    understudy.clock.advance(3660)
    understudy.settle()
    assert [] == ec2.describe_nat_gateways()["NatGateways"]


@pytest.mark.parametrize("reason", ["no gateway", "address taken"])
def test_a_gateway_that_cannot_work_fails(ec2, vpc, subnet, address, reason):
    """VPC user guide, "Troubleshoot NAT gateways": the call is answered, and the gateway goes to the state failed."""
    expected = ("Gateway.NotAttached", f"Network {vpc} has no Internet gateway attached")
    if reason == "address taken":
        internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
        make(ec2, SubnetId=subnet, AllocationId=address)
        expected = ("Resource.AlreadyAssociated", f"Elastic IP address [{address}] is already associated")
    nat = make(ec2, SubnetId=subnet, AllocationId=address)
    found = shown(ec2, nat)
    assert ("failed", *expected) == (found["State"], found["FailureCode"], found["FailureMessage"])
    ec2.delete_nat_gateway(NatGatewayId=nat)


def test_a_private_gateway_has_no_public_address(ec2, subnet, address, refused):
    nat = make(ec2, SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.99")
    (only,) = shown(ec2, nat)["NatGatewayAddresses"]
    assert ("10.0.1.99", None) == (only["PrivateIp"], only.get("PublicIp"))
    more = ec2.assign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddressCount=2)
    assert [True, False, False] == [each["IsPrimary"] for each in more["NatGatewayAddresses"]]
    going = more["NatGatewayAddresses"][1]["PrivateIp"]
    left = ec2.unassign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=[going])
    assert going not in [each["PrivateIp"] for each in left["NatGatewayAddresses"]]
    with refused("InvalidParameterValue"):
        ec2.unassign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=["10.0.1.99"])
    with refused("InvalidParameterValue"):
        ec2.associate_nat_gateway_address(NatGatewayId=nat, AllocationIds=[address])
    with refused("InvalidParameterCombination"):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", AllocationId=address)


def test_a_public_gateway_takes_more_addresses(ec2, subnet, gateway, address):
    second, third = (ec2.allocate_address()["AllocationId"] for _ in range(2))
    nat = make(ec2, SubnetId=subnet, AllocationId=address, SecondaryAllocationIds=[second])
    assert [address, second] == [each["AllocationId"] for each in shown(ec2, nat)["NatGatewayAddresses"]]
    ec2.associate_nat_gateway_address(NatGatewayId=nat, AllocationIds=[third])
    held = {each["AllocationId"]: each for each in shown(ec2, nat)["NatGatewayAddresses"]}
    assert [address, second, third] == list(held)
    ec2.disassociate_nat_gateway_address(NatGatewayId=nat, AssociationIds=[held[second]["AssociationId"]])
    assert [address, third] == [each["AllocationId"] for each in shown(ec2, nat)["NatGatewayAddresses"]]
    ec2.release_address(AllocationId=second)


class TestWhatCannotBeGiven:
    """What a gateway is given is free, in its subnet, and named once; a refusal leaves everything as it was."""

    @pytest.fixture
    def nat(self, ec2, subnet, gateway, address):
        # At an address of its own: one chosen at random may be what a test names.
        return make(ec2, SubnetId=subnet, AllocationId=address, PrivateIpAddress="10.0.1.151")

    @pytest.fixture
    def private(self, ec2, subnet):
        return make(ec2, SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.10")

    @staticmethod
    def everything(ec2):
        return [
            ec2.describe_addresses()["Addresses"],
            ec2.describe_network_interfaces()["NetworkInterfaces"],
            ec2.describe_nat_gateways()["NatGateways"],
        ]

    def test_an_allocation_is_named_once(self, ec2, subnet, nat, refused):
        free = ec2.allocate_address()["AllocationId"]
        other = ec2.allocate_address()["AllocationId"]
        before = self.everything(ec2)
        with refused("InvalidParameterValue"):
            ec2.associate_nat_gateway_address(NatGatewayId=nat, AllocationIds=[free, free])
        with refused("InvalidParameterValue"):
            ec2.create_nat_gateway(SubnetId=subnet, AllocationId=free, SecondaryAllocationIds=[free])
        with refused("InvalidParameterValue"):
            ec2.create_nat_gateway(SubnetId=subnet, AllocationId=free, SecondaryAllocationIds=[other, other])
        assert before == self.everything(ec2)

    @pytest.mark.parametrize(
        ("first", "others", "code"),
        [
            ("192.168.0.9", [], "InvalidParameterValue"),
            ("10.0.1.1", [], "InvalidParameterValue"),
            ("10.0.1.10", [], "InvalidIPAddress.InUse"),
            ("10.0.1.20", ["10.0.1.20"], "InvalidParameterValue"),
            ("10.0.1.20", ["10.0.1.10"], "InvalidIPAddress.InUse"),
        ],
    )
    def test_addresses_of_a_new_gateway_are_free_in_its_subnet(
        self, ec2, subnet, private, refused, first, others, code
    ):
        before = self.everything(ec2)
        with refused(code):
            ec2.create_nat_gateway(
                SubnetId=subnet, ConnectivityType="private", PrivateIpAddress=first,
                SecondaryPrivateIpAddresses=others,
            )  # fmt: skip
        assert before == self.everything(ec2)

    def test_further_addresses_are_named_once_and_no_more_than_asked_for(self, ec2, nat, private, refused):
        free = ec2.allocate_address()["AllocationId"]
        two = ["10.0.1.30", "10.0.1.31"]
        before = self.everything(ec2)
        with refused("InvalidParameterValue"):
            ec2.associate_nat_gateway_address(NatGatewayId=nat, AllocationIds=[free], PrivateIpAddresses=two)
        for named in (
            {"PrivateIpAddresses": two[:1] * 2},
            {"PrivateIpAddresses": two, "PrivateIpAddressCount": 1},
        ):
            with refused("InvalidParameterValue"):
                ec2.assign_private_nat_gateway_address(NatGatewayId=private, **named)
        assert before == self.everything(ec2)


def test_what_a_gateway_needs(ec2, subnet, refused):
    with refused("MissingParameter", "The request must contain the parameter AllocationId"):
        ec2.create_nat_gateway(SubnetId=subnet)
    with refused("NatGatewayNotFound", "NAT gateway nat-0123456789abcdef0 was not found"):
        ec2.describe_nat_gateways(NatGatewayIds=["nat-0123456789abcdef0"])


def test_with_the_clock_of_aws_it_takes_its_time(tmp_path):
    """One to two minutes each way; what it holds is free only when it is deleted, also after a crash in between."""
    with Understudy(clock="aws", state=str(tmp_path)) as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]["SubnetId"]
        address = ec2.allocate_address()["AllocationId"]
        nat = make(ec2, SubnetId=subnet, AllocationId=address)
        states = [shown(ec2, nat)["State"]]
        understudy.clock.advance(120)
        states.append(shown(ec2, nat)["State"])
        ec2.delete_nat_gateway(NatGatewayId=nat)
        understudy.settle()
        states.append(shown(ec2, nat)["State"])
        assert "AssociationId" in ec2.describe_addresses()["Addresses"][0]
        understudy.clock.advance(120)
        understudy.settle()
        states.append(shown(ec2, nat)["State"])
        assert ["pending", "available", "deleting", "deleted"] == states
        ec2.release_address(AllocationId=address)
        assert [] == ec2.describe_network_interfaces()["NetworkInterfaces"]


def test_filters_of_nat_gateways(ec2, vpc, subnet, gateway, address):
    nat = make(ec2, SubnetId=subnet, AllocationId=address)
    make(
        ec2,
        SubnetId=ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0][
            "SubnetId"
        ],
        ConnectivityType="private",
    )
    for name, value in (("nat-gateway-id", nat), ("subnet-id", subnet), ("vpc-id", vpc)):
        answer = ec2.describe_nat_gateways(Filters=[{"Name": name, "Values": [value]}])
        assert [nat] == [each["NatGatewayId"] for each in answer["NatGateways"]], name
    assert 2 == len(
        ec2.describe_nat_gateways(Filters=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    )
