"""ARNs in parts, and which resource types they can be of."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy.findings.arns import arn_parts, overlap, type_patterns, types_of_resource

PATTERNS = st.lists(st.sampled_from("ab*?"), max_size=6).map("".join)


def collapsed(pattern):
    """No two stars side by side, as everywhere in these modules."""
    return re.sub(r"\*+", "*", pattern)


def texts(length):
    """Every text of a and b up to a length."""
    found = [""]
    for _ in range(length):
        found += [text + letter for text in found for letter in "ab"]
    return set(found)


TEXTS = texts(7)


def matched(pattern):
    expression = re.compile("".join({"*": ".*", "?": "."}.get(each, each) for each in pattern))
    return {text for text in TEXTS if expression.fullmatch(text)}


@given(PATTERNS, PATTERNS)
def test_patterns_overlap_when_some_text_matches_both(one, other):
    """Of patterns up to three signs long some text of at most seven letters would have to match both."""
    one, other = collapsed(one)[:3], collapsed(other)[:4]
    expected = bool(matched(one) & matched(other))
    assert expected == overlap(one, other)
    assert expected == overlap(other, one)


def test_a_colon_in_a_variable_parts_nothing():
    parts = arn_parts("arn:${aws:Partition}:s3:::bucket/${aws:username}:x")
    assert ["arn", "${aws:Partition}", "s3", "", "", "bucket/${aws:username}:x"] == [
        part.text for part in parts
    ]
    assert [0, 4, 21, 24, 25, 26] == [part.start for part in parts]
    assert ["arn", "*", "s3", "", "", "bucket/*:x"] == [part.pattern for part in parts]


def test_an_unfinished_variable_takes_the_rest():
    assert ["arn", "${aws:s3:::b"] == [part.text for part in arn_parts("arn:${aws:s3:::b")]


@pytest.mark.parametrize(
    ("namespace", "resource", "expected"),
    [
        ("s3", "bucket", {"bucket"}),
        ("s3", "bucket/*", {"object"}),
        ("dynamodb", "table/t", {"table"}),
        ("dynamodb", "tables/t", set()),
        ("iam", "ro*", {"role"}),
        ("sqs", "*", {"queue"}),
    ],
)
def test_the_types_of_a_resource_are_found(namespace, resource, expected):
    found = {pattern.type.name for pattern in types_of_resource(namespace, resource)}
    assert expected <= found
    assert bool(expected) == bool(found)


def test_a_namespace_nobody_knows_has_no_types():
    assert () == type_patterns("nothing")
