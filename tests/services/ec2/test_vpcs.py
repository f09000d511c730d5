"""VPCs: what describing them says (ec2.md 7.5, 7.6)."""

from __future__ import annotations


def ids(answer):
    return [vpc["VpcId"] for vpc in answer["Vpcs"]]


def test_a_vpc_is_available_once_it_is_described(ec2, vpc):
    shown = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
    assert ("available", "10.0.0.0/16", False, "default") == (
        shown["State"],
        shown["CidrBlock"],
        shown["IsDefault"],
        shown["InstanceTenancy"],
    )
    assert "associated" == shown["CidrBlockAssociationSet"][0]["CidrBlockState"]["State"]


def test_an_unknown_vpc_fails_the_whole_call(ec2, vpc, refused):
    missing = "vpc-0123456789abcdef0"
    with refused("InvalidVpcID.NotFound", f"The vpc ID '{missing}' does not exist"):
        ec2.describe_vpcs(VpcIds=[vpc, missing])


def test_an_id_of_another_kind_is_malformed(ec2, refused):
    with refused("InvalidVpcID.Malformed"):
        ec2.describe_vpcs(VpcIds=["subnet-0123456789abcdef0"])


def test_filters_choose(ec2, vpc):
    def found(name, *values):
        return ids(ec2.describe_vpcs(Filters=[{"Name": name, "Values": list(values)}]))

    (default,) = found("is-default", "true")
    assert [vpc] == found("is-default", "false")
    assert [vpc] == found("cidr", "10.0.0.0/16") == found("cidr-block-association.cidr-block", "10.*")
    assert sorted([default, vpc]) == found("state", "available") == found("vpc-id", "vpc-*")
    assert [] == found("vpc-id", "vpc-none")


def test_vpcs_of_other_regions_are_not_seen(understudy, vpc):
    elsewhere = understudy.client("ec2", region="eu-west-1")
    assert vpc not in ids(elsewhere.describe_vpcs())
    assert 1 == len(ids(elsewhere.describe_vpcs()))


def test_pages_hold_what_was_asked_and_end(ec2, refused):
    for _ in range(6):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    first = ec2.describe_vpcs(MaxResults=5)
    second = ec2.describe_vpcs(MaxResults=5, NextToken=first["NextToken"])
    assert (5, 2) == (len(first["Vpcs"]), len(second["Vpcs"]))
    assert not second.get("NextToken")
    assert ids(ec2.describe_vpcs()) == ids(first) + ids(second)
    with refused("InvalidParameterValue"):
        ec2.describe_vpcs(MaxResults=5, NextToken="made up")
    with refused("InvalidParameterValue"):
        filters = [{"Name": "state", "Values": ["available"]}]
        ec2.describe_vpcs(MaxResults=5, NextToken=first["NextToken"], Filters=filters)


def test_a_page_size_does_not_go_with_ids_and_is_five_at_least(ec2, vpc, refused):
    """Reference ec2.md 7.2."""
    with refused("InvalidParameterCombination"):
        ec2.describe_vpcs(VpcIds=[vpc], MaxResults=5)
    with refused("InvalidParameterValue"):
        ec2.describe_vpcs(MaxResults=4)
