"""What is remembered, and what is not."""

from __future__ import annotations

from understudy_aws.policy.language.memo import memoized


def test_an_answer_about_a_short_text_is_remembered_and_one_about_a_long_text_is_not():
    asked = []

    @memoized(2)
    def length(text, other=""):
        asked.append(text[:1])
        return len(text) + len(other)

    assert [1, 1, 2048, 2048, 2049, 2049] == [
        length(letter * size)
        for letter, size in (("a", 1), ("a", 1), ("b", 2048), ("b", 2048), ("c", 2049), ("c", 2049))
    ]
    assert ["a", "b", "c", "c"] == asked
    assert 3 == length("a", "bc")
    assert "length" == length.__name__
