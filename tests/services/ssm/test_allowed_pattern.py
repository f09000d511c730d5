"""AllowedPattern: what fits a regular expression, in a time that the value's length bounds (parameters.md 23.2)."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from understudy_aws.core.errors import ApiError
from understudy_aws.services.ssm.allowed_pattern import fits

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\w", r"\S", "^", "$", "", r"\."])


def larger(inner):
    quantified = st.builds(
        "(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "??"])
    )
    return st.one_of(
        quantified, st.builds("{}{}".format, inner, inner), st.builds("(?:{}|{})".format, inner, inner)
    )


@given(pattern=st.recursive(ATOMS, larger, max_leaves=6), value=st.text("abc1.", max_size=5))
def test_it_agrees_with_python_on_what_fits_as_a_whole(pattern, value):
    """Python tries every way through a pattern; over these letters both notations mean the same."""
    assert fits(pattern, value) is bool(re.fullmatch(pattern, value, re.ASCII))


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"^\d+$", "123", True),
        (r"^\d+$", "12a", False),
        (r"\d+", "a123", False),
        ("(?<year>[0-9]{4})-[0-9]{2}", "2026-11", True),
        (r"[\w.+-]+@[\w-]+\.\w{2,}", "a.b@example.com", True),
        (r"[\]a-]+", "]-a", True),
        (r"\x41B", "AB", True),
        ("ä+", "ää", True),
        ("a|b|", "", True),
        (".", "\n", False),
    ],
)
def test_java_s_notation(pattern, value, expected):
    assert fits(pattern, value) is expected


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "[a", "*", "a{", "a{2,1}", "[b-a]", "\\", r"\xg1", r"\u12"]
)
def test_what_is_no_expression(pattern):
    with pytest.raises(ApiError) as caught:
        fits(pattern, "a")
    assert "InvalidAllowedPatternException" == caught.value.code


@pytest.mark.parametrize(
    "pattern",
    ["(a)\\1", "(?=a)a", "(?<!a)b", "(?i)a", "a++", r"\p{L}", "[a[b]]", "(" * 51, "(?:a{999}){999}"],
)
def test_what_is_not_served_is_said(pattern):
    with pytest.raises(ApiError) as caught:
        fits(pattern, "a")
    assert ("NotImplemented", 501) == (caught.value.code, caught.value.status)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a?){200}a{200}b", "(.*)*(.*)*[^a]", "((a{1,50}){1,50})*b"]
)
def test_no_pattern_makes_others_wait_for_long(pattern):
    """These take going back for years."""
    began = time.thread_time()
    with suppress(ApiError):
        assert not fits(pattern, "a" * 8192)
    assert time.thread_time() - began < 1


def test_a_parameter_s_value_must_fit(understudy):
    client = understudy.client("ssm")
    with refused("ParameterPatternMismatchException") as told:
        client.put_parameter(Name="port", Value="http", Type="String", AllowedPattern=r"^\d{1,5}$")
    assert r"^\d{1,5}$" in told.text
    client.put_parameter(Name="port", Value="80", Type="String", AllowedPattern=r"^\d{1,5}$")
    with refused("ParameterPatternMismatchException"):
        client.put_parameter(Name="port", Value="http", Overwrite=True)
    with refused("InvalidAllowedPatternException"):
        client.put_parameter(Name="other", Value="a", Type="String", AllowedPattern="(")
