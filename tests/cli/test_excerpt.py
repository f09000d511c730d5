"""The line a finding is about, with its marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.cli.excerpt import excerpt
from understudy_aws.policy.language.json_text import JsonSyntaxError, JsonText
from understudy_aws.policy.language.positions import Position, Span


def span(line, start, end, *, end_line=None):
    return Span(Position(line, start + 1), Position(end_line or line, end + 1))


def test_the_line_is_shown_without_its_indentation_and_marked():
    assert ('"Action": "s3:Get"', "          ^^^^^^^^") == excerpt(
        '{\n    "Action": "s3:Get"\n}', span(2, 14, 22)
    )


def test_of_several_lines_the_first_is_shown():
    assert ("{", "^") == excerpt("[\n  {\n  }]", span(2, 2, 3, end_line=3))


def test_of_a_long_line_what_is_near_is_shown():
    text = "a" * 200 + "here" + "b" * 200
    line, marks = excerpt(text, span(1, 200, 204))
    assert line.startswith("…aaa")
    assert line.endswith("bbb…")
    assert "here" == "".join(letter for letter, mark in zip(line, marks, strict=False) if mark == "^")


def test_the_end_of_a_text_has_nothing_to_show():
    assert excerpt("{", span(1, 1, 1)) is None


def test_nothing_gives_orders_to_the_terminal():
    line, _ = excerpt("\x1b[2Jx", span(1, 4, 5))
    assert " [2Jx" == line


@given(
    st.lists(st.sampled_from(["ab", " ", "\t", "{", "\U0001f600", "x" * 90]), min_size=1, max_size=12),
    st.data(),
)
def test_the_marks_stand_under_what_is_meant(pieces, data):
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    line, marks = excerpt(text, span(1, start, end))
    marked = "".join(letter for letter, mark in zip(line, marks, strict=False) if mark == "^")
    assert text[start:end].replace("\t", " ").startswith(marked)
    assert marked


@given(st.text(alphabet='{}[]",: \n\r\tab'))
def test_every_place_of_a_syntax_error_can_be_shown(text):
    try:
        JsonText(text)
    except JsonSyntaxError as error:
        excerpt(text, error.location.span)
