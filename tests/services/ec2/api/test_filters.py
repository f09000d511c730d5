"""Wildcards of filters: the general rule against a plain reading of it (ec2.md 7.6)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.ec2.api.filters import exact, matching
from understudy_aws.services.ec2.api.wildcards import MatchingBudget, WildcardMatcher

TABLE = {"colour": lambda record: record.colours}


def passes(record, *filters):
    return matching([{"Name": name, "Values": values} for name, values in filters], TABLE)(record)


def one_of(values):
    """Whether a text is one of the values of a filter."""
    accepts = matching([{"Name": "colour", "Values": values}], TABLE)
    return lambda text: accepts(SimpleNamespace(colours=(text,)))


def plainly(value, text):
    """Whether a text matches, by trying every length for every star."""
    if not value:
        return not text
    if value[0] == "*":
        return any(plainly(value[1:], text[place:]) for place in range(len(text) + 1))
    return bool(text) and value[0] in ("?", text[0]) and plainly(value[1:], text[1:])


@given(value=st.text("ab*?.", max_size=7), text=st.text("ab.", max_size=7))
def test_wildcards_mean_what_they_say(value, text):
    assert plainly(value, text) == one_of([value])(text)


def test_a_backslash_takes_a_wildcards_meaning_away():
    assert one_of(["a\\*"])("a*")
    assert not one_of(["a\\*"])("ab")


def test_a_backslash_at_the_end_is_itself():
    assert one_of(["*\\"])("a\\")
    assert not one_of(["*\\"])("a")


@given(
    values=st.lists(st.text("ab*?\\", max_size=5), min_size=1, max_size=6), text=st.text("ab?*", max_size=6)
)
def test_many_values_at_once_mean_what_each_means_by_itself(values, text):
    assert any(one_of([value])(text) for value in values) == one_of(values)(text)


def test_many_stars_cost_no_more_than_the_text():
    """A pattern that a backtracking matcher would need longer than the universe for."""
    assert not one_of(["*a" * 40 + "*b"])("a" * 250)


def test_two_hundred_values_with_wildcards_cost_hardly_more_than_one():
    """They were tried one by one: two hundred of them on 2,000 interfaces took most of a second."""
    texts = [f"eni-{number * 2654435761 % 2**64:017x}" for number in range(2000)]
    budget = MatchingBudget()
    matcher = WildcardMatcher([[f"*{number:03x}*{number:02x}" for number in range(200)]], budget)
    assert 0 < sum(matcher.groups_of(text) for text in texts) < len(texts)
    assert budget.left > MatchingBudget().left * 3 / 4


def test_filters_of_one_name_must_all_hold_and_cost_one_look():
    """200 filters of one wildcard each took five seconds on 2,000 texts of 250 characters."""
    record = SimpleNamespace(colours=("red", "blue"))
    assert passes(record, ("colour", ["r*"]), ("colour", ["*ue", "x*"]), ("colour", ["red"]))
    assert not passes(record, ("colour", ["r*"]), ("colour", ["*x"]))
    assert passes(record, ("colour", ["red"]), ("colour", ["blue"]))
    assert not passes(record, ("colour", ["red"]), ("colour", ["green"]))
    budget = MatchingBudget()
    matcher = WildcardMatcher([["*"]] * 200, budget)
    assert {(1 << 200) - 1} == {matcher.groups_of(f"{number:0250b}") for number in range(2000)}
    assert budget.left > MatchingBudget().left * 3 / 4


def test_values_made_to_be_tried_for_long_are_refused():
    """Two hundred values of letters and stars in turn, on texts of the same letters, take minutes."""
    accepted = one_of([f"*{'*'.join(f'{number:08b}' * 30)}*" for number in range(200)])
    with pytest.raises(ApiError, match="too many wildcards") as refused:
        [accepted(f"{number * 2654435761 % 2**251:0255b}") for number in range(1, 2000)]
    assert "FilterLimitExceeded" == refused.value.code


def test_values_are_alternatives_and_filters_add_up():
    record = SimpleNamespace(colours=("red", "blue"), tags={"team": "one"})
    assert passes(record, ("colour", ["green", "blue"]))
    assert passes(record, ("colour", ["r*"]), ("tag:team", ["one"]), ("tag-key", ["team"]))
    assert not passes(record, ("colour", ["red"]), ("tag:team", ["two"]))
    assert passes(record, ("tag-value", ["o*"]))
    assert not passes(record, ("tag-value", ["team"]))
    assert not passes(record, ("colour", ["Red"]))


@pytest.mark.parametrize(
    "filters, code",
    [
        ([{"Name": "size", "Values": ["1"]}], "InvalidParameterValue"),
        ([{"Values": ["1"]}], "InvalidParameterValue"),
        ([{"Name": "colour"}], "MissingParameter"),
        ([{"Name": "colour", "Values": ["x"] * 201}], "FilterLimitExceeded"),
        ([{"Name": "colour", "Values": ["x"] * 101}] * 2, "FilterLimitExceeded"),
        ([{"Name": "colour", "Values": ["*"]}] * 16_000, "FilterLimitExceeded"),
    ],
)
def test_a_filter_that_asks_nothing_sensible_is_refused(filters, code):
    with pytest.raises(ApiError) as caught:
        matching(filters, TABLE)
    assert code == caught.value.code


def test_only_values_without_wildcards_can_be_looked_up():
    assert ["a", "b"] == exact([{"Name": "colour", "Values": ["b", "a", "b"]}], "colour")
    assert exact([{"Name": "colour", "Values": ["a*"]}], "colour") is None
    assert exact(None, "colour") is None
