"""Values that operators cannot read, or read otherwise than they look."""

import json

import pytest


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("TYPE_MISMATCH_BOOLEAN", '{"Bool": {"aws:SecureTransport": «"yes"»}}'),
        ("TYPE_MISMATCH_BOOLEAN", '{"BoolIfExists": {"aws:SecureTransport": ["true", «"1"»]}}'),
        ("TYPE_MISMATCH_BOOLEAN", '{"Bool": {"aws:SecureTransport": «7»}}'),
        ("TYPE_MISMATCH_BOOLEAN", '{"Null": {"aws:SourceVpc": «"no"»}}'),
        ("TYPE_MISMATCH_BOOLEAN", '{"Bool": {"aws:SecureTransport": ["TRUE", "false", true]}}'),
        ("TYPE_MISMATCH_BOOLEAN", '{"StringEquals": {"aws:SourceVpc": "yes"}}'),
        ("TYPE_MISMATCH_NUMBER", '{"NumericLessThan": {"aws:MultiFactorAuthAge": «"1h"»}}'),
        ("TYPE_MISMATCH_NUMBER", '{"NumericEquals": {"s3:max-keys": [«true», «"NaN"»]}}'),
        ("TYPE_MISMATCH_NUMBER", '{"NumericEquals": {"s3:max-keys": ["10", 10, "1e3", -0.5]}}'),
        ("TYPE_MISMATCH_NUMBER", '{"NumericEquals": {"s3:max-keys": "${aws:PrincipalTag/keys}"}}'),
        ("TYPE_MISMATCH_DATE", '{"DateLessThan": {"aws:CurrentTime": «"tomorrow"»}}'),
        ("TYPE_MISMATCH_DATE", '{"DateLessThan": {"aws:CurrentTime": [«"2030-13-01"», «"31.12.2030"»]}}'),
        (
            "TYPE_MISMATCH_DATE",
            '{"DateLessThan": {"aws:CurrentTime": ["2030-01-31", "2030-01-31T23:59:59Z"]}}',
        ),
        ("TYPE_MISMATCH_DATE", '{"DateLessThan": {"aws:CurrentTime": "1893456000"}}'),
        ("TYPE_MISMATCH_STRING", '{"BinaryEquals": {"example:key": «"not base64!"»}}'),
        ("TYPE_MISMATCH_STRING", '{"BinaryEquals": {"example:key": "QmluYXJ5"}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:CurrentTime": «"1893456000"»}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:CurrentTime": «1893456000»}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:CurrentTime": «"2021"»}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:CurrentTime": "2021-01-01"}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:CurrentTime": "tomorrow"}}'),
        ("INVALID_DATE_VALUE", '{"DateLessThan": {"aws:EpochTime": "1893456000"}}'),
        (
            "REDUNDANT_CONDITION_VALUE_NUM",
            '{"NumericLessThan": {"aws:MultiFactorAuthAge": «["2700", "3600"]»}}',
        ),
        ("REDUNDANT_CONDITION_VALUE_NUM", '{"NumericGreaterThanEquals": {"s3:max-keys": «[10, 20]»}}'),
        ("REDUNDANT_CONDITION_VALUE_NUM", '{"NumericLessThan": {"aws:MultiFactorAuthAge": ["3600"]}}'),
        ("REDUNDANT_CONDITION_VALUE_NUM", '{"NumericEquals": {"s3:max-keys": ["10", "20"]}}'),
        ("REDUNDANT_CONDITION_VALUE_NUM", '{"NumericLessThan": {"s3:max-keys": ["10", "many"]}}'),
    ],
)
def test_values_are_pointed_at_when_they_will_not_do_what_they_say(policies, code, block):
    expected, actual = policies.condition(code, block)
    assert expected == actual


def instead(policies, code: str, condition: dict) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition}
    return policies.only(code, json.dumps({"Version": "2012-10-17", "Statement": [statement]})).instead


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("1893456000", "2030-01-01T00:00:00Z"),
        (1893456000, "2030-01-01T00:00:00Z"),
        ("2021", "2021-01-01T00:00:00Z"),
        ("2021-05", "2021-05-01T00:00:00Z"),
    ],
)
def test_a_doubtful_date_is_written_out(policies, written, date):
    """Reference policies.md 4.4: a number is in seconds since 1970, four digits are a year."""
    assert f'Write "{date}", if that is the moment you mean.' == instead(
        policies, "INVALID_DATE_VALUE", {"DateLessThan": {"aws:CurrentTime": written}}
    )


def test_a_moment_beyond_the_calendar_is_still_answered(policies):
    said = instead(policies, "INVALID_DATE_VALUE", {"DateLessThan": {"aws:CurrentTime": "99999999999999"}})
    assert said.startswith("Write a date such as")


@pytest.mark.parametrize(
    ("operator", "widest"), [("NumericLessThanEquals", "30"), ("NumericGreaterThan", "9")]
)
def test_the_bound_that_decides_is_kept(policies, operator, widest):
    said = instead(policies, "REDUNDANT_CONDITION_VALUE_NUM", {operator: {"s3:max-keys": ["10", "9", "30"]}})
    assert f'Write "s3:max-keys": "{widest}".' == said
