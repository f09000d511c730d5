"""Regions and zones."""

from __future__ import annotations

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


def test_an_account_knows_its_default_vpc(ec2):
    (default,) = ec2.describe_vpcs()["Vpcs"]
    (attribute,) = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert [{"AttributeValue": default["VpcId"]}] == attribute["AttributeValues"]
    names = {each["AttributeName"] for each in ec2.describe_account_attributes()["AccountAttributes"]}
    assert "supported-platforms" in names
