"""Partitions and their regions, against the SDK's own list."""

from __future__ import annotations

import botocore.session

from understudy_aws.data import regions
from understudy_aws.data.partitions import ALL_REGIONS, PARTITIONS


def test_every_region_is_in_one_partition():
    assert len(ALL_REGIONS) == sum(map(len, PARTITIONS.values()))


def test_the_partitions_are_those_of_the_sdk_and_its_regions_are_known():
    session = botocore.session.get_session()
    assert set(session.get_available_partitions()) <= set(PARTITIONS)
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        assert set(session.get_available_regions("ec2", partition)) <= PARTITIONS[partition]


def test_the_regions_that_are_simulated_are_among_them():
    assert set(regions.REGIONS) <= PARTITIONS["aws"]
