"""JSON with places: what is read, what is refused and where, and that it never goes astray."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked import assert_agrees

from understudy_aws.policy.language.json_text import (
    MAX_DEPTH,
    DuplicateKeyError,
    JsonSyntaxError,
    JsonText,
    ListNode,
    Node,
    NumberNode,
    ObjectNode,
    StringNode,
    read_values,
)
from understudy_aws.policy.language.positions import IndexStep, KeyStep, SubstringStep, ValueStep

NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda children: st.lists(children) | st.dictionaries(TEXTS, children),
    max_leaves=20,
)


def not_json(name):
    """NaN and Infinity are Python's own."""
    raise ValueError(name)


def plain(node: Node):
    """The node as `json` would have read it."""
    if isinstance(node, ObjectNode):
        return {member.key.value: plain(member.value) for member in node.members}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return json.loads(node.value) if isinstance(node, NumberNode) else node.value


def nodes(node: Node):
    yield node
    if isinstance(node, ObjectNode):
        for member in node.members:
            yield from nodes(member.value)
    if isinstance(node, ListNode):
        for item in node.items:
            yield from nodes(item)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_json_is_read_as_the_standard_library_reads_it_and_every_place_is_right(
    value, indent, ascii_only
):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    source = JsonText(text)
    assert json.loads(text) == plain(source.root)
    for node in nodes(source.root):
        assert_agrees(text, source.location(node))
        if isinstance(node, ObjectNode):
            for member in node.members:
                assert_agrees(text, source.key_location(member.key))


@given(TEXTS.filter(bool), st.data(), st.booleans())
def test_every_part_of_a_string_is_found_behind_whatever_escapes(value, data, ascii_only):
    text = json.dumps([value], ensure_ascii=ascii_only)
    start = data.draw(st.integers(0, len(value) - 1))
    length = data.draw(st.integers(1, len(value) - start))
    source = JsonText(text)
    assert isinstance(source.root, ListNode)
    [node] = source.root.items
    assert isinstance(node, StringNode)
    location = source.part_location(node, start, length)
    assert (IndexStep(0), SubstringStep(start, length)) == location.path
    assert_agrees(text, location)


def holds_no_character(value):
    """Whether a string of the value holds NUL or half of a surrogate pair."""
    if isinstance(value, dict):
        return any(map(holds_no_character, [*value, *value.values()]))
    if isinstance(value, list):
        return any(map(holds_no_character, value))
    return isinstance(value, str) and NO_CHARACTER.search(value) is not None


@given(
    st.text(alphabet='{}[]",:\\ \n\r\tu0aeEd8+-.1truefalsn')
    | st.text()
    | st.recursive(
        st.text(alphabet="a\x00\ud800\U0001f600") | st.integers() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="b\x00\udfff"), inner),
    ).map(json.dumps)
)
def test_both_forms_refuse_what_the_standard_library_refuses_and_what_is_no_text(text):
    span = None
    try:
        JsonText(text)
    except JsonSyntaxError as error:
        span = error.location.span
    try:
        theirs = not holds_no_character(json.loads(text, parse_constant=not_json))
    except ValueError:
        theirs = False
    try:
        read_values(text)
        ours = True
    except DuplicateKeyError:
        ours = theirs
    except ValueError:
        ours = False
    assert theirs == ours == (span is None)
    if span is not None:
        assert 0 <= span.start.offset <= span.end.offset <= len(text)


@pytest.mark.parametrize(
    "string", ['"\\ud800"', '"a\\uDFFFb"', '"\\u0000"', '"\ud800"', '"\\udc00\\ud800"', '"\\\\\\ud83d"']
)
@pytest.mark.parametrize("form", ["[{}]", '{{"a": {}}}', "{{{}: 1}}"])
def test_half_a_surrogate_pair_and_nul_are_no_text_wherever_they_stand(string, form):
    text = form.format(string)
    with pytest.raises(ValueError, match="no character"):
        read_values(text)
    with pytest.raises(JsonSyntaxError, match="no character") as refused:
        JsonText(text)
    assert text.index(string) == refused.value.location.span.start.offset


@pytest.mark.parametrize(
    "string", ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\\\\u0000"', '"\U0001f600"', '"\\u0001"']
)
def test_whole_pairs_and_escaped_backslashes_are_text(string):
    assert json.loads(string) == read_values(string) == JsonText(string).root.value


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
    with pytest.raises(JsonSyntaxError) as refused:
        JsonText(text)
    start = refused.value.location.span.start
    assert (line, column + 1) == (start.line, start.column)


def test_nesting_is_bounded_and_a_million_brackets_are_refused_at_once():
    JsonText("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for text in ("[" * 1_000_000, '{"a":' * 500_000):
        with pytest.raises(JsonSyntaxError):
            JsonText(text)


def test_a_key_that_is_there_twice_stays_visible():
    source = JsonText('{"a": 1, "a": 2}')
    assert isinstance(source.root, ObjectNode)
    assert ["1", "2"] == [member.value.value for member in source.root.all("a")]
    last = source.root.last("a")
    assert last is not None
    assert (ValueStep("a"),) == source.location(last.value).path
    assert (KeyStep("a"),) == source.key_location(last.key).path
    assert 9 == source.key_location(last.key).span.start.offset


def test_lines_end_at_every_kind_of_line_end():
    source = JsonText("[\r\n1,\r2,\n3]")
    assert isinstance(source.root, ListNode)
    starts = [source.location(item).span.start for item in source.root.items]
    assert [(2, 1), (3, 1), (4, 1)] == [(start.line, start.column) for start in starts]
