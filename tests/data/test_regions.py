"""Regions and zones as AWS has them."""

import pytest

from understudy_aws.data import regions
from understudy_aws.data.regions import APP_RUNNER_REGIONS, REGIONS


def test_seventeen_regions_are_enabled_by_default():
    assert 17 == len(REGIONS)
    assert sorted(REGIONS) == list(REGIONS)
    assert all(name == region.name for name, region in REGIONS.items())
    assert {"opt-in-not-required"} == {region.opt_in_status for region in REGIONS.values()}


def test_app_runner_exists_in_eleven_regions():
    """Reference apprunner.md 1.2."""
    assert 11 == len(set(APP_RUNNER_REGIONS))
    assert set(APP_RUNNER_REGIONS) <= set(REGIONS)


def test_regions_have_as_many_zones_as_at_aws():
    others = {"us-east-1": 6, "us-west-2": 4, "ap-northeast-2": 4, "us-west-1": 2}
    assert {name: others.get(name, 3) for name in REGIONS} == {n: len(r.zones) for n, r in REGIONS.items()}


def test_zone_names_and_ids_are_unique():
    zones = [zone for region in REGIONS.values() for zone in region.zones]
    assert len(zones) == len({zone.name for zone in zones}) == len({zone.id for zone in zones})
    assert all(zone.name[:-1] == zone.region for zone in zones)


def test_northern_california_shows_its_first_and_third_zone():
    assert ["usw1-az1", "usw1-az3"] == [zone.id for zone in REGIONS["us-west-1"].zones]


def test_a_zone_is_found_by_name_and_by_id():
    region = REGIONS["us-east-1"]
    assert region.zone("us-east-1a") is region.zone("use1-az1") is region.zones[0]
    assert region.zone("us-west-2a") is None


@pytest.mark.parametrize(
    ("region", "suffix"),
    [("us-east-1", "ec2.internal"), ("eu-west-1", "eu-west-1.compute.internal")],
)
def test_only_northern_virginia_has_a_domain_without_its_name(region, suffix):
    """Reference ec2.md 7.5."""
    assert suffix == REGIONS[region].private_dns_suffix


@pytest.mark.parametrize("name", ["", "us-east-9", "cn-north-1", "US-EAST-1"])
def test_an_unknown_region_is_none(name):
    assert regions.find(name) is None
