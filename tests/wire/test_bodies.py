"""Bodies the client compressed, and forms taken apart."""

from __future__ import annotations

import gzip
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.bodies import (
    LARGEST_FORM,
    MOST_PARAMETERS,
    Form,
    MalformedBodyError,
    form,
    repeated,
    unescaped,
    unpacked,
)


def test_a_gzipped_body_is_unpacked():
    assert b"Action=GetRole" == unpacked(gzip.compress(b"Action=GetRole"), "gzip", 100)


@pytest.mark.parametrize(
    "body,encoding,status",
    [
        (gzip.compress(bytes(LARGEST_FORM + 1)), "gzip", 413),
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"cut short")[:-4], "gzip", 400),
        (b"x", "br", 415),
    ],
    ids=["bomb", "garbage", "truncated", "brotli"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body, encoding, status):
    with pytest.raises(ApiError) as refused:
        unpacked(body, encoding, LARGEST_FORM)
    assert status == refused.value.status


def test_the_largest_body_is_still_unpacked():
    packed = gzip.compress(bytes(LARGEST_FORM))
    assert LARGEST_FORM == len(unpacked(packed, "gzip", LARGEST_FORM))


def test_a_form_is_decoded():
    assert {"a": "1 2", "b c": "ü&=", "d": "", "e": "x=y"} == form(
        "a=1+2&b%20c=%C3%BC%26%3D&d&e=x=y&", last_wins=True
    )


@pytest.mark.parametrize("text", ["a=%", "a=%1", "%zz=1", "a=%ff", "a=%ED%A0%80"])
def test_a_broken_form_is_refused(text):
    with pytest.raises(MalformedBodyError):
        form(text, last_wins=True)


@given(st.text(), st.integers(0, 300))
def test_a_long_text_is_decoded_as_a_short_one_is(text, padding):
    """Escapes of long texts are decoded in one step, and otherwise than those of short ones."""
    text += "x= \t\r\n.=41" + "a" * padding
    assert {"a": text} == form(f"a={quote(text)}", last_wins=True)
    assert {"a": text.replace("+", " ")} == form(
        f"a={text.replace('%', '%25').replace('&', '%26')}", last_wins=True
    )


class TestGlance:
    """What must be known of a form before its signature is checked."""

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"Action=A&Version=1", "A"),
            (b"Version=1&Action=A", "A"),
            (b"Action=A&Action=B", "B"),
            (b"xAction=A&Action=B&yAction=C", "B"),
            (b"Action=Get%52ole", "GetRole"),
            (b"Actions=A", ""),
            (b"", ""),
        ],
    )
    def test_it_finds_what_reading_finds(self, body, expected):
        assert expected == Form(body=body).glance("Action")
        assert expected == Form(body=body).read().get("Action", "")

    @pytest.mark.parametrize("last_wins", [True, False])
    def test_in_a_query_string_the_first_or_the_last(self, last_wins):
        made = Form("Action=A&x=1&Action=B", last_wins=last_wins)
        assert made.read()["Action"] == made.glance("Action") == ("B" if last_wins else "A")

    def test_the_body_counts_before_the_query_string(self):
        assert "B" == Form("Action=A", b"Action=B").glance("Action")

    def test_an_endless_value_is_not_copied(self):
        assert 256 == len(Form(body=b"Action=" + b"a" * 10_000).glance("Action"))


def test_the_number_of_parameters_is_bounded():
    with pytest.raises(MalformedBodyError):
        form("&".join(["a=1"] * (MOST_PARAMETERS + 1)), last_wins=True)


def test_a_query_string_keeps_every_value_of_a_name_in_order():
    assert {"a": ["1", "", "2 3"], "b=": [""], "": ["x"]} == repeated("a=1&a&&a=2+3&b%3D=&=x")


@pytest.mark.parametrize("text", ["a=%", "%zz=1", "a=%ff", "&" * MOST_PARAMETERS])
def test_a_query_string_that_is_no_text_is_refused(text):
    with pytest.raises(MalformedBodyError):
        repeated(text)


def test_a_plus_sign_in_a_path_stands_for_itself():
    assert "a+b c/ü" == unescaped("a+b%20c%2F%C3%BC")
