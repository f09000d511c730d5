"""Wildcards: equal to the plain definition for any pattern, and never more than linear-ish in cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.policy.language.patterns import (
    lower_ascii,
    matcher,
    split_at_colons,
    utf16_units,
    wildcard_tokens,
)


def by_definition(pattern, text):
    """The textbook table: rows are prefixes of the pattern, columns prefixes of the text."""
    text = utf16_units(text)
    row = [True] + [False] * len(text)
    for sign in utf16_units(pattern):
        if sign == "*":
            for at in range(1, len(text) + 1):
                row[at] = row[at] or row[at - 1]
        else:
            row = [False] + [row[at] and sign in ("?", text[at]) for at in range(len(text))]
    return row[-1]


@settings(max_examples=1500, deadline=None)
@given(st.text("ab:*?.[\U0001f600", max_size=9), st.text("ab:*.[\n\U0001f600", max_size=9))
def test_a_pattern_matches_what_its_definition_says(pattern, text):
    assert by_definition(pattern, text) == matcher(wildcard_tokens(pattern))(text)


@given(st.text("a:*?", max_size=14), st.integers(0, 6))
def test_patterns_are_cut_at_colons_as_texts_are(pattern, limit):
    parts = split_at_colons(wildcard_tokens(pattern), limit)
    written = ["".join(token if isinstance(token, str) else token.value for token in part) for part in parts]
    assert pattern.split(":", limit) == written


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 1000 + "b",
        "a*" * 1000 + "b",
        "*a?" * 600 + "b",
        "?*" * 1000 + "b",
        "*" * 6000 + "b",
        "*" + "a" * 3000 + "*b",
        "*" + "a?" * 1000 + "*b",
    ],
)
def test_a_hostile_pattern_is_answered_at_once(pattern):
    """With backtracking each of these would outlast the test run by years."""
    assert not matcher(wildcard_tokens(pattern))("a" * 2048)


def test_only_ascii_letters_change_their_case():
    assert "k\u212aé" == lower_ascii("K\u212aé")
