"""DHCP option sets (ec2.md 7.3, 7.5)."""

from __future__ import annotations

import pytest


def make(ec2, **options):
    given = [{"Key": key.replace("_", "-"), "Values": values} for key, values in options.items()]
    return ec2.create_dhcp_options(DhcpConfigurations=given)["DhcpOptions"]


@pytest.mark.parametrize(
    "region, domain", [("us-east-1", "ec2.internal"), ("eu-west-1", "eu-west-1.compute.internal")]
)
def test_every_region_has_a_default_set(understudy, region, domain):
    (options,) = understudy.client("ec2", region=region).describe_dhcp_options()["DhcpOptions"]
    assert {"domain-name": [{"Value": domain}], "domain-name-servers": [{"Value": "AmazonProvidedDNS"}]} == {
        entry["Key"]: entry["Values"] for entry in options["DhcpConfigurations"]
    }


def test_a_set_is_tied_to_a_vpc_kept_by_it_and_let_go(ec2, vpc, refused):
    made = make(ec2, domain_name=["example.com"], domain_name_servers=["10.0.0.2", "10.0.0.3"])[
        "DhcpOptionsId"
    ]
    ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    assert made == ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    with refused("DependencyViolation", f"The dhcpOptions '{made}' has dependencies and cannot be deleted."):
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert "default" == ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    ec2.delete_dhcp_options(DhcpOptionsId=made)
    with refused("InvalidDhcpOptionsID.NotFound", f"The dhcpOptions ID '{made}' does not exist"):
        ec2.describe_dhcp_options(DhcpOptionsIds=[made])


def test_filters_of_sets(ec2):
    made = make(ec2, domain_name=["example.com"])["DhcpOptionsId"]

    def found(name, value):
        answer = ec2.describe_dhcp_options(Filters=[{"Name": name, "Values": [value]}])
        return [options["DhcpOptionsId"] for options in answer["DhcpOptions"]]

    assert [made] == found("value", "example.*")
    assert made in found("key", "domain-name")


def test_an_unknown_option_is_refused(ec2, refused):
    with refused(
        "InvalidParameterValue", "Value (colour) for parameter name is invalid. Unknown DHCP option"
    ):
        make(ec2, colour=["red"])


@pytest.mark.parametrize(
    "options",
    [
        {"domain_name_servers": ["10.0.0.256"]},
        {"ntp_servers": ["10.0.0.1"] * 5},
        {"netbios_node_type": ["255"]},
    ],
)
def test_values_an_option_cannot_have_are_refused(ec2, refused, options):
    with refused("InvalidParameterValue"):
        make(ec2, **options)


def test_an_empty_domain_name_is_refused(ec2, refused):
    with refused(
        "InvalidParameterValue",
        "Value (empty string for 'domain-name' is not allowed) for parameter value is invalid. Invalid DHCP option value.",
    ):
        make(ec2, domain_name=[""])


def test_none_is_no_id(ec2, refused):
    with refused("InvalidDhcpOptionsId.Malformed", 'Invalid id: "none" (expecting "dopt-...")'):
        ec2.delete_dhcp_options(DhcpOptionsId="none")
