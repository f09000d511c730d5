"""Which patterns match everything that another one matches."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy.findings.advice.coverage import (
    Covered,
    covered_actions,
    covered_resources,
    covers,
)
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens


@pytest.mark.parametrize(
    ("pattern", "other", "wider"),
    [
        ("*", "", True),
        ("*", "a*b?", True),
        ("a*", "ab*", True),
        ("a*c", "a*b*c", True),
        ("a?", "ab", True),
        ("a?", "a?", True),
        ("a?", "a*", False),
        ("a*?", "a?", True),
        ("?*", "a", True),
        ("?*", "*", False),
        ("a*", "b", False),
        ("ab*", "a*", False),
        ("a", "a", True),
        ("a??d", "a?cd", True),
        ("*a?c*", "xxabcxx", True),
        ("*a?c", "xxa*c", False),
    ],
)
def test_a_pattern_is_wider_than_another_when_it_matches_all_that_the_other_does(pattern, other, wider):
    assert wider == covers(pattern, other)


PATTERNS = st.text("ab*?", min_size=1, max_size=6)
TEXTS = st.text("ab", max_size=8)


@given(PATTERNS, PATTERNS, TEXTS)
def test_what_a_pattern_covers_matches_nothing_that_it_does_not_match(pattern, other, text):
    if covers(pattern, other) and matcher(wildcard_tokens(other))(text):
        assert matcher(wildcard_tokens(pattern))(text)


LISTS = st.lists(st.text("ab*?", min_size=1, max_size=5), max_size=8)


@given(LISTS)
def test_every_place_is_covered_once_by_one_that_stays(actions):
    covered = covered_actions(actions)
    places = [place for each in covered for place in each.places]
    assert sorted(set(places)) == sorted(places)
    assert not set(places) & {each.by for each in covered}
    for each in covered:
        for place in each.places:
            assert covers(actions[each.by], actions[place]) or actions[each.by] == actions[place]


@given(LISTS, TEXTS)
def test_without_the_covered_actions_the_same_texts_match(actions, text):
    superfluous = {place for each in covered_actions(actions) for place in each.places}
    kept = [action for place, action in enumerate(actions) if place not in superfluous]
    before = any(matcher(wildcard_tokens(action))(text) for action in actions)
    assert before == any(matcher(wildcard_tokens(action))(text) for action in kept)


@given(LISTS)
def test_no_action_that_remains_is_covered_by_another(actions):
    superfluous = {place for each in covered_actions(actions) for place in each.places}
    kept = [action for place, action in enumerate(actions) if place not in superfluous]
    assert [] == [one for one in kept for other in kept if one != other and covers(other, one)]


def test_a_chain_of_prefixes_is_covered_by_its_widest():
    assert [Covered(0, (1, 2, 3))] == covered_actions(["a*", "ab*", "abc*", "abcd"])


def test_a_star_alone_covers_every_arn():
    arns = ["arn:aws:s3:::a", "*", "arn:aws:sns:*:*:t", "nonsense"]
    assert [Covered(1, (0, 2))] == covered_resources(arns)


@pytest.mark.parametrize(
    "make",
    [
        lambda number: f"s3:Get{number}",
        lambda number: f"s3:Get{number}*",
        lambda number: f"s3:*Get{number}",
        lambda number: f"s3:?et{number}",
        lambda number: f"arn:aws:s{number}:*:*:x/*",
        lambda number: f"arn:aws:s3:*:{number}*:x/*",
        lambda number: "s3:" + "a" * (number % 500) + "*",
        lambda number: "*a" * (number % 100 + 1),
    ],
)
def test_ten_thousand_values_are_answered(make):
    """A list of this length compared each with each would take minutes."""
    values = [make(number) for number in range(10_000)]
    assert len(covered_actions([*values, values[0]])) >= 1
    assert len(covered_resources([*values, values[0]])) >= 1


@given(st.lists(st.text(string.printable + "\ue000\ue001é😀", max_size=12), max_size=6))
def test_no_text_makes_it_raise(values):
    covered_actions(values)
    covered_resources(values)
