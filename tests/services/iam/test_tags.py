"""The rules of tags: iam.md 2.4, recorded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam import tags

KEYS = st.text("abcABC", min_size=1, max_size=3)
REQUESTS = st.dictionaries(KEYS, st.sampled_from(["x", "y", ""]), max_size=8)


def tag(key, value="v"):
    return {"Key": key, "Value": value}


class TestUsers:
    @pytest.fixture(autouse=True)
    def ann(self, iam):
        iam.create_user(UserName="ann")

    def test_tagging_replaces_spelling_and_value(self, iam):
        iam.tag_user(UserName="ann", Tags=[tag("team", "a"), tag("cost", "1")])
        iam.tag_user(UserName="ann", Tags=[tag("TEAM", "b")])
        assert [tag("TEAM", "b"), tag("cost", "1")] == iam.list_user_tags(UserName="ann")["Tags"]

    def test_untagging_does_not_look_at_case_and_forgives(self, iam):
        iam.tag_user(UserName="ann", Tags=[tag("team")])
        iam.untag_user(UserName="ann", TagKeys=["TEAM", "absent", "aws:reserved"])
        assert [] == iam.list_user_tags(UserName="ann")["Tags"]
        assert "Tags" not in iam.get_user(UserName="ann")["User"]

    @pytest.mark.parametrize("key", ["aws:x", "AWS:x", "aWs:"])
    def test_keys_of_aws_are_reserved_and_values_are_not(self, iam, refused, key):
        with refused("InvalidInput", "Tag keys beginning with aws: are reserved for system use.", 400):
            iam.tag_user(UserName="ann", Tags=[tag(key)])
        iam.tag_user(UserName="ann", Tags=[tag("key", "aws:x")])

    def test_keys_that_differ_in_case_alone_are_duplicates(self, iam, refused):
        text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        with refused("InvalidInput", text, 400):
            iam.tag_user(UserName="ann", Tags=[tag("k"), tag("K")])
        with refused("InvalidInput", text, 400):
            iam.create_user(UserName="bob", Tags=[tag("k"), tag("K")])

    def test_no_tags_at_all_is_refused(self, iam, refused):
        with refused("InvalidInput", status=400):
            iam.tag_user(UserName="ann", Tags=[])

    def test_fifty_is_the_most_and_a_refused_call_changes_nothing(self, iam, refused):
        full = [tag(f"k{number:02}") for number in range(50)]
        iam.tag_user(UserName="ann", Tags=full)
        with refused("LimitExceeded", status=409):
            iam.tag_user(UserName="ann", Tags=[tag("k00", "changed"), tag("k50")])
        assert full == iam.list_user_tags(UserName="ann")["Tags"]
        iam.tag_user(UserName="ann", Tags=[tag("K00", "changed")])
        with refused("ValidationError", status=400):
            iam.create_user(UserName="bob", Tags=[*full, tag("k50")])

    def test_they_are_paged_by_key_however_long(self, iam, pages):
        long_keys = [tag(letter + "漢" * 127) for letter in "edcba"]
        iam.tag_user(UserName="ann", Tags=long_keys)
        assert long_keys[::-1] == pages(iam.list_user_tags, "Tags", UserName="ann")


class TestPermissions:
    def test_what_may_be_tagged_with_can_be_limited(self, iam, understudy, policy, refused):
        guard = policy(
            "iam:TagUser",
            Condition={
                "StringEquals": {"aws:RequestTag/Team": "web"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
            },
        )
        iam.create_user(UserName="ann")
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(guard)))
        with refused("AccessDenied"):
            client.tag_user(UserName="ann", Tags=[tag("team", "api")])
        with refused("AccessDenied"):
            client.tag_user(UserName="ann", Tags=[tag("team", "web"), tag("cost", "1")])
        client.tag_user(UserName="ann", Tags=[tag("team", "web")])

    def test_which_tags_may_be_taken_away_can_be_limited(self, iam, understudy, policy, refused):
        guard = policy("iam:UntagUser", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}})
        iam.create_user(UserName="ann", Tags=[tag("team"), tag("cost")])
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(guard)))
        with refused("AccessDenied"):
            client.untag_user(UserName="ann", TagKeys=["team", "cost"])
        client.untag_user(UserName="ann", TagKeys=["cost"])


@given(REQUESTS, REQUESTS)
def test_merging_is_a_dictionary_update_without_case(first, second):
    """Whatever is merged, no key is there twice, and the later value and spelling hold."""

    def as_request(values):
        return [tag(key, value) for key, value in values.items()]

    if any(len({key.lower() for key in values}) < len(values) for values in (first, second)):
        with pytest.raises(ApiError, match="Duplicate tag keys found"):
            tags.merged(tags.merged((), as_request(first)), as_request(second))
        return
    kept = tags.merged(tags.merged((), as_request(first)), as_request(second))
    expected = {key.lower(): (key, value) for key, value in first.items()}
    expected |= {key.lower(): (key, value) for key, value in second.items()}
    assert expected == {key.lower(): (key, value) for key, value in kept}
    assert len(expected) == len(kept)


@given(REQUESTS, st.lists(KEYS))
def test_what_was_taken_away_is_gone_and_the_rest_stays(present, gone):
    kept = tags.without(tuple(present.items()), gone)
    folded = {key.lower() for key in gone}
    assert tuple((key, value) for key, value in present.items() if key.lower() not in folded) == kept
