"""Organizational units."""

from __future__ import annotations

import re

import pytest
from estates import Estate
from refusals import refused

from understudy_aws.services.organizations.organizational_units import DEEPEST


@pytest.fixture
def estate(understudy):
    return Estate(understudy)


def test_a_unit_is_described_as_it_was_made(estate):
    made = estate.organizations.create_organizational_unit(ParentId=estate.root, Name="Prod")[
        "OrganizationalUnit"
    ]
    assert re.fullmatch(f"ou-{estate.root[2:]}-[a-z0-9]{{8,32}}", made["Id"])
    assert f"arn:aws:organizations::{estate.understudy.account}:ou/{estate.id}/{made['Id']}" == made["Arn"]
    assert "Prod" == made["Name"]
    shown = estate.organizations.describe_organizational_unit(OrganizationalUnitId=made["Id"])
    assert made == shown["OrganizationalUnit"]


def test_names_are_taken_among_siblings_only(estate):
    above = estate.unit("Prod")
    estate.unit("Prod", above)
    with refused("DuplicateOrganizationalUnitException", "An OU with the same name already exists."):
        estate.unit("Prod", above)


def test_a_unit_is_renamed_and_stays_where_it_is(estate):
    unit, other = estate.unit("Prod"), estate.unit("Test")
    renamed = estate.organizations.update_organizational_unit(OrganizationalUnitId=unit, Name="Live")
    assert (unit, "Live") == (renamed["OrganizationalUnit"]["Id"], renamed["OrganizationalUnit"]["Name"])
    with refused("DuplicateOrganizationalUnitException"):
        estate.organizations.update_organizational_unit(OrganizationalUnitId=other, Name="Live")
    same = estate.organizations.update_organizational_unit(OrganizationalUnitId=unit, Name="Live")
    assert "Live" == same["OrganizationalUnit"]["Name"]


def test_the_tree_is_five_levels_deep(estate):
    """User guide, Quotas: OU maximum nesting in a root."""
    parent = estate.root
    for level in range(DEEPEST):
        parent = estate.unit(f"level {level}", parent)
    with refused("ConstraintViolationException"):
        estate.unit("too deep", parent)


def test_units_and_accounts_below_keep_a_unit(estate):
    above = estate.unit("above")
    below = estate.unit("below", above)
    with refused("OrganizationalUnitNotEmptyException", status=400):
        estate.organizations.delete_organizational_unit(OrganizationalUnitId=above)
    account = estate.account()
    estate.move(account, below)
    with refused("OrganizationalUnitNotEmptyException"):
        estate.organizations.delete_organizational_unit(OrganizationalUnitId=below)
    estate.move(account, estate.root)
    for unit in (below, above):
        estate.organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    with refused("OrganizationalUnitNotFoundException"):
        estate.organizations.describe_organizational_unit(OrganizationalUnitId=above)


def test_the_units_of_a_parent_come_in_pages(estate):
    made = {estate.unit(f"unit {number:02d}") for number in range(25)}
    estate.unit("elsewhere", next(iter(made)))
    pages = estate.organizations.get_paginator("list_organizational_units_for_parent").paginate(
        ParentId=estate.root
    )
    found = [[unit["Id"] for unit in page["OrganizationalUnits"]] for page in pages]
    assert [20, 5] == [len(page) for page in found]
    assert sorted(made) == [id for page in found for id in page]


def test_a_token_of_another_list_is_refused(estate):
    for number in range(3):
        estate.unit(f"unit {number}")
    first = estate.organizations.list_organizational_units_for_parent(ParentId=estate.root, MaxResults=2)
    with refused("InvalidInputException"):
        estate.organizations.list_accounts(NextToken=first["NextToken"])


@pytest.mark.parametrize("parent", ["r-none", "ou-none-12345678"])
def test_an_unknown_parent_is_not_found(estate, parent):
    with refused("ParentNotFoundException"):
        estate.unit("lost", parent)


def test_a_parent_of_the_wrong_shape_is_told_so(estate):
    with refused(
        "InvalidInputException", "You provided a value that does not match the required pattern.", status=400
    ):
        estate.unit("lost", "nowhere")
