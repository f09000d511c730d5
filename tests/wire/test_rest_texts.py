"""Parameters as text, in the places the descriptions of several services give them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import described
from understudy_aws.wire.rest_texts import header_reader, header_writer, label_reader, query_reader

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DESCRIBED = cache(described)


def place(service, shape, name):
    member = DESCRIBED(service).shape(shape).members[name]
    return member, member.location_name or name


# One member of each kind that any of AWS's services has.
LIST = place("s3", "GetObjectAttributesRequest", "ObjectAttributes")
JSON = place("lex-runtime", "PostContentRequest", "sessionAttributes")
DATE = place("s3", "GetObjectRequest", "IfModifiedSince")
TRUTH = place("s3", "PutObjectRequest", "BucketKeyEnabled")
PREFIX = place("s3", "PutObjectRequest", "Metadata")
COUNT = place("lambda", "ListFunctionsRequest", "MaxItems")
TAGS = place("accessanalyzer", "UntagResourceRequest", "tagKeys")
QUERY_DATE = place("iot", "ListAuditTasksRequest", "startTime")
QUERY_TRUTH = place("apigateway", "GetApiKeysRequest", "includeValues")
WHOLE = place("apigateway", "ImportRestApiRequest", "parameters")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a ,\tb", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        (r'"a \"b\"","\\"', ['a "b"', "\\"]),
        ('"a"b,c', ['"a"b', "c"]),
        ('"a', ['"a']),
        (",", [""]),
        ("a,,b", ["a", "", "b"]),
        ("", []),
    ],
)
def test_a_list_in_a_header_is_parted_at_commas(text, expected):
    assert expected == header_reader(*LIST)({LIST[1].lower(): text})


@given(st.lists(st.text('ab, "\\', min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1))
def test_a_list_written_in_a_header_is_read_again(items):
    items = [item for item in items if not item.startswith("\\")] or ["a"]
    ((name, text),) = header_writer(*LIST)(items)
    assert items == header_reader(*LIST)({name.lower(): text})


def test_json_in_a_header_is_base64():
    value = {"a": [1, "ü", None]}
    ((name, text),) = header_writer(*JSON)(value)
    assert ("x-amz-lex-session-attributes", b'{"a":[1,"\xc3\xbc",null]}') == (name, base64.b64decode(text))
    assert value == header_reader(*JSON)({name: text})


@pytest.mark.parametrize(
    "text", ["{}", "%%%", base64.b64encode(b"{").decode(), base64.b64encode(b"\xff").decode()]
)
def test_what_is_no_json_in_base64_is_refused(text):
    with pytest.raises(ApiError, match="SerializationException"):
        header_reader(*JSON)({JSON[1]: text})


@pytest.mark.parametrize("text", ["Wed, 04 Mar 2026 05:06:07 GMT", "2026-03-04T05:06:07Z", "1772600767"])
def test_a_timestamp_is_read_in_all_formats(text):
    assert AT == header_reader(*DATE)({DATE[1].lower(): text})
    assert AT == query_reader(*QUERY_DATE)({"startTime": [text]})


def test_a_timestamp_in_a_header_is_an_http_date():
    assert [("If-Modified-Since", "Wed, 04 Mar 2026 05:06:07 GMT")] == header_writer(*DATE)(AT)


@pytest.mark.parametrize("text", ["", "Wed", "Wed, 99 Mar 2026 05:06:07 GMT", "Wed, 04 Mar 2026 05:06:07 +99999999999999999999", "tomorrow", "1e999"])  # fmt: skip
def test_what_is_no_timestamp_is_refused(text):
    with pytest.raises(ApiError, match="STRING_VALUE can not be converted to a Timestamp"):
        header_reader(*DATE)({DATE[1].lower(): text})


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False)])
def test_a_truth_is_a_word(text, expected):
    assert expected is query_reader(*QUERY_TRUTH)({"includeValues": [text]})
    assert expected is header_reader(*TRUTH)({TRUTH[1]: text})
    assert [(TRUTH[1], text)] == header_writer(*TRUTH)(expected)


@pytest.mark.parametrize("text", ["True", "1", "", "yes"])
def test_another_word_is_none(text):
    with pytest.raises(ApiError, match="STRING_VALUE can not be converted to a Boolean"):
        query_reader(*QUERY_TRUTH)({"includeValues": [text]})


def test_what_is_not_there_is_none():
    for member in (LIST, JSON, DATE, PREFIX):
        assert header_reader(*member)({"other": "1"}) is None
    for member in (COUNT, TAGS, QUERY_DATE, WHOLE):
        assert query_reader(*member)({}) is None


def test_a_map_in_headers_has_a_prefix():
    assert {"one": "1"} == header_reader(*PREFIX)({"x-amz-meta-one": "1", "x-amz-other": "2"})
    assert [("x-amz-meta-Two", "2")] == header_writer(*PREFIX)({"Two": "2"})


def test_a_map_in_the_query_string_is_all_of_it_but_the_signature():
    query = {"one": ["1", "2"], "failonwarnings": ["true"], "X-Amz-Signature": ["0"]}
    assert {"one": "1", "failonwarnings": "true"} == query_reader(*WHOLE)(query)


def test_nothing_breaks_out_of_a_header():
    ((name, text),) = header_writer(*PREFIX)({"a\r\nb: ": "c\r\nd\x00é"})
    assert ("x-amz-meta-ab: ", "cd") == (name, text)


def test_a_label_that_is_a_number_is_read_as_one():
    member, _ = place("lambda", "GetLayerVersionRequest", "VersionNumber")
    assert 7 == label_reader(member)("7")
    with pytest.raises(ApiError, match="STRING_VALUE can not be converted to a Long"):
        label_reader(member)("seven")
