"""A VPC's switches (ec2.md 7.5)."""

from __future__ import annotations

import pytest


def read(ec2, vpc, attribute):
    return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[attribute[0].upper() + attribute[1:]][
        "Value"
    ]


def test_dns_support_is_on_and_host_names_are_off(ec2, vpc):
    assert (True, False) == (read(ec2, vpc, "enableDnsSupport"), read(ec2, vpc, "enableDnsHostnames"))


@pytest.mark.parametrize(
    "attribute", ["enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"]
)
def test_each_switch_turns(ec2, vpc, attribute):
    before = read(ec2, vpc, attribute)
    ec2.modify_vpc_attribute(VpcId=vpc, **{attribute[0].upper() + attribute[1:]: {"Value": not before}})
    assert read(ec2, vpc, attribute) is not before


def test_two_at_a_time_are_refused(ec2, vpc, refused):
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(
            VpcId=vpc, EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True}
        )


def test_interfaces_get_names_when_host_names_are_turned_on(ec2, vpc, interface):
    """Reference ec2.md 7.4: the name of an address in the oldest region."""
    shown = ec2.describe_network_interfaces()["NetworkInterfaces"][0]
    assert "PrivateDnsName" not in shown
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    shown = ec2.describe_network_interfaces()["NetworkInterfaces"][0]
    assert f"ip-{shown['PrivateIpAddress'].replace('.', '-')}.ec2.internal" == shown["PrivateDnsName"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    assert "PrivateDnsName" not in ec2.describe_network_interfaces()["NetworkInterfaces"][0]


def test_host_names_need_dns_support(ec2, vpc, refused):
    """API reference, ModifyVpcAttribute: host names can only be enabled while DNS support is."""
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    with refused("InvalidParameterValue"):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
