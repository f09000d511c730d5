"""Scalars read from text and written to it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.wire.scalars import (
    any_timestamp,
    base64_text,
    blob,
    boolean,
    decimal_number,
    epoch,
    from_epoch,
    header_text,
    iso_milliseconds,
    number_text,
    timestamp,
    timestamp_writer,
    whole_number,
)

MOMENTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1))


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_number_of_64_bits_is_read_back(number):
    assert number == whole_number(str(number))


@pytest.mark.parametrize("text", ["", " 1", "1 ", "1.0", "1e3", "--1", "0x1", "１", "1\n", "9" * 5000])
def test_a_whole_number_has_no_other_spelling(text):
    """Reference iam.md 2.8."""
    with pytest.raises(ValueError, match=r"\A"):
        whole_number(text)


@given(st.floats(allow_nan=False, width=64))
def test_any_float_written_is_read_back(number):
    assert number == decimal_number(number_text(number))


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_0", "1,5", "e5", ".", "1e99999"])
def test_a_decimal_number_has_no_other_spelling(text):
    with pytest.raises(ValueError, match=r"\A"):
        decimal_number(text)


def test_what_is_no_number_has_xmls_names():
    assert ["NaN", "Infinity", "-Infinity"] == [number_text(float(text)) for text in ("nan", "inf", "-inf")]


@pytest.mark.parametrize("text", ["True", "yes", "", "2", "on", " true"])
def test_a_boolean_has_no_other_spelling(text):
    """Reference iam.md 2.8."""
    with pytest.raises(ValueError, match=r"\A"):
        boolean(text)


@given(st.binary())
def test_any_bytes_written_are_read_back(value):
    assert value == blob(base64_text(value))


@pytest.mark.parametrize("text", ["a", "a b=", "!", "YQ", "é"])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(ValueError, match=r"\A"):
        blob(text)


@given(MOMENTS)
def test_a_timestamp_is_written_to_the_millisecond_and_read_back(at):
    read = timestamp(iso_milliseconds(at))
    assert timedelta() <= at - read < timedelta(milliseconds=1)


def test_a_timestamp_has_two_spellings_and_one_without_zone_is_utc():
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    texts = ["2026-03-04T05:06:07Z", "2026-03-04T05:06:07", "2026-03-04T06:06:07+01:00", "1772600767"]
    assert [at] * 4 == [timestamp(text) for text in texts]
    assert at == from_epoch(at.astimezone(timezone(timedelta(hours=5))).timestamp())


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-45", "1e300", "NaN", "Infinity", "2026-03-04T25:00:00Z"]
)
def test_what_no_calendar_has_is_refused(text):
    with pytest.raises(ValueError, match=r"\A"):
        timestamp(text)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("iso8601", "2026-03-04T05:06:07.089Z"),
        ("rfc822", "Wed, 04 Mar 2026 05:06:07 GMT"),
        ("unixTimestamp", "1772600767.089"),
    ],
)
def test_a_timestamp_is_written_in_the_format_asked_for(format, text):
    at = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
    assert text == timestamp_writer(format)(at)
    assert abs(any_timestamp(text) - at) < timedelta(seconds=1)


@given(MOMENTS, st.sampled_from(["iso8601", "rfc822", "unixTimestamp"]))
def test_a_whole_second_written_in_any_format_is_read_back(at, format):
    at = at.replace(microsecond=0)
    assert at == any_timestamp(timestamp_writer(format)(at))


def test_seconds_that_are_whole_are_written_without_a_fraction():
    assert "1772600767" == str(epoch(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)))


@given(st.text(max_size=30))
def test_any_text_is_a_timestamp_or_is_refused(text):
    with contextlib.suppress(ValueError):
        assert any_timestamp(text).tzinfo is UTC


@given(st.text())
def test_no_letter_breaks_out_of_a_header(text):
    kept = header_text(text)
    assert kept.isascii()
    assert not set(kept) & set("\r\n\x00")
