"""ClassicLink, which no VPC has any more: what older clients read of it."""

from __future__ import annotations


def test_every_vpc_is_without_it(ec2, vpc, refused):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])
    found = ec2.describe_vpc_classic_link(VpcIds=[vpc])["Vpcs"]
    assert [{"ClassicLinkEnabled": False, "Tags": [{"Key": "a", "Value": "b"}], "VpcId": vpc}] == found
    assert 2 == len(ec2.describe_vpc_classic_link()["Vpcs"])
    wanted = [{"Name": "is-classic-link-enabled", "Values": ["true"]}]
    assert [] == ec2.describe_vpc_classic_link(Filters=wanted)["Vpcs"]
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_vpc_classic_link(VpcIds=["vpc-0123456789abcdef0"])


def test_no_vpc_resolves_its_names(ec2, vpc):
    found = ec2.describe_vpc_classic_link_dns_support(VpcIds=[vpc])["Vpcs"]
    assert [{"ClassicLinkDnsSupported": False, "VpcId": vpc}] == found
