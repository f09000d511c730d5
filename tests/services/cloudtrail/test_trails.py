"""Trails, of which there are none."""

from __future__ import annotations

import pytest
from refusals import refused


@pytest.fixture
def cloudtrail(understudy):
    return understudy.client("cloudtrail")


def test_lists_of_trails_are_empty(cloudtrail):
    assert [] == cloudtrail.describe_trails()["trailList"]
    assert (
        [] == cloudtrail.describe_trails(trailNameList=["management"], includeShadowTrails=True)["trailList"]
    )
    assert [] == cloudtrail.list_trails()["Trails"]
    with refused("InvalidNextTokenException"):
        cloudtrail.list_trails(NextToken="more")


@pytest.mark.parametrize("name", ["management", "arn:aws:cloudtrail:us-east-1:000000000000:trail/management"])
def test_a_trail_is_not_found(cloudtrail, name):
    """cloudtrail.md 31.6."""
    text = f"Unknown trail: {name} for the user: 000000000000"
    with refused("TrailNotFoundException", text):
        cloudtrail.get_trail(Name=name)
    with refused("TrailNotFoundException", text):
        cloudtrail.get_trail_status(Name=name)
    with refused("TrailNotFoundException", text):
        cloudtrail.get_event_selectors(TrailName=name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "InvalidTrailNameException"),
        ("a" * 129, "InvalidTrailNameException"),
        ("my trail", "InvalidTrailNameException"),
        ("-trail", "InvalidTrailNameException"),
        ("trail-", "InvalidTrailNameException"),
        ("arn:aws:s3:::trail", "CloudTrailARNInvalidException"),
    ],
)
def test_what_is_no_name_of_a_trail(cloudtrail, name, code):
    """cloudtrail.md 31.6."""
    with refused(code):
        cloudtrail.get_trail(Name=name)
    with refused(code):
        cloudtrail.describe_trails(trailNameList=[name])


def test_trails_are_asked_about_by_their_arns(understudy):
    who = understudy.allowing("ann", "cloudtrail:GetTrail", resource="arn:aws:cloudtrail:*:*:trail/mine")
    mine = understudy.client("cloudtrail", as_=who)
    with refused("TrailNotFoundException"):
        mine.get_trail(Name="mine")
    with refused("AccessDeniedException"):
        mine.get_trail(Name="other")
