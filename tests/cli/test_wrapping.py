"""Lines that fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.cli.wrapping import width, wrapped

ARN = "arn:aws:iam::000000000000:role/aws-service-role/networking.apprunner.amazonaws.com/AWSServiceRoleForIt"


def test_what_fits_stays():
    assert ["  a  b"] == wrapped("  a  b", 6)
    assert ["a " * 100] == wrapped("a " * 100, None)


def test_a_sentence_goes_on_a_little_to_the_right():
    assert ["to allow", "  it add", "  that"] == wrapped("to allow it add that", 9)


def test_what_stands_in_a_column_stays_in_it():
    assert [
        "> identity policies  not allowed: no statement",
        "                     of given is about it",
    ] == wrapped("> identity policies  not allowed: no statement of given is about it", 46)


def test_an_arn_stays_whole():
    assert ["add to", f"  {ARN}"] == wrapped(f"add to {ARN}", 40)
    assert [f"        for {ARN}"] == wrapped(f"        for {ARN}", 40)


@pytest.mark.parametrize("line", [f'    "Resource": "{ARN}"', "  {", "  ]"])
def test_a_document_stays_as_it_is(line):
    assert [line] == wrapped(line, 10)


@given(st.text(st.sampled_from('ab: ."{'), max_size=200), st.integers(1, 60))
def test_no_word_is_lost(line, columns):
    assert line.split() == " ".join(wrapped(line, columns)).split()


def test_a_pipe_has_no_width(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width() is None


@pytest.mark.parametrize(("columns", "expected"), [("100", 100), ("1", 40)])
def test_the_environment_says_how_wide(columns, expected, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert expected == width()
