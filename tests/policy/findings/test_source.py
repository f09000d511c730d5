"""JSON with places: what is read, what is refused and where, and that it never goes astray."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked import assert_agrees

from understudy.policy.findings.finding import Index, Key, Substring, Value
from understudy.policy.language.json_text import (
    MAX_DEPTH,
    JsonError,
    List,
    Node,
    Number,
    Object,
    Source,
    Text,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def not_json(name):
    """NaN and Infinity are Python's own."""
    raise ValueError(name)


def plain(node: Node):
    """The node as `json` would have read it."""
    if isinstance(node, Object):
        return {member.key.value: plain(member.value) for member in node.members}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return json.loads(node.value) if isinstance(node, Number) else node.value


def nodes(node: Node):
    yield node
    if isinstance(node, Object):
        for member in node.members:
            yield from nodes(member.value)
    if isinstance(node, List):
        for item in node.items:
            yield from nodes(item)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_json_is_read_as_the_standard_library_reads_it_and_every_place_is_right(
    value, indent, ascii_only
):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    source = Source(text)
    assert json.loads(text) == plain(source.root)
    for node in nodes(source.root):
        assert_agrees(text, source.location(node))
        if isinstance(node, Object):
            for member in node.members:
                assert_agrees(text, source.key_location(member.key))


@given(st.text(min_size=1), st.data(), st.booleans())
def test_every_part_of_a_string_is_found_behind_whatever_escapes(value, data, ascii_only):
    text = json.dumps([value], ensure_ascii=ascii_only)
    start = data.draw(st.integers(0, len(value) - 1))
    length = data.draw(st.integers(1, len(value) - start))
    source = Source(text)
    assert isinstance(source.root, List)
    [node] = source.root.items
    assert isinstance(node, Text)
    location = source.part_location(node, start, length)
    assert (Index(0), Substring(start, length)) == location.path
    assert_agrees(text, location)


@given(st.text(alphabet='{}[]",:\\ \n\r\tu0aeE+-.1truefalsn') | st.text())
def test_a_text_is_refused_when_the_standard_library_refuses_it(text):
    span = None
    try:
        Source(text)
    except JsonError as error:
        span = error.location.span
    try:
        json.loads(text, parse_constant=not_json)
        theirs = True
    except ValueError:
        theirs = False
    assert theirs == (span is None)
    if span is not None:
        assert 0 <= span.start.offset <= span.end.offset <= len(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 0),
        ("{\n  'a': 1}", 2, 2),
        ('{"a": 1,\n}', 2, 0),
        ('{"a" 1}', 1, 5),
        ('{"a": tru}', 1, 6),
        ('["a"\r\n"b"]', 2, 0),
        ('{"a": 1} x', 1, 9),
        ('"open', 1, 0),
        ("\ufeff{}", 1, 0),
        (b'{"a": "\xff"}', 1, 7),
    ],
)
def test_what_is_no_json_is_refused_where_it_stops_being_one(text, line, column):
    with pytest.raises(JsonError) as refused:
        Source(text)
    start = refused.value.location.span.start
    assert (line, column) == (start.line, start.column)


def test_nesting_is_bounded_and_a_million_brackets_are_refused_at_once():
    Source("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for text in ("[" * 1_000_000, '{"a":' * 500_000):
        with pytest.raises(JsonError):
            Source(text)


def test_a_key_that_is_there_twice_stays_visible():
    source = Source('{"a": 1, "a": 2}')
    assert isinstance(source.root, Object)
    assert ["1", "2"] == [member.value.value for member in source.root.all("a")]
    last = source.root.last("a")
    assert last is not None
    assert (Value("a"),) == source.location(last.value).path
    assert (Key("a"),) == source.key_location(last.key).path
    assert 9 == source.key_location(last.key).span.start.offset


def test_lines_end_at_every_kind_of_line_end():
    source = Source("[\r\n1,\r2,\n3]")
    assert isinstance(source.root, List)
    starts = [source.location(item).span.start for item in source.root.items]
    assert [(2, 0), (3, 0), (4, 0)] == [(start.line, start.column) for start in starts]
