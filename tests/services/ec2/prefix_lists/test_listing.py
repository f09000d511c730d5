"""Describing prefix lists, the account's and AWS's own (prefix-lists.md 16.1)."""

from __future__ import annotations

import ipaddress

import pytest
from prefix_lists import entries, make, modify, shown

from understudy_aws.data.regions import REGIONS

S3 = "pl-63a5400a"
CLOUDFRONT = "com.amazonaws.global.cloudfront.origin-facing"


def ids(answer):
    return [each["PrefixListId"] for each in answer["PrefixLists"]]


def test_aws_s_lists_are_described_by_both_calls(ec2):
    (found,) = ec2.describe_prefix_lists(PrefixListIds=[S3])["PrefixLists"]
    assert ("com.amazonaws.us-east-1.s3", S3) == (found["PrefixListName"], found["PrefixListId"])
    assert found["Cidrs"]
    assert shown(ec2, S3) == {
        "PrefixListId": S3,
        "AddressFamily": "IPv4",
        "State": "create-complete",
        "PrefixListArn": f"arn:aws:ec2:us-east-1:aws:prefix-list/{S3}",
        "PrefixListName": "com.amazonaws.us-east-1.s3",
        "Tags": [],
        "OwnerId": "AWS",
    }
    assert sorted(found["Cidrs"]) == sorted(entries(ec2, S3))


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_lists_with_ids_and_blocks_of_their_own(understudy, region):
    ec2 = understudy.client("ec2", region=region)
    found = ec2.describe_prefix_lists()["PrefixLists"]
    assert len(found) == len({each["PrefixListId"] for each in found})
    names = {each["PrefixListName"] for each in found}
    services = {
        f"com.amazonaws.{region}.{each}" for each in ("s3", "dynamodb", "vpc-lattice", "ipv6.vpc-lattice")
    }
    assert services | {CLOUDFRONT} <= names
    for each in found:
        blocks = [ipaddress.ip_network(block) for block in each["Cidrs"]]
        assert blocks
        assert 1 == len({block.version for block in blocks})
    managed = ec2.describe_managed_prefix_lists(Filters=[{"Name": "owner-id", "Values": ["AWS"]}])
    assert sorted(ids(managed)) == sorted(each["PrefixListId"] for each in found)


def test_terraform_finds_a_list_by_its_name(ec2):
    """Terraform provider, the data sources aws_prefix_list and aws_ec2_managed_prefix_list."""
    wanted = [{"Name": "prefix-list-name", "Values": [CLOUDFRONT]}]
    assert ["pl-3b927c52"] == ids(ec2.describe_managed_prefix_lists(Filters=wanted))
    assert ["pl-3b927c52"] == ids(ec2.describe_prefix_lists(Filters=wanted))


def test_filters(ec2, understudy):
    one, other = make(ec2, name="one"), make(ec2, name="other")
    ec2.create_tags(Resources=[one], Tags=[{"Key": "team", "Value": "blue"}])
    for name, value, found in (
        ("owner-id", understudy.account, {one, other}),
        ("prefix-list-id", one, {one}),
        ("prefix-list-name", "oth*", {other}),
        ("tag:team", "blue", {one}),
        ("tag-key", "team", {one}),
    ):
        answer = ec2.describe_managed_prefix_lists(Filters=[{"Name": name, "Values": [value]}])
        assert found == set(ids(answer)), name


def test_filters_of_aws_s_lists_are_those_of_the_documentation(ec2, refused):
    with refused("InvalidParameterValue"):
        ec2.describe_prefix_lists(Filters=[{"Name": "owner-id", "Values": ["AWS"]}])


def test_pages_of_lists_and_entries(ec2):
    made = [make(ec2, *(f"10.{n}.0.0/16" for n in range(7))) for _ in range(3)]
    pages = ec2.get_paginator("describe_managed_prefix_lists").paginate(PaginationConfig={"PageSize": 2})
    seen = [id for page in pages for id in ids(page)]
    assert seen == sorted(set(seen))
    assert set(made) <= set(seen)
    pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(
        PrefixListId=made[0], PaginationConfig={"PageSize": 3}
    )
    assert [3, 3, 1] == [len(page["Entries"]) for page in pages]


def test_only_a_stored_version_has_entries(ec2, refused):
    id = make(ec2, "10.0.0.0/8")
    modify(ec2, id, CurrentVersion=1, AddEntries=[{"Cidr": "1.0.0.0/8"}])
    for version in (0, 3, -1):
        with refused("InvalidParameterValue"):
            entries(ec2, id, TargetVersion=version)


def test_a_list_that_is_not_there_is_refused(ec2, refused):
    with refused("InvalidPrefixListID.NotFound"):
        shown(ec2, "pl-0123456789abcdef0")
    with refused("InvalidPrefixListID.NotFound"):
        ec2.get_managed_prefix_list_associations(PrefixListId="pl-0123456789abcdef0")
