"""Hostile policies and questions: answered or refused, in bounded time and memory, and never allowed by a trick."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.policy import (
    Bindings,
    MalformedPolicy,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    explain,
    review,
)
from understudy_aws.policy.engine import bindings as bindings_module
from understudy_aws.policy.engine import policies as policies_module
from understudy_aws.policy.engine.conditions import address, date
from understudy_aws.policy.engine.conditions import condition as condition_module
from understudy_aws.policy.engine.context_key_names import context_key_names
from understudy_aws.policy.engine.policies import compile_uncached
from understudy_aws.policy.findings import PolicyType, validate_policy
from understudy_aws.policy.language.document import KINDS, MAX_DOCUMENT, MAX_STATEMENTS, MAX_VALUES
from understudy_aws.policy.language.json_text import simulator_spans
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens

BOB = Principal("user", "arn:aws:iam::111122223333:user/bob", "111122223333")
ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def text_of(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def bound(*statements):
    """Bindings of one identity policy, the text as it is when it is one."""
    text = statements[0] if isinstance(statements[0], str) else text_of(*statements)
    return Bindings(identity=(NamedPolicy("p", compile_policy(text)),))


def effect(bindings, action="s3:GetObject", resource="*", context=None):
    question = Question(BOB, action, resource, context or {})
    decision = decide(question, bindings)
    assert explain(question, bindings).decision == decision
    return decision.effect


# --- letters that look or fold alike ---

KELVIN, DOTLESS, LONG_S, DOTTED = "\u212a", "\u0131", "\u017f", "\u0130"


@pytest.mark.parametrize(
    ("pattern", "action"),
    [
        (f"{KELVIN}ms:Decrypt", "kms:Decrypt"),
        ("kms:Decrypt", f"{KELVIN}ms:Decrypt"),
        (f"{LONG_S}3:GetObject", "s3:GetObject"),
        (f"{DOTLESS}am:GetRole", "iam:GetRole"),
        (f"{DOTTED}am:GetRole", "iam:GetRole"),
        ("ｓ3:GetObject", "s3:GetObject"),
        ("s3:GetObject ", "s3:GetObject"),
        ("s3:Get\u00adObject", "s3:GetObject"),
    ],
)  # fmt: skip
def test_only_the_letters_of_ascii_forget_their_case_in_actions(pattern, action):
    """Reference policies.md 4.3; which other letters AWS would fold is not documented, so none are."""
    assert "implicit-deny" == effect(bound({**ALLOW, "Action": pattern}), action)


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        ("arn:aws:s3:::caf\u00e9", "arn:aws:s3:::cafe\u0301"),
        ("arn:aws:s3:::cafe\u0301", "arn:aws:s3:::caf\u00e9"),
        (f"arn:aws:s3:::{KELVIN}", "arn:aws:s3:::K"),
        ("arn:aws:s3:::ﬁ", "arn:aws:s3:::fi"),
        ("arn:aws:s3:::a", "arn:aws:s3:::a\x00b"),
        ("arn:aws:s3:::a", "arn:aws:s3:::\ufeffa"),
        ("arn:aws:s3:::\U0001f600", "arn:aws:s3:::\ud83d"),
        ("arn:aws:s3:::?", "arn:aws:s3:::\U0001f600"),
    ],
)
def test_resources_are_their_characters_and_nothing_is_normalised(pattern, resource):
    assert "implicit-deny" == effect(bound({**ALLOW, "Resource": pattern}), resource=resource)


@pytest.mark.parametrize("resource", ["arn:aws:s3:::\U0001f600", "arn:aws:s3:::\ud83d\ude00"])
def test_a_character_and_its_two_halves_are_one_where_units_are_counted(resource):
    """`?` counts UTF-16 units: policies.md 4.3."""
    assert "allow" == effect(bound({**ALLOW, "Resource": "arn:aws:s3:::??"}), resource=resource)


def test_an_operator_with_a_foreign_letter_is_unknown():
    with pytest.raises(MalformedPolicy):
        compile_policy(text_of({**ALLOW, "Condition": {f"StringLi{KELVIN}e": {"aws:username": "*"}}}))


@pytest.mark.parametrize("value", ["\x01", "\ufeff", "\u202e", "\U0010ffff", "a\u0300"])
def test_any_character_is_compared_and_refused_only_where_it_would_be_stored(value):
    """Stored documents hold U+0009, U+000A, U+000D and U+0020 to U+00FF: iam.md 2.5."""
    text = text_of({**ALLOW, "Condition": {"StringEquals": {"aws:username": value}}})
    assert "allow" == effect(bound(text), context={"aws:username": value})
    assert "implicit-deny" == effect(bound(text), context={"aws:username": f"{value}x"})
    raw = text.encode().decode("unicode_escape").encode("utf-8", "surrogatepass")
    with pytest.raises(MalformedPolicy):
        review(raw, "identity")


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff\\ud800", "\\u0000", "\\\\\\ud800"])
@pytest.mark.parametrize("element", ["Sid", "Action", "Resource", "Condition", "Principal", "Id"])
def test_half_a_surrogate_pair_and_nul_are_refused_when_a_document_is_read(element, escape):
    """They are no text: a record that holds one could not be kept, nor an answer sent. AWS's words: iam.md 2.5."""
    value = f'{{"StringEquals": {{"aws:username": "{escape}"}}}}' if element == "Condition" else f'"{escape}"'
    if element == "Principal":
        value = f'{{"AWS": {value}}}'
    elements = {"Effect": '"Allow"', "Action": '"s3:*"', "Resource": '"*"', element: value}
    identifier = elements.pop("Id", '""')
    written = ", ".join(f'"{name}": {each}' for name, each in elements.items())
    text = f'{{"Version": "2012-10-17", "Id": {identifier}, "Statement": [{{{written}}}]}}'
    for kind in KINDS:
        for read in (
            lambda kind=kind: review(text, kind),
            lambda kind=kind: compile_policy(text, kind=kind),
            lambda kind=kind: review(text.encode(), kind),
        ):
            with pytest.raises(MalformedPolicy) as refused:
                read()
            assert refused.value.message in ("Syntax errors in policy.", "This policy contains invalid Json")
    with pytest.raises(MalformedPolicy):
        context_key_names(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
def test_only_utf_8_without_a_mark_is_read(encoding):
    """Two readers of one document must not see two policies."""
    data = text_of({**ALLOW, "Sid": "x+y~", "Resource": "arn:aws:s3:::é+"}).encode(encoding)
    for read in (compile_policy, lambda text: review(text, "identity")):
        with pytest.raises(MalformedPolicy):
            read(data)


# --- names written twice ---

TWICE = {
    "Version": '{"Version":"2012-10-17","Version":"2008-10-17","Statement":[]}',
    "Statement": '{"Statement":[],"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    "Effect": '{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}',
    "Effect, once escaped": '{"Statement":{"Effect":"Deny","\\u0045ffect":"Allow","Action":"*","Resource":"*"}}',
    "Action": '{"Statement":{"Effect":"Allow","Action":"a:b","Action":"*","Resource":"*"}}',
    "Resource": '{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b","Resource":"*"}}',
    "Condition": '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"}},"Condition":{}}}',
    "an operator": '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"},"Bool":{}}}}',
    "a key": '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true","a:b":"false"}}}}',
}  # fmt: skip


@pytest.mark.parametrize("text", TWICE.values(), ids=TWICE)
def test_a_name_twice_in_one_object_is_refused(text):
    """Reference policies.md 4.1; the second would silently win."""
    for read in (compile_policy, lambda text: review(text, "identity"), context_key_names):
        with pytest.raises(MalformedPolicy):
            read(text)


def test_a_principal_type_twice_is_refused():
    text = '{"Statement":{"Effect":"Deny","Principal":{"AWS":"*","AWS":"111122223333"},"Action":"*","Resource":"*"}}'
    with pytest.raises(MalformedPolicy):
        compile_policy(text, kind="resource")


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": "bob"}, "stringequals": {"aws:userid": "x"}},
        {"StringEquals": {"aws:username": "bob", "AWS:userId": "x"}},
    ],
)
def test_names_that_differ_in_case_are_two_and_both_count(condition):
    assert "implicit-deny" == effect(
        bound({**ALLOW, "Condition": condition}), context={"aws:username": "bob"}
    )
    given = {"aws:username": "bob", "aws:userid": "x"}
    assert "allow" == effect(bound({**ALLOW, "Condition": condition}), context=given)


# --- depth and size ---

DEEP = 100_000


def nested(place):
    deep = "[" * DEEP + "]" * DEEP
    object_ = '{"a":' * DEEP + "1" + "}" * DEEP
    return {
        "top": deep,
        "objects": object_,
        "statement": f'{{"Statement":{deep}}}',
        "action": f'{{"Statement":{{"Effect":"Allow","Action":{deep},"Resource":"*"}}}}',
        "principal": f'{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":{deep}}},"Action":"*"}}}}',
        "condition": f'{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{object_[:200_000]}}}}}',
        "unknown element": f'{{"Statement":[],"Extra":{deep}}}',
        "never closed": '{"Statement":[' * 10_000,
    }[place]


@pytest.mark.parametrize(
    "place",
    ["top", "objects", "statement", "action", "principal", "condition", "unknown element", "never closed"],
)
def test_depth_is_refused_wherever_it_is(place):
    text = nested(place)
    for kind in KINDS:
        with pytest.raises(MalformedPolicy):
            review(text, kind)
        with pytest.raises(MalformedPolicy):
            compile_policy(text, kind=kind)
    with pytest.raises(MalformedPolicy):
        context_key_names(text)
    assert validate_policy(text, PolicyType.IDENTITY)


@pytest.mark.parametrize(
    "number", ["9" * 100_000, "-" + "9" * 50_000, "1e999999999", "0." + "0" * 50_000 + "1", "1E+400"]
)
def test_a_huge_number_is_its_text_and_compares_as_the_number(number):
    """Numbers compare as their text (policies.md 4.1), and numerically by their value (policies.md 4.4)."""
    for operator in ("StringEquals", "NumericEquals"):
        text = text_of({**ALLOW, "Condition": {operator: {"a:n": "N"}}}).replace('"N"', number)
        assert "allow" == effect(bound(text), context={"a:n": number})
        assert "implicit-deny" == effect(bound(text), context={"a:n": "7"})
        assert 1 == len(simulator_spans(text))


def test_leading_zeros_do_not_hide_a_number():
    """However many: a condition that must not be 5 is not met by a 5 with zeros before it."""
    bindings = bound({**ALLOW, "Condition": {"NumericNotEquals": {"a:n": "5"}}})
    assert "implicit-deny" == effect(bindings, context={"a:n": "0" * 100_000 + "5"})


def test_a_number_where_text_belongs_is_refused():
    for element in ("Action", "Resource", "Sid", "Effect"):
        text = json.dumps({"Statement": [{**ALLOW, element: 1}]}).replace("1}", "1e999}")
        with pytest.raises(MalformedPolicy):
            compile_policy(text)


def test_more_than_the_limits_is_refused_and_the_most_is_read():
    small = '{"Effect":"Deny","Action":"a:b","Resource":[]}'
    many = '{"Statement":[' + ",".join([small] * 5_000) + "]}"
    assert len(many) <= MAX_DOCUMENT
    assert 5_000 == len(compile_uncached(many, "identity").statements)
    values = json.dumps({"Statement": {**ALLOW, "Action": ["a:b"] * 40_000}}, separators=(",", ":"))
    assert len(values) <= MAX_DOCUMENT
    assert "implicit-deny" == effect(bound(values))
    with pytest.raises(MalformedPolicy):
        compile_policy('{"Statement":[' + ",".join(["{}"] * (MAX_STATEMENTS + 1)) + "]}")
    with pytest.raises(MalformedPolicy):
        compile_policy(
            json.dumps({"Statement": {**ALLOW, "Action": ["a"] * (MAX_VALUES + 1)}}, separators=(",", ":"))
        )
    with pytest.raises(MalformedPolicy):
        compile_policy(many + " " * MAX_DOCUMENT)


# --- wildcards ---

LONG = 1_000_000


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 10_000 + "*b",
        "a*" * 10_000 + "b*c",
        "*" + "a" * 10_000 + "b*",
        "*" + "ab" * 5_000 + "c*",
        "*" * 65_000 + "b",
        "?*" * 100 + "b",
        "*a?b" * 1_000,
    ],
    ids=[
        "stars",
        "stars after",
        "one piece",
        "a piece nearly there",
        "stars alone",
        "one or more",
        "with one",
    ],
)
def test_a_text_of_a_million_letters_is_matched_against_ten_thousand_pieces(pattern):
    """Each piece is sought once, from where the last was found: never more than length of text times of pattern."""
    assert not matcher(wildcard_tokens(pattern))("a" * LONG)
    assert not matcher(wildcard_tokens(pattern))("ab" * (LONG // 2) + "d")


@pytest.mark.parametrize("operator", ["StringLike", "StringNotLike", "ArnLike", "StringEqualsIgnoreCase"])
def test_a_long_value_meets_long_patterns(operator):
    values = ["arn:aws:s3:::" + "*a" * 1_000 + "b", "arn:aws:s3:::" + "a?" * 1_000 + "*b"]
    bindings = bound({**ALLOW, "Condition": {operator: {"a:b": values}}})
    negated = "Not" in operator
    assert ("allow" if negated else "implicit-deny") == effect(
        bindings, context={"a:b": "arn:aws:s3:::" + "a" * 100_000}
    )


def test_a_document_that_is_all_one_pattern_is_matched_against_the_longest_arn():
    """The most a request can hold, 131,072 characters, against 2,048: iam.md 2.5."""
    room = 131_072 - len(text_of({**ALLOW, "Resource": "arn:aws:s3:::"}))
    for piece in ("*a", "a?", "*a?", "?*", "*aaaaaaaaaaaaaaab"):
        pattern = "arn:aws:s3:::" + piece * (room // len(piece))
        bindings = bound({**ALLOW, "Resource": pattern})
        assert "implicit-deny" == effect(bindings, resource="arn:aws:s3:::" + "a" * 2_035)


@pytest.mark.parametrize(
    "unit",
    [
        "${",
        "${a",
        "${a,'",
        "${a,'b' ",
        "}${",
        "${a}",
        "$",
        "*a",
        "a?",
        "*?",
        "*:",
        "'",
        "[",
        "\\\\",
    ],
)
def test_a_document_of_one_repeated_piece_is_read_at_once(unit):
    """Whatever reads it twice per place would take minutes for the most a request can hold."""
    text = unit * (120_000 // len(unit))
    for elements in (
        {"Resource": f"arn:aws:s3:::{text}"},
        {"Action": f"s3:{text}"},
        {"Condition": {"StringLike": {"a:b": text}}},
        {"Condition": {"ArnLike": {"a:b": f"arn:aws:s3:::{text}"}}},
        {"Condition": {"StringEquals": {text: "x"}}},
    ):
        document = text_of({**ALLOW, **elements})
        compile_uncached(document, "identity")
        context_key_names(document)
        with suppress(MalformedPolicy):
            review(document, "identity")
        effect(bound(document), resource="arn:aws:s3:::a", context={"a:b": "arn:aws:s3:::a"})


MANY = {
    "conditions": {"Condition": {"StringLike": {f"aws:RequestTag/{n}": "x" for n in range(4_000)}}},
    "values": {"Condition": {"StringLike": {"a:b": [f"x*{n}y" for n in range(10_000)]}}},
    "networks": {
        "Condition": {"IpAddress": {"a:b": [f"10.{n % 256}.{n // 256}.0/24" for n in range(6_000)]}}
    },
    "resources": {"Resource": [f"arn:aws:s3:::b{n}*" for n in range(4_000)]},
    "resources with one": {"Resource": [f"arn:aws:s3:*::b?*{n}x" for n in range(4_000)]},
    "resources with variables": {"Resource": [f"arn:aws:s3:::${{a:b}}*{n}x" for n in range(2_500)]},
    "actions": {"Action": [f"s3:G*t{n}x" for n in range(6_000)]},
}


@pytest.mark.parametrize("elements", MANY.values(), ids=MANY)
def test_thousands_of_anything_are_gone_through_once(elements):
    bindings = bound({**ALLOW, **elements})
    resource = "arn:aws:s3:::" + "b" * 2_000
    assert "implicit-deny" == effect(bindings, resource=resource, context={"a:b": "9" * 200})


def test_thousands_of_statements_are_gone_through_once():
    statement = {**ALLOW, "Condition": {"StringEquals": {"a:b": "c"}}}
    statements = [{**statement, "Resource": f"arn:aws:s3:::b{n}*"} for n in range(1_800)]
    assert "implicit-deny" == effect(bound(*statements), resource="arn:aws:s3:::b")
    assert "implicit-deny" == effect(bound(*[statement] * 1_800))


# --- memory: what is remembered is bounded ---


def test_actions_do_not_grow_what_a_principal_remembers():
    bindings = bound(ALLOW)
    policy = bindings.identity[0].policy
    for number in range(3 * bindings_module.MAX_PLANS):
        decide(Question(BOB, f"s3:Get{number}"), bindings)
        decide(Question(BOB, f"{'x' * 5_000}:Get{number}"), bindings)
        assert len(bindings.plans) <= bindings_module.MAX_PLANS
        assert len(policy._by_action) <= policies_module.MAX_ACTIONS


def test_resource_policies_do_not_grow_what_a_principal_remembers():
    bindings = bound(ALLOW)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    for number in range(3 * bindings_module.MAX_RESOURCES):
        own = compile_policy(text_of({**statement, "Sid": f"s{number}"}), kind="resource")
        assert bindings.with_resource(NamedPolicy("own", own)).resource is not None
        assert len(bindings.with_resources) <= bindings_module.MAX_RESOURCES


def test_missing_keys_do_not_grow_what_is_remembered():
    for number in range(bindings_module._MAX_IMPLICIT_DENIALS + 500):
        condition = {"StringEquals": {f"a:key{number}": "x"}}
        policy = compile_uncached(text_of({**ALLOW, "Condition": condition}), "identity")
        decision = decide(Question(BOB, "s3:GetObject"), Bindings(identity=(NamedPolicy("p", policy),)))
        assert (f"a:key{number}",) == decision.missing_keys
    assert len(bindings_module._IMPLICIT_DENIALS) <= bindings_module._MAX_IMPLICIT_DENIALS


@pytest.mark.parametrize(
    ("read", "text"),
    [(date.milliseconds, "2030-01-01T00:00:00"), (address.address, "10.0.0.1")],
    ids=["date", "address"],
)
def test_long_values_are_not_remembered(read, text):
    memo = {date.milliseconds: date._parsed, address.address: address._parsed}[read]
    before = memo.cache_info().currsize
    for number in range(50):
        assert read(f"{text}{number}{' ' * 100_000}") is None
    assert before == memo.cache_info().currsize
    assert memo.cache_info().maxsize is not None


def test_every_memo_of_the_engine_has_an_end():
    modules = [condition_module, date, address, policies_module, bindings_module]
    from_patterns = [vars(each) for each in modules]
    memos = [
        value
        for names in from_patterns
        for value in names.values()
        if hasattr(value, "cache_info") and value.__module__.startswith("understudy_aws.policy")
    ]
    assert memos
    assert all(memo.cache_info().maxsize for memo in memos)


# --- variables ---


@pytest.mark.parametrize(
    "name",
    ["*", "a*", "${aws:userid}", "bob/../alice", "arn:aws:s3:::*", "?", "bob:x", "\x00", "x" * 100_000],
)
def test_a_value_is_never_read_as_part_of_the_pattern(name):
    """An expanded value is literal: policies.md 4.3."""
    bindings = bound({**ALLOW, "Resource": "arn:aws:s3:::home/${aws:username}"})
    context = {"aws:username": name, "aws:userid": "alice"}
    assert "implicit-deny" == effect(bindings, resource="arn:aws:s3:::home/alice", context=context)
    assert "allow" == effect(bindings, resource=f"arn:aws:s3:::home/{name}", context=context)


@settings(max_examples=200, deadline=None)
@given(st.text("${}*?,' ab:", max_size=30), st.text("${}*?,' ab:", max_size=12))
def test_whatever_stands_for_a_variable_is_read_to_its_end(pattern, value):
    bindings = bound(
        {**ALLOW, "Resource": ["arn:aws:s3:::x", pattern], "Condition": {"StringLike": {"a:b": pattern}}}
    )
    context = {"a:b": value, "a": value, "b": value}
    effect(bindings, resource=value, context=context)
