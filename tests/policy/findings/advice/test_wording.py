"""Lists of names and pieces of JSON in sentences."""

import pytest

from understudy_aws.policy.findings.advice.wording import as_json, enumeration, one_or_list


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_names_are_listed_as_a_sentence_does(names, sentence):
    assert sentence == enumeration(names)


def test_one_value_stands_by_itself():
    assert '{"Action": "a"}' == as_json({"Action": one_or_list(["a"])})
    assert '{"Action": ["a", "b"]}' == as_json({"Action": one_or_list(["a", "b"])})
