"""Filter patterns (logs.md 21.4)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.logs.filter_patterns import pattern_in
from understudy_aws.services.logs.filter_patterns.columns import values_in
from understudy_aws.services.logs.filter_patterns.pattern import wildcard_in

FLOW = "2 123456789012 eni-1 10.0.0.5 10.0.1.9 49152 22 6 20 4249 1418530010 1418530070 REJECT OK"
JSON = '{"level": "ERROR", "n": 3.5, "ok": true, "none": null, "user": {"id": 7, "names": ["ann", "bob"]}, "a-b": 1}'


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR", "ERRORS", True),
        ("one two", "two and one", True),
        ("one two", "one", False),
        ('"one two"', "one two", True),
        ('"one two"', "two one", False),
        ("?one ?two", "two", True),
        ("?one ?two", "three", False),
        ("ERROR -timeout", "ERROR timeout", False),
        ("ERROR -timeout", "ERROR disk", True),
        ("-timeout", "ok", True),
        ("ERROR ?one", "ERROR", True),
        ('"a \\"quoted\\" word"', 'a "quoted" word', True),
        ('"/path"', "GET /path", True),
        ('{ $.level = "ERROR" }', JSON, True),
        ('{ $.level = "ERR*" }', JSON, True),
        ('{ $.level = "*ROR" }', JSON, True),
        ('{ $.level != "ERROR" }', JSON, False),
        ('{ $.missing != "ERROR" }', JSON, False),
        ("{ $.n > 3 }", JSON, True),
        ("{ $.n <= 3 }", JSON, False),
        ("{ $.n = 3.50 }", JSON, True),
        ("{ $.n != 3.5 }", JSON, False),
        ("{ $.n = 3* }", JSON, True),
        ("{ $.ok = true }", JSON, True),
        ("{ $.user.* = 7 }", JSON, True),
        ("{ $.user = 7 }", JSON, False),
        ("{ $.n > 1 }", '{"n": 1' + "0" * 400 + "}", True),
        ("{ $.user.id = 7 && $.ok IS TRUE }", JSON, True),
        ("{ $.user.id = 8 || $.ok IS FALSE }", JSON, False),
        ("{ ($.user.id = 8 || $.ok IS TRUE) && $.none IS NULL }", JSON, True),
        ("{ $.user.names[1] = bob }", JSON, True),
        ("{ $.user.names[*] = ann }", JSON, True),
        ("{ $.user.names[2] EXISTS }", JSON, False),
        ("{ $.user.names[2] NOT EXISTS }", JSON, True),
        ("{ $.a-b = 1 }", JSON, True),
        ("{ $['a-b'] = 1 }", JSON, True),
        ("{ $.n > 3 }", "no JSON", False),
        ("{ $.n > 3 }", "[1]", False),
        ("{ $.none IS NULL }", '{"n": 1}', False),
        (
            '[v, account, eni, source, destination, from, to="22", protocol="6", p, b, s, e, action="REJECT", status]',
            FLOW,
            True,
        ),
        ('[v, account, eni, source, destination, from, to="23", ...]', FLOW, False),
        ("[..., action=REJECT, status]", FLOW, True),
        ("[v, account]", FLOW, False),
        ("[v=2, ..., status=OK]", FLOW, True),
        ("[host, request, code=4*, size>1000]", '10.0.0.1 "GET / HTTP" 404 1534', True),
        ("[host, request, code=4*, size>1000]", '10.0.0.1 "GET / HTTP" 404 10', False),
        ("[host, time, code=200 || code=404]", "h [10/Oct/2000 13:55] 404", True),
        ("[host, code>=400 && code<500]", "h 503", False),
    ],
)
def test_a_pattern_matches_what_it_says(pattern, text, matches):
    assert matches == pattern_in(pattern).matches(text)


@pytest.mark.parametrize(
    ("pattern", "code", "message"),
    [
        (
            "{ $.a = 1",
            "InvalidParameterException",
            "If a filter pattern starts with '{' it must end with '}'",
        ),
        ("[a, b", "InvalidParameterException", "If a filter pattern starts with '[' it must end with ']'"),
        ("a/b", "InvalidParameterException", "Invalid filter pattern"),
        ('"open', "InvalidParameterException", "Invalid filter pattern"),
        ("{ $.a }", "InvalidParameterException", "Invalid filter pattern"),
        ("{ $.a = }", "InvalidParameterException", "Invalid filter pattern"),
        ("{ a = 1 }", "InvalidParameterException", "Invalid filter pattern"),
        ("{ $.a > text }", "InvalidParameterException", "Invalid filter pattern"),
        ("{ $.a = 1 && }", "InvalidParameterException", "Invalid filter pattern"),
        ("[a, ..., b, ...]", "InvalidParameterException", "Invalid filter pattern"),
        ("[a=1 2]", "InvalidParameterException", "Invalid filter pattern"),
        ("%ERROR%", "NotImplemented", "Understudy does not serve filter patterns with regular expressions."),
        (
            "{ $.a = %b% }",
            "NotImplemented",
            "Understudy does not serve filter patterns with regular expressions.",
        ),
        ("[a=%b%]", "NotImplemented", "Understudy does not serve filter patterns with regular expressions."),
        (
            "{ $.a[*] = 1 || $.b.*.c[*] = 2 || $['*'] = 3 }",
            "NotImplemented",
            "Understudy does not serve filter patterns with more than 3 wildcards in selectors.",
        ),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, code, message):
    with pytest.raises(ApiError) as caught:
        pattern_in(pattern)
    assert (code, message) == (caught.value.code, caught.value.message)


@given(st.text(max_size=40) | st.text('{}[]()$.="&|?-%*<>! ab1', max_size=40), st.text(max_size=40))
def test_whatever_is_sent_is_a_pattern_or_refused(pattern, text):
    try:
        found = pattern_in(pattern)
    except ApiError:
        return
    assert found.matches(text) in {True, False}


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=10))
def test_a_wildcard_stands_for_anything(pattern, text):
    """Against a matcher that tries everything."""

    def naive(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(naive(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] == text[0] and naive(pattern[1:], text[1:])

    wildcard = wildcard_in(pattern)
    assert naive(pattern, text) == (wildcard(text) if wildcard is not None else pattern == text)


def test_a_long_text_takes_no_longer_than_its_length():
    """Many stars over many of the same letter: what goes back and forth would not end."""
    pattern = pattern_in('{ $.a = "' + "a*" * 200 + 'b" }')
    assert not pattern.matches('{"a": "' + "a" * 500_000 + '"}')


def test_columns_that_are_opened_and_not_closed_take_no_longer_than_their_length():
    """Each bracket would be looked for to the end in vain: half a minute for 64 KB, and an event has up to 1 MB."""
    assert not pattern_in("[a, b]").matches("[ " * 500_000)
    assert pattern_in("[first, ..., last=b]").matches('"a ' * 333_333 + '" b')


@given(st.text('[]" ab\n', max_size=14))
def test_columns_are_what_is_in_brackets_in_quotes_or_between_spaces(text):
    found = re.findall(r'\[([^\]]*)\]|"([^"]*)"|(\S+)', text)
    assert [max(groups) for groups in found] == values_in(text)
