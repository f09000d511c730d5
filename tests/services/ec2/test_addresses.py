"""Addresses stay unique and inside, and nothing goes that is in use, whatever is made and deleted."""

from __future__ import annotations

import ipaddress

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy_aws.testing import Understudy

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["make", "make", "make", "assign", "unassign", "delete", "delete subnet", "delete group"]
        ),
        st.integers(0, 7),
    ),
    max_size=40,
)


class World:
    """What should be there, told by what was answered."""

    def __init__(self, ec2):
        self.ec2 = ec2
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = {
            ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]: ipaddress.ip_network(block)
            for block in ("10.0.0.0/28", "10.0.0.16/28")
        }
        self.groups = [
            ec2.create_security_group(VpcId=vpc, GroupName=f"g{number}", Description="x")["GroupId"]
            for number in range(2)
        ]
        self.interfaces = {}

    def step(self, what, number):
        try:
            self.attempt(what, number)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    def attempt(self, what, number):
        ec2 = self.ec2
        id = sorted(self.interfaces)[number % len(self.interfaces)] if self.interfaces else None
        if what == "make" and self.subnets and self.groups:
            made = ec2.create_network_interface(
                SubnetId=sorted(self.subnets)[number % len(self.subnets)],
                Groups=[self.groups[number % len(self.groups)]],
                SecondaryPrivateIpAddressCount=number,
            )["NetworkInterface"]
            self.interfaces[made["NetworkInterfaceId"]] = made
        elif what == "assign" and id:
            ec2.assign_private_ip_addresses(NetworkInterfaceId=id, SecondaryPrivateIpAddressCount=number + 1)
        elif what == "unassign" and id:
            (shown,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"]
            secondary = [each["PrivateIpAddress"] for each in shown["PrivateIpAddresses"][1:]]
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=secondary[:number])
        elif what == "delete" and id:
            ec2.delete_network_interface(NetworkInterfaceId=id)
            del self.interfaces[id]
        elif what == "delete subnet" and self.subnets:
            subnet = sorted(self.subnets)[number % len(self.subnets)]
            ec2.delete_subnet(SubnetId=subnet)
            assert not [each for each in self.interfaces.values() if each["SubnetId"] == subnet]
            del self.subnets[subnet]
        elif what == "delete group" and self.groups:
            group = self.groups[number % len(self.groups)]
            ec2.delete_security_group(GroupId=group)
            assert not [each for each in self.interfaces.values() if each["Groups"][0]["GroupId"] == group]
            self.groups.remove(group)

    def check(self):
        shown = self.ec2.describe_network_interfaces()["NetworkInterfaces"]
        assert set(self.interfaces) == {each["NetworkInterfaceId"] for each in shown}
        held = {subnet: [] for subnet in self.subnets}
        for interface in shown:
            for each in interface["PrivateIpAddresses"]:
                held[interface["SubnetId"]].append(ipaddress.ip_address(each["PrivateIpAddress"]))
        if not self.subnets:
            return
        for subnet in self.ec2.describe_subnets(SubnetIds=sorted(self.subnets))["Subnets"]:
            addresses, block = held[subnet["SubnetId"]], self.subnets[subnet["SubnetId"]]
            assert len(addresses) == len(set(addresses))
            assert set(addresses) <= set(list(block)[4:-1])
            assert 11 - len(addresses) == subnet["AvailableIpAddressCount"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_is_made_and_deleted(steps):
    with Understudy() as understudy:
        world = World(understudy.client("ec2"))
        for what, number in steps:
            before = world.ec2.describe_network_interfaces()["NetworkInterfaces"]
            if world.step(what, number) is not None:
                # A refusal leaves everything as it was.
                assert before == world.ec2.describe_network_interfaces()["NetworkInterfaces"]
            world.check()
