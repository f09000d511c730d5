"""Bodies the client compressed, and forms taken apart."""

from __future__ import annotations

import gzip

import pytest

from understudy.core.errors import ApiError
from understudy.core.http import HttpRequest
from understudy.wire.bodies import (
    LARGEST_UNPACKED,
    MOST_PARAMETERS,
    MalformedBodyError,
    form,
    repeated,
    unescaped,
    unpacked,
)


def sent(body: bytes, encoding: str) -> HttpRequest:
    return HttpRequest("POST", "/", "", {"content-encoding": encoding}, body)


def test_a_gzipped_body_is_unpacked():
    assert b"Action=GetRole" == unpacked(sent(gzip.compress(b"Action=GetRole"), "gzip"))


@pytest.mark.parametrize(
    "body,encoding,status",
    [
        (gzip.compress(bytes(LARGEST_UNPACKED + 1)), "gzip", 413),
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"cut short")[:-4], "gzip", 400),
        (b"x", "br", 415),
    ],
    ids=["bomb", "garbage", "truncated", "brotli"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body, encoding, status):
    with pytest.raises(ApiError) as refused:
        unpacked(sent(body, encoding))
    assert status == refused.value.status


def test_the_largest_body_is_still_unpacked():
    assert LARGEST_UNPACKED == len(unpacked(sent(gzip.compress(bytes(LARGEST_UNPACKED)), "gzip")))


def test_a_form_is_decoded():
    assert {"a": "1 2", "b c": "ü&=", "d": "", "e": "x=y"} == form(
        "a=1+2&b%20c=%C3%BC%26%3D&d&e=x=y&", last_wins=True
    )


@pytest.mark.parametrize("text", ["a=%", "a=%1", "%zz=1", "a=%ff", "a=%ED%A0%80"])
def test_a_broken_form_is_refused(text):
    with pytest.raises(MalformedBodyError):
        form(text, last_wins=True)


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
