"""LookupEvents: what is found, in which order, page by page."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from issuers import GITHUB, MAIN, Issuer
from refusals import refused

from understudy_aws.services.cloudtrail import lookup
from understudy_aws.testing import Credentials, Understudy


@pytest.fixture
def trail(understudy):
    return understudy.client("cloudtrail")


def found(trail, key=None, value=None, **more):
    """The events of all pages, newest first."""
    if key is not None:
        more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    pages = trail.get_paginator("lookup_events").paginate(**more)
    return [event for page in pages for event in page["Events"]]


def names(events):
    return [event["EventName"] for event in events]


def test_events_are_listed_newest_first(understudy, trail):
    """cloudtrail.md 31.5. The lookup itself is an event too, once it is over."""
    iam = understudy.client("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="staff")
    assert ["CreateGroup", "CreateUser"] == names(found(trail))
    assert ["LookupEvents", "CreateGroup", "CreateUser"] == names(found(trail))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("EventName", "CreateUser", ["CreateUser", "CreateUser"]),
        ("EventName", "createuser", []),
        ("EventSource", "iam.amazonaws.com", ["DeleteUser", "GetUser", "CreateUser", "CreateUser"]),
        ("EventSource", "ec2.amazonaws.com", ["DescribeVpcs"]),
        ("ReadOnly", "true", ["DescribeVpcs", "GetUser"]),
        ("ReadOnly", "false", ["DeleteUser", "CreateUser", "CreateUser"]),
        ("Username", "Administrator", ["DeleteUser", "DescribeVpcs", "GetUser", "CreateUser", "CreateUser"]),
        ("Username", "nobody", []),
        ("ResourceType", "AWS::IAM::User", ["DeleteUser", "GetUser", "CreateUser", "CreateUser"]),
        ("ResourceType", "AWS::IAM::Role", []),
        ("ResourceName", "bob", ["CreateUser"]),
        ("ResourceName", "arn:aws:iam::000000000000:user/ann", ["CreateUser"]),
    ],
)
def test_one_attribute_chooses(understudy, trail, key, value, expected):
    """cloudtrail.md 31.5."""
    iam = understudy.client("iam")
    iam.create_user(UserName="ann")
    iam.create_user(UserName="bob")
    iam.get_user(UserName="ann")
    understudy.client("ec2").describe_vpcs()
    iam.delete_user(UserName="ann")
    assert expected == names(found(trail, key, value))


def test_by_access_key_and_by_id(understudy, trail):
    who = understudy.allowing("ann", "iam:*")
    understudy.client("iam", as_=who).list_users()
    event = found(trail, "AccessKeyId", who.access_key_id)
    assert ["ListUsers"] == names(event)
    assert who.access_key_id == event[0]["AccessKeyId"]
    assert event == found(trail, "EventId", event[0]["EventId"])
    assert [] == found(trail, "EventId", json.loads(event[0]["CloudTrailEvent"])["requestID"])
    assert [] == found(trail, "EventId", "no id at all")


def test_an_event_is_found_by_its_id_in_its_time_alone(understudy, trail):
    understudy.client("iam").list_users()
    event = found(trail)[0]
    day = timedelta(days=1)
    one = {"key": "EventId", "value": event["EventId"]}
    assert [event] == found(
        trail, **one, StartTime=event["EventTime"] - day, EndTime=event["EventTime"] + day
    )
    assert [] == found(trail, **one, StartTime=event["EventTime"] + day)
    assert [] == found(trail, **one, EndTime=event["EventTime"] - day)


def test_regions_have_their_own_events_and_global_services_are_in_us_east_1(understudy, trail):
    """cloudtrail.md 31.1."""
    ireland = understudy.client("cloudtrail", region="eu-west-1")
    understudy.client("ec2", region="eu-west-1").describe_vpcs()
    understudy.client("iam", region="eu-west-1").list_users()
    assert ["DescribeVpcs"] == names(found(ireland))
    assert ["ListUsers"] == names(found(trail))


def test_accounts_see_their_own_events_alone(understudy, trail):
    other = understudy.account_administrator("111111111111")
    understudy.client("iam", as_=other).create_user(UserName="ann")
    assert [] == found(trail)
    event = found(understudy.client("cloudtrail", as_=other))[0]
    assert ("CreateUser", "111111111111") == (
        event["EventName"],
        json.loads(event["CloudTrailEvent"])["recipientAccountId"],
    )
    assert [] == found(trail, "EventId", event["EventId"])


def test_times_bound_the_events_and_are_included(understudy, trail):
    """cloudtrail.md 31.5."""
    iam = understudy.client("iam")
    for name in ("ann", "bob", "cat", "dan"):
        iam.create_user(UserName=name)
        understudy.clock.advance(3600)
    events = found(trail)
    at = {event["Resources"][0]["ResourceName"]: event["EventTime"] for event in events}
    between = [
        event["Resources"][0]["ResourceName"]
        for event in found(trail, "EventName", "CreateUser", StartTime=at["bob"], EndTime=at["cat"])
    ]
    assert ["cat", "bob"] == between
    with refused("InvalidTimeRangeException"):
        trail.lookup_events(StartTime=at["cat"], EndTime=at["bob"])


def test_a_page_has_fifty_and_the_rest_follows(understudy, trail):
    """cloudtrail.md 31.5."""
    iam = understudy.client("iam")
    for number in range(70):
        iam.get_user() if number % 2 else iam.list_users()
    first = trail.lookup_events()
    assert 50 == len(first["Events"])
    second = trail.lookup_events(NextToken=first["NextToken"])
    assert 20 == len(second["Events"])
    assert "NextToken" not in second
    ids = [event["EventId"] for page in (first, second) for event in page["Events"]]
    assert 70 == len(set(ids))
    small = trail.lookup_events(
        MaxResults=7, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetUser"}]
    )
    assert ["GetUser"] * 7 == names(small["Events"])
    with refused("InvalidNextTokenException"):
        trail.lookup_events(NextToken=small["NextToken"])
    with refused("InvalidNextTokenException"):
        trail.lookup_events(NextToken="made up")


@pytest.mark.parametrize("state", ["memory:", "file"])
def test_one_call_looks_at_so_many_entries_and_no_more(tmp_path, monkeypatch, state):
    """What is not looked at yet comes with the next page, so that no lookup takes longer than its share."""
    monkeypatch.setattr(lookup, "MOST_LOOKED_AT", 10)
    with Understudy(state=state if state == "memory:" else str(tmp_path / "state")) as understudy:
        iam, trail = understudy.client("iam"), understudy.client("cloudtrail")
        iam.create_user(UserName="ann")
        for _ in range(25):
            iam.list_groups()
        wanted = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]}
        first = trail.lookup_events(**wanted)
        assert [] == first["Events"]
        assert first["NextToken"]
        assert ["CreateUser"] == names(found(trail, "EventName", "CreateUser"))


def test_a_lookup_of_times_long_ago_passes_over_what_came_later(understudy, trail, monkeypatch):
    iam = understudy.client("iam")
    iam.create_user(UserName="ann")
    then = found(trail)[0]["EventTime"]
    understudy.clock.advance(86400)
    for _ in range(300):
        iam.list_groups()
    monkeypatch.setattr(lookup, "MOST_LOOKED_AT", 150)
    page = trail.lookup_events(EndTime=then + timedelta(hours=1))
    assert ["LookupEvents", "CreateUser"] == names(page["Events"])


def test_there_are_no_insights(understudy, trail):
    understudy.client("iam").list_users()
    assert [] == trail.lookup_events(EventCategory="insight")["Events"]


@pytest.mark.parametrize(
    "attributes",
    [
        [
            {"AttributeKey": "EventName", "AttributeValue": "CreateUser"},
            {"AttributeKey": "Username", "AttributeValue": "ann"},
        ],
        [{"AttributeKey": "ReadOnly", "AttributeValue": "yes"}],
    ],
)
def test_attributes_that_cannot_be_looked_up(trail, attributes):
    """cloudtrail.md 31.5."""
    with refused("InvalidLookupAttributesException"):
        trail.lookup_events(LookupAttributes=attributes)


@pytest.mark.parametrize(
    "parameters",
    [
        {"MaxResults": 51},
        {"MaxResults": 0},
        {"LookupAttributes": [{"AttributeKey": "x", "AttributeValue": "y"}]},
    ],
)
def test_what_the_description_forbids_is_refused(trail, parameters):
    with refused("ValidationException"):
        trail.lookup_events(**parameters)


def test_calls_that_nobody_is_known_to_have_made_are_not_there(understudy, trail):
    with refused("InvalidClientTokenId"):
        understudy.client("iam", as_=Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)).list_users()
    assert [] == found(trail)


def test_federations_that_fail_are_there_once_the_token_is_good(understudy, trail):
    """cloudtrail.md 31.2: refused by the trust policy, and not by the keys, the audience or the clock."""
    github = Issuer(understudy)
    role = github.role(condition={"StringEquals": {f"{GITHUB}:sub": "repo:acme/other:*"}})
    with refused("AccessDenied", status=403):
        github.assume(role)
    for token in ("no token", github.token(aud="another")):
        with refused("InvalidIdentityToken", status=400):
            github.assume(role, token)
    with refused("ExpiredTokenException", status=400):
        github.assume(role, github.token(exp=1))
    (event,) = found(trail, "EventName", "AssumeRoleWithWebIdentity")
    record = json.loads(event["CloudTrailEvent"])
    assert ("AccessDenied", "WebIdentityUser", MAIN) == (
        record["errorCode"],
        record["userIdentity"]["type"],
        record["userIdentity"]["userName"],
    )
    assert understudy.account == record["recipientAccountId"]
    assert role == record["requestParameters"]["roleArn"]


def test_events_survive_a_restart(tmp_path):
    with Understudy(state=str(tmp_path)) as first:
        first.client("iam").create_user(UserName="ann")
        keys = first.administrator
        before = found(first.client("cloudtrail"))
    with Understudy(state=str(tmp_path), account="111111111111") as again:
        after = found(again.client("cloudtrail", as_=keys), "EventName", "CreateUser")
    assert before == after
