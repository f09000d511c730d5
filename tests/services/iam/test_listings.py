"""IAM's pages: iam.md 2.7."""

from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.listings import after, sorted_listing


def page(items, size, marker, scope="things"):
    return sorted_listing(
        "Things",
        items,
        lambda item: item,
        key=lambda item: (item,),
        scope=scope,
        max_items=size,
        marker=marker,
    )


@given(st.sets(st.text(max_size=5)), st.integers(1, 5))
def test_pages_hold_everything_once_in_order(items, size):
    found, marker = [], None
    while True:
        answer = page(items, size, marker)
        found += answer["Things"]
        marker = answer["Marker"]
        assert answer["IsTruncated"] == (marker is not None)
        if marker is None:
            break
    assert sorted(items) == found


@given(st.sets(st.text(max_size=5), min_size=3), st.data())
def test_what_is_deleted_between_pages_hides_nothing(items, data):
    first = page(items, 1, None)
    gone = data.draw(st.sets(st.sampled_from(sorted(items))))
    rest = page(items - gone, 1000, first["Marker"])
    assert sorted(items - gone - set(first["Things"])) == rest["Things"]


def test_a_page_has_a_hundred_unless_told():
    assert 100 == len(page([f"{number:04}" for number in range(150)], None, None)["Things"])


@given(st.text(max_size=600), st.text(max_size=600))
def test_a_marker_is_good_for_its_question_alone(scope, other):
    marker = page("ab", 1, None, scope)["Marker"]
    assert ("a",) == after(marker, scope)
    if other != scope:
        with pytest.raises(ApiError) as caught:
            after(marker, other)
        assert "ValidationError" == caught.value.code


def forged(marker, *key):
    """A marker for the same question and another key, as anyone can make who looks into one."""
    scope, *_ = json.loads(base64.urlsafe_b64decode(marker + "=" * (-len(marker) % 4)))
    return base64.urlsafe_b64encode(json.dumps([scope, *key]).encode()).decode().rstrip("=")


@pytest.mark.parametrize("operation", ["list_users", "list_groups"])
def test_no_marker_leads_into_another_account(understudy, refused, operation):
    mine = understudy.client("iam", as_=understudy.account_administrator("999999999999"))
    other = understudy.client("iam")
    for client in (other, mine):
        for name in "ab":
            client.create_user(UserName=name)
            client.create_group(GroupName=name)
    marker = getattr(mine, operation)(MaxItems=1)["Marker"]
    with refused("ValidationError", "Invalid Marker."):
        getattr(mine, operation)(Marker=forged(marker, understudy.account, ""))


@pytest.mark.parametrize("key", [(), ("x",), ("-1",), ("9" * 100,), ("²",), ("0", "")])
def test_no_marker_is_a_failure_of_ours(understudy, key):
    iam = understudy.client("iam")
    iam.create_group(GroupName="a")
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
        iam.add_user_to_group(GroupName="a", UserName=f"u{number}")
    iam.tag_user(UserName="u0", Tags=[{"Key": name, "Value": ""} for name in "abc"])
    codes = set()
    for operation, params in (
        (iam.list_users, {}),
        (iam.list_policies, {}),
        (iam.get_group, {"GroupName": "a"}),
        (iam.list_user_tags, {"UserName": "u0"}),
        (iam.get_account_authorization_details, {}),
    ):
        marker = operation(MaxItems=1, **params)["Marker"]
        try:
            operation(Marker=forged(marker, *key), **params)
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes <= {"ValidationError"}
