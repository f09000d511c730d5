"""Tags on what an organization has."""

from __future__ import annotations

import pytest
from estates import SCP, Estate, deny
from refusals import refused


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


def tags(**given):
    return [{"Key": key, "Value": value} for key, value in given.items()]


@pytest.mark.parametrize("kind", ["root", "unit", "account", "policy"])
def test_everything_can_be_tagged(estate, kind):
    id = {
        "root": lambda: estate.root,
        "unit": lambda: estate.unit("unit"),
        "account": estate.account,
        "policy": lambda: estate.policy(deny("iam:*")),
    }[kind]()
    organizations = estate.organizations
    organizations.tag_resource(ResourceId=id, Tags=tags(team="a", stage="test"))
    organizations.tag_resource(ResourceId=id, Tags=tags(team="b"))
    assert tags(stage="test", team="b") == organizations.list_tags_for_resource(ResourceId=id)["Tags"]
    organizations.untag_resource(ResourceId=id, TagKeys=["team", "never"])
    assert tags(stage="test") == organizations.list_tags_for_resource(ResourceId=id)["Tags"]


def test_awss_policies_carry_none(estate):
    with refused("InvalidInputException"):
        estate.organizations.tag_resource(ResourceId="p-FullAWSAccess", Tags=tags(team="a"))


@pytest.mark.parametrize("wrong", [tags(a="1") + tags(a="2"), tags(**{"aws:a": "1"})])
def test_a_key_twice_and_awss_own_keys_are_refused(estate, wrong):
    with refused("InvalidInputException"):
        estate.organizations.tag_resource(ResourceId=estate.root, Tags=wrong)


def test_fifty_are_enough(estate):
    many = tags(**{f"key{number}": "v" for number in range(50)})
    estate.organizations.tag_resource(ResourceId=estate.root, Tags=many)
    with refused("ConstraintViolationException"):
        estate.organizations.tag_resource(ResourceId=estate.root, Tags=tags(more="v"))


@pytest.mark.parametrize("id", ["r-none", "ou-none-12345678", "999999999999", "p-12345678"])
def test_what_is_not_there_is_not_found(estate, id):
    with refused("TargetNotFoundException"):
        estate.organizations.list_tags_for_resource(ResourceId=id)
