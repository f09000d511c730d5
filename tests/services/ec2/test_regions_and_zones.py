"""Regions and zones."""

from __future__ import annotations

from understudy_aws.data.partitions import PARTITIONS
from understudy_aws.data.regions import REGIONS


def test_a_region_has_its_zones(understudy):
    answer = understudy.client("ec2", region="us-west-1").describe_availability_zones()
    assert [("us-west-1a", "usw1-az1"), ("us-west-1b", "usw1-az3")] == [
        (zone["ZoneName"], zone["ZoneId"]) for zone in answer["AvailabilityZones"]
    ]


def test_zones_are_chosen_by_name_and_filter(ec2, refused):
    def found(**given):
        return [zone["ZoneName"] for zone in ec2.describe_availability_zones(**given)["AvailabilityZones"]]

    assert ["us-east-1b"] == found(ZoneNames=["us-east-1b"]) == found(ZoneIds=["use1-az2"])
    assert ["us-east-1b"] == found(Filters=[{"Name": "zone-id", "Values": ["use1-az2"]}])
    assert 6 == len(found(Filters=[{"Name": "state", "Values": ["available"]}], AllAvailabilityZones=True))
    with refused("InvalidParameterValue"):
        ec2.describe_availability_zones(ZoneNames=["us-east-1z"])


def test_regions_are_listed(ec2, refused):
    assert set(REGIONS) == {region["RegionName"] for region in ec2.describe_regions()["Regions"]}
    (one,) = ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]
    assert ("ec2.eu-west-1.amazonaws.com", "opt-in-not-required") == (one["Endpoint"], one["OptInStatus"])
    with refused("InvalidParameterValue"):
        ec2.describe_regions(RegionNames=["moon-1"])


def test_regions_that_are_not_enabled_are_shown_to_who_asks(ec2):
    """Reference ec2.md 7.7: by name, or all of the partition."""
    (one,) = ec2.describe_regions(RegionNames=["me-central-1"])["Regions"]
    assert ("not-opted-in", "ec2.me-central-1.amazonaws.com") == (one["OptInStatus"], one["Endpoint"])
    every = {region["RegionName"] for region in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert PARTITIONS["aws"] == every
    chosen = [{"Name": "opt-in-status", "Values": ["not-opted-in"]}]
    left = {
        region["RegionName"] for region in ec2.describe_regions(AllRegions=True, Filters=chosen)["Regions"]
    }
    assert every - set(REGIONS) == left


def test_an_account_knows_its_default_vpc(ec2):
    (default,) = ec2.describe_vpcs()["Vpcs"]
    (attribute,) = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert [{"AttributeValue": default["VpcId"]}] == attribute["AttributeValues"]
    names = {each["AttributeName"] for each in ec2.describe_account_attributes()["AccountAttributes"]}
    assert "supported-platforms" in names
