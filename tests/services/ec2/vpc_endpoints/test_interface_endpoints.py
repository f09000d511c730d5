"""Interface endpoints (vpc-endpoints.md 15.1, 15.2; texts: 15.3)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.testing import Understudy

DEFAULT_POLICY = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n      "Principal": "*", \n'
    '      "Resource": "*"\n    }\n  ]\n}'
)


def interface_of(ec2, id):
    (found,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"]
    return found


def test_an_endpoint_has_an_interface_in_each_subnet(ec2, vpc, subnets, group, make, shown):
    tags = [{"Key": "Name", "Value": "runner"}]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.apprunner.requests",
        SubnetIds=subnets[:2],
        SecurityGroupIds=[group],
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags}],
    )["VpcEndpoint"]
    assert ("pending", DEFAULT_POLICY, "ipv4", False) == (
        made["State"],
        made["PolicyDocument"],
        made["IpAddressType"],
        made["RequesterManaged"],
    )
    found = shown(made["VpcEndpointId"])
    assert ("available", subnets[:2], tags) == (found["State"], found["SubnetIds"], found["Tags"])
    assert [{"GroupId": group, "GroupName": "endpoints"}] == found["Groups"]
    assert "000000000000" == found["OwnerId"]
    assert 2 == len(found["NetworkInterfaceIds"])
    for subnet, id in zip(found["SubnetIds"], found["NetworkInterfaceIds"], strict=True):
        interface = interface_of(ec2, id)
        assert (subnet, "vpc_endpoint", True, True, "in-use") == (
            interface["SubnetId"],
            interface["InterfaceType"],
            interface["RequesterManaged"],
            interface["SourceDestCheck"],
            interface["Status"],
        )
        assert f"VPC Endpoint Interface {found['VpcEndpointId']}" == interface["Description"]
        assert [group] == [each["GroupId"] for each in interface["Groups"]]


def test_its_names_are_of_the_region_of_each_zone_and_the_services_own(ec2, subnets, make, shown):
    """PrivateLink guide, "DNS hostnames": the example of describe-vpc-endpoints."""
    id = make("logs", SubnetIds=[subnets[0], subnets[2]])
    entries = shown(id)["DnsEntries"]
    first = entries[0]["DnsName"].partition(".")[0]
    assert first.startswith(f"{id}-")
    assert [
        f"{first}.logs.us-east-1.vpce.amazonaws.com",
        f"{first}-us-east-1a.logs.us-east-1.vpce.amazonaws.com",
        f"{first}-us-east-1d.logs.us-east-1.vpce.amazonaws.com",
        "logs.us-east-1.amazonaws.com",
    ] == [each["DnsName"] for each in entries]
    zones = [each["HostedZoneId"] for each in entries]
    assert ["Z7HUB22UULQXV"] * 3 == zones[:3]
    assert zones[3].startswith("Z0")
    ec2.modify_vpc_endpoint(VpcEndpointId=id, PrivateDnsEnabled=False)
    assert 3 == len(shown(id)["DnsEntries"])
    assert not shown(id)["PrivateDnsEnabled"]


def test_names_of_services_with_dots_stand_in_reverse(make, shown):
    names = [each["DnsName"] for each in shown(make("ecr.dkr"))["DnsEntries"]]
    assert names[0].endswith(".dkr.ecr.us-east-1.vpce.amazonaws.com")
    assert "*.dkr.ecr.us-east-1.amazonaws.com" == names[-1]


def test_without_groups_it_has_the_vpcs_default_one(make, shown, subnets):
    assert ["default"] == [each["GroupName"] for each in shown(make("sts", SubnetIds=subnets[:1]))["Groups"]]


class TestWhatHoldsWhat:
    """Nobody else changes what an endpoint has, and what it stands on is not deleted under it."""

    @pytest.fixture
    def endpoint(self, make, subnets, group):
        return make("sts", SubnetIds=subnets[:1], SecurityGroupIds=[group])

    def test_its_interfaces_are_not_the_customers(self, ec2, endpoint, shown, refused):
        """gruntwork-io/cloud-nuke#431."""
        (interface,) = shown(endpoint)["NetworkInterfaceIds"]
        with refused("InvalidParameterValue", f"Network interface '{interface}' is currently in use."):
            ec2.delete_network_interface(NetworkInterfaceId=interface)
        with refused("AuthFailure", "You do not have permission to access the specified resource."):
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface, SourceDestCheck={"Value": False}
            )

    def test_its_subnet_group_and_vpc_stay(self, ec2, endpoint, vpc, subnets, group, refused):
        for delete, params in (
            (ec2.delete_subnet, {"SubnetId": subnets[0]}),
            (ec2.delete_security_group, {"GroupId": group}),
            (ec2.delete_vpc, {"VpcId": vpc}),
        ):
            with refused("DependencyViolation"):
                delete(**params)
        ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
        ec2.delete_security_group(GroupId=group)
        for subnet in subnets:
            ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)

    def test_one_without_subnets_holds_its_vpc_and_groups_too(self, ec2, make, vpc, group, refused):
        id = make("sts", SecurityGroupIds=[group])
        with refused("DependencyViolation", f"resource {group} has a dependent object"):
            ec2.delete_security_group(GroupId=group)
        with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
            ec2.delete_vpc(VpcId=vpc)
        assert [] == ec2.delete_vpc_endpoints(VpcEndpointIds=[id])["Unsuccessful"]
        ec2.delete_security_group(GroupId=group)


class TestZones:
    def test_one_subnet_in_each_zone(self, ec2, vpc, subnets, make, shown, refused):
        """terraform-aws-modules/terraform-aws-vpc#583."""
        twin = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a")["Subnet"][
            "SubnetId"
        ]
        text = (
            f"Found another VPC endpoint subnet in the availability zone of {twin}. VPC endpoint subnets should be in "
            "different availability zones supported by the VPC endpoint service."
        )
        with refused("DuplicateSubnetsInSameZone", text):
            make("sts", SubnetIds=[subnets[0], twin])
        id = make("sts", SubnetIds=[subnets[0]])
        with refused("DuplicateSubnetsInSameZone", text):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, AddSubnetIds=[twin])
        ec2.modify_vpc_endpoint(VpcEndpointId=id, AddSubnetIds=[twin], RemoveSubnetIds=[subnets[0]])
        assert [twin] == shown(id)["SubnetIds"]

    def test_a_zone_that_the_service_is_not_in(self, ec2, vpc, make, refused):
        """terraform-aws-modules/terraform-aws-vpc#785, awslabs/aws-orbit-workbench#320."""
        oldest = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZoneId="use1-az3")
        subnet = oldest["Subnet"]["SubnetId"]
        text = (
            "The VPC endpoint service com.amazonaws.us-east-1.lambda does not support the availability zone of the "
            f"subnet: {subnet}."
        )
        with refused("InvalidParameter", text):
            make("lambda", SubnetIds=[subnet])
        assert [] == ec2.describe_vpc_endpoints()["VpcEndpoints"]


class TestPrivateDns:
    def test_it_needs_dns_support_and_host_names(self, ec2, vpc, make, shown, refused):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
        text = (
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
            f"{vpc}"
        )
        for params in ({}, {"PrivateDnsEnabled": True}):
            with refused("InvalidParameter", text):
                make("sts", **params)
        id = make("sts", PrivateDnsEnabled=False)
        with refused("InvalidParameter", text):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, PrivateDnsEnabled=True)
        assert not shown(id)["PrivateDnsEnabled"]

    def test_one_endpoint_of_a_vpc_has_a_domain(self, ec2, vpc, make, shown, refused):
        """hashicorp/terraform-provider-aws#17535."""
        first = make("apprunner.requests")
        text = (
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
            f"*.us-east-1.awsapprunner.com in the VPC {vpc}"
        )
        with refused("InvalidParameter", text):
            make("apprunner.requests")
        second = make("apprunner.requests", PrivateDnsEnabled=False)
        with refused("InvalidParameter", text):
            ec2.modify_vpc_endpoint(VpcEndpointId=second, PrivateDnsEnabled=True)
        ec2.modify_vpc_endpoint(VpcEndpointId=first, PrivateDnsEnabled=False)
        ec2.modify_vpc_endpoint(VpcEndpointId=second, PrivateDnsEnabled=True)
        assert shown(second)["PrivateDnsEnabled"]

    def test_a_service_without_a_private_name(self, make, shown, refused):
        text = (
            "Private DNS can't be enabled because the service com.amazonaws.us-east-1.transfer.server does not provide a "
            "private DNS name."
        )
        with refused("InvalidParameter", text):
            make("transfer.server", PrivateDnsEnabled=True)
        assert not shown(make("transfer.server"))["PrivateDnsEnabled"]

    def test_s3_needs_a_gateway_endpoint_too_unless_told_otherwise(self, ec2, vpc, make, shown, refused):
        """terraform-aws-modules/terraform-aws-vpc#982."""
        text = (
            f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc} must have a Gateway endpoint for the "
            "service."
        )
        with refused("InvalidParameter", text):
            make("s3", PrivateDnsEnabled=True)
        alone = make(
            "s3", PrivateDnsEnabled=True, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": False}
        )
        assert shown(alone)["DnsEntries"][0]["DnsName"].startswith(f"*.{alone}-")
        with refused("InvalidParameter", text):
            ec2.modify_vpc_endpoint(
                VpcEndpointId=alone, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True}
            )
        make("s3", "Gateway")
        ec2.modify_vpc_endpoint(
            VpcEndpointId=alone, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True}
        )
        assert shown(alone)["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"]
        assert not shown(make("dynamodb"))["PrivateDnsEnabled"]


class TestChanges:
    def test_subnets_come_and_go_with_their_interfaces(self, ec2, subnets, make, shown, refused):
        id = make("sts", SubnetIds=subnets[:1])
        (first,) = shown(id)["NetworkInterfaceIds"]
        ec2.modify_vpc_endpoint(VpcEndpointId=id, AddSubnetIds=subnets[1:], RemoveSubnetIds=subnets[:1])
        found = shown(id)
        assert subnets[1:] == found["SubnetIds"]
        assert first not in found["NetworkInterfaceIds"]
        with refused("InvalidNetworkInterfaceID.NotFound"):
            interface_of(ec2, first)

    def test_groups_are_those_of_every_interface(self, ec2, subnets, group, make, shown, refused):
        id = make("sts", SubnetIds=subnets)
        (default,) = [each["GroupId"] for each in shown(id)["Groups"]]
        ec2.modify_vpc_endpoint(
            VpcEndpointId=id, AddSecurityGroupIds=[group], RemoveSecurityGroupIds=[default]
        )
        for interface in shown(id)["NetworkInterfaceIds"]:
            assert [group] == [each["GroupId"] for each in interface_of(ec2, interface)["Groups"]]
        text = "An Interface VPC Endpoint must always have at least one Security Group"
        with refused("InvalidParameter", text):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, RemoveSecurityGroupIds=[group])

    def test_an_address_is_chosen_and_the_interface_replaced(self, ec2, subnets, make, shown, refused):
        """PrivateLink guide, "Add or remove subnets"."""
        id = make(
            "sts",
            SubnetIds=subnets[:1],
            SubnetConfigurations=[{"SubnetId": subnets[0], "Ipv4": "10.0.0.77"}],
        )
        (first,) = shown(id)["NetworkInterfaceIds"]
        assert "10.0.0.77" == interface_of(ec2, first)["PrivateIpAddress"]
        ec2.modify_vpc_endpoint(
            VpcEndpointId=id, SubnetConfigurations=[{"SubnetId": subnets[0], "Ipv4": "10.0.0.78"}]
        )
        (second,) = shown(id)["NetworkInterfaceIds"]
        assert first != second
        assert "10.0.0.78" == interface_of(ec2, second)["PrivateIpAddress"]
        with refused("InvalidParameterValue", "Address is in subnet's reserved address range"):
            ec2.modify_vpc_endpoint(
                VpcEndpointId=id, SubnetConfigurations=[{"SubnetId": subnets[0], "Ipv4": "10.0.0.3"}]
            )
        assert [second] == shown(id)["NetworkInterfaceIds"]

    def test_what_it_does_not_have_cannot_be_removed(self, ec2, subnets, group, make, refused):
        """Terraform's associations take InvalidParameter for gone already."""
        id = make("sts", SubnetIds=subnets[:1])
        for params in ({"RemoveSubnetIds": subnets[1:2]}, {"RemoveSecurityGroupIds": [group]}):
            with refused("InvalidParameter"):
                ec2.modify_vpc_endpoint(VpcEndpointId=id, **params)

    def test_a_refused_change_changes_nothing(self, ec2, subnets, group, make, shown, refused):
        id = make("sts", SubnetIds=subnets[:1])
        before = shown(id)
        with refused("InvalidSubnetId.NotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist"):
            ec2.modify_vpc_endpoint(
                VpcEndpointId=id,
                AddSecurityGroupIds=[group],
                RemoveSubnetIds=subnets[:1],
                AddSubnetIds=["subnet-0123456789abcdef0"],
            )
        assert before == shown(id)


class TestAddressTypes:
    """PrivateLink guide, "IP address types": the service must have the type, and every subnet."""

    @pytest.fixture
    def dual(self, ec2):
        """A VPC with IPv6 and a subnet with both."""
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        (found,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
        block = found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24", Ipv6CidrBlock=block)
        return {"VpcId": vpc, "SubnetIds": [made["Subnet"]["SubnetId"]], "PrivateDnsEnabled": False}

    def test_both(self, ec2, dual, shown):
        made = ec2.create_vpc_endpoint(
            **dual,
            VpcEndpointType="Interface",
            ServiceName="com.amazonaws.us-east-1.kms",
            IpAddressType="dualstack",
        )["VpcEndpoint"]
        id = made["VpcEndpointId"]
        assert ("dualstack", "dualstack") == (made["IpAddressType"], made["DnsOptions"]["DnsRecordIpType"])
        (interface,) = made["NetworkInterfaceIds"]
        assert 1 == len(interface_of(ec2, interface)["Ipv6Addresses"])
        ec2.modify_vpc_endpoint(VpcEndpointId=id, IpAddressType="ipv4")
        assert [] == interface_of(ec2, interface)["Ipv6Addresses"]
        assert ("ipv4", "ipv4") == (
            shown(id)["IpAddressType"],
            shown(id)["DnsOptions"]["DnsRecordIpType"],
        )
        ec2.modify_vpc_endpoint(
            VpcEndpointId=id, IpAddressType="dualstack", DnsOptions={"DnsRecordIpType": "ipv6"}
        )
        assert 1 == len(interface_of(ec2, interface)["Ipv6Addresses"])
        assert "ipv6" == shown(id)["DnsOptions"]["DnsRecordIpType"]

    def test_a_subnet_or_a_service_without(self, ec2, dual, subnets, make, refused):
        with refused("InvalidParameter"):
            make("kms", IpAddressType="dualstack", SubnetIds=subnets[:1])
        with refused("InvalidParameter"):
            ec2.create_vpc_endpoint(
                **dual,
                VpcEndpointType="Interface",
                ServiceName="com.amazonaws.us-east-1.apprunner",
                IpAddressType="dualstack",
            )
        id = make("kms", SubnetIds=subnets[:1])
        with refused("InvalidParameter"):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, IpAddressType="dualstack")
        with refused("InvalidParameter"):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, DnsOptions={"DnsRecordIpType": "dualstack"})


class TestPolicies:
    POLICY = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"}],
        }
    )

    def test_one_is_stored_as_given_and_reset(self, ec2, make, shown):
        id = make("sts", PolicyDocument=self.POLICY)
        assert self.POLICY == shown(id)["PolicyDocument"]
        ec2.modify_vpc_endpoint(VpcEndpointId=id, ResetPolicy=True)
        assert DEFAULT_POLICY == shown(id)["PolicyDocument"]
        ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=self.POLICY)
        assert self.POLICY == shown(id)["PolicyDocument"]

    @pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"Statement": {"Effect": "Maybe"}})])
    def test_what_is_no_policy(self, make, refused, text):
        """hashicorp/terraform-provider-aws#42291."""
        with refused("InvalidPolicyDocument") as told:
            make("sts", PolicyDocument=text)
        assert told.text.startswith("The Policy Document is not valid. ")

    def test_where_it_is_wrong_is_told(self, make, refused):
        text = '{"Version": "2012-10-17", "Statement": [{"Effect": "Alow", "Action": "*"}]}'
        with refused("InvalidPolicyDocument") as told:
            make("sts", PolicyDocument=text)
        column = text.index('"Alow"') + 1
        message = f"The Policy Document is not valid. Syntax error at position (1,{column})"
        assert message == told.text

    def test_a_service_that_takes_none(self, make, refused):
        """PrivateLink guide, "View endpoint policy support": apprunner.requests."""
        with refused("InvalidParameter"):
            make("apprunner.requests", PolicyDocument=self.POLICY)

    def test_one_that_is_too_long(self, make, refused):
        with refused("InvalidPolicyDocument"):
            make("sts", PolicyDocument=self.POLICY + " " * 20_480)


def test_an_endpoint_is_pending_then_available_and_deleting_until_it_is_gone(refused):
    """With AWS's waiting times; Terraform waits from deleting and deleted until it is not found."""
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        service = "com.amazonaws.us-east-1.sts"
        made = ec2.create_vpc_endpoint(
            VpcId=vpc,
            VpcEndpointType="Interface",
            ServiceName=service,
            SubnetIds=[subnet],
            PrivateDnsEnabled=False,
        )
        ids = [made["VpcEndpoint"]["VpcEndpointId"]]

        def state():
            return ec2.describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"][0]["State"]

        assert "pending" == state()
        understudy.clock.advance(121)
        assert "available" == state()
        ec2.delete_vpc_endpoints(VpcEndpointIds=ids)
        assert "deleting" == state()
        with refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=subnet)
        with refused("IncorrectState"):
            ec2.modify_vpc_endpoint(VpcEndpointId=ids[0], ResetPolicy=True)
        assert [] == ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"]
        for _ in range(13):
            if state() == "deleted":
                break
            understudy.clock.advance(10)
        assert "deleted" == state()
        understudy.settle()
        assert [] == ec2.describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"][0]["NetworkInterfaceIds"]
        (failed,) = ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"]
        assert "InvalidVpcEndpoint.NotFound" == failed["Error"]["Code"]
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)
        understudy.clock.advance(60)
        understudy.settle()
        with refused("InvalidVpcEndpointId.NotFound"):
            state()
