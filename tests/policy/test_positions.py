"""Statement positions: the recorded check values of simulator.md 5.2, and what holds for any document."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy.language.json_text import simulator_spans, statement_spans
from understudy_aws.policy.language.positions import Position, Span, has_lines

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ALLOW = '{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}'


def test_the_first_statement_of_a_list_starts_just_after_the_bracket():
    text = f'{{"Version":"2012-10-17","Statement":[{ALLOW}]}}'
    assert (Span(Position(1, 38), Position(1, 38 + len(ALLOW))),) == simulator_spans(text)


def test_a_later_statement_starts_at_the_comma():
    text = f'{{"Version":"2012-10-17","Statement":[{ALLOW},{ALLOW}]}}'
    comma = text.index("},{") + 2
    assert Position(1, comma) == simulator_spans(text)[1].start
    assert "," == text[comma - 1]


def test_a_single_statement_starts_just_after_its_brace():
    text = (
        '{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", '
        '"Resource": "*"}}'
    )
    assert (Span(Position(1, 41), Position(1, 113)),) == simulator_spans(text)


def test_lines_and_columns_count_from_one():
    text = f'{{\n "Statement": [\r\n  {ALLOW},\n  {ALLOW}\n ]\n}}'
    first, second = simulator_spans(text)
    assert Span(Position(2, 16), Position(3, 3 + len(ALLOW))) == first
    assert Span(first.end, Position(4, 3 + len(ALLOW))) == second


def test_a_list_without_statements_has_no_spans():
    assert () == simulator_spans('{"Statement": [ ]}')


def test_the_statement_key_may_be_escaped_and_come_after_others():
    text = '{"Id":"a ] } \\" Statement","\\u0053tatement":{"Effect":"Allow"}}'
    assert text.index('{"Effect') + 2 == simulator_spans(text)[0].start.column


@given(st.lists(st.dictionaries(TEXTS, TEXTS), max_size=5), st.sampled_from([None, 1, 2]))
def test_every_end_is_just_after_its_closing_brace(statements, indent):
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent)
    spans = simulator_spans(text)
    lines = text.split("\n")
    assert len(statements) == len(spans)
    assert all("}" == lines[span.end.line - 1][span.end.column - 2] for span in spans)


def test_a_number_of_any_length_is_passed_over():
    condition = f'{{"NumericEquals":{{"a:b":{"1" * 5000}}}}}'
    text = f'{{"Statement":[{ALLOW[:-1]},"Condition":{condition}}}]}}'
    assert Position(1, len(text) - 1) == simulator_spans(text)[0].end


def test_an_editor_shows_a_statement_from_brace_to_brace():
    text = f'{{\n "Statement": [\r\n  {ALLOW},\n  {ALLOW}\n ]\n}}'
    first, second = statement_spans(text)
    assert Span(Position(3, 3), Position(3, 3 + len(ALLOW))) == first
    assert Span(Position(4, 3), Position(4, 3 + len(ALLOW))) == second


@given(st.booleans(), st.sampled_from([None, 0, 1, 4]), st.integers(1, 3))
def test_what_lies_between_a_statement_s_places_is_the_statement(alone, indent, count):
    """Also a statement by itself, which the simulator begins behind its brace."""
    statements = [{"Sid": f"{{{number}}}", "Effect": "Allow", "Action": "*"} for number in range(count)]
    document = {"Id": "{", "Statement": statements[0] if alone else statements, "Version": "2012-10-17"}
    text = json.dumps(document, indent=indent)
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]

    def offset(position):
        return starts[position.line - 1] + position.column - 1

    found = [json.loads(text[offset(place.start) : offset(place.end)]) for place in statement_spans(text)]
    assert (statements[:1] if alone else statements) == found
    assert has_lines(text) is (len(lines) > 1)
