"""The largest documents cost a bounded amount of work: calls are counted, never seconds."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, suppress

import pytest

from understudy_aws.policy import (
    MalformedPolicy,
    PolicyType,
    compile_policy,
    context_key_names,
    review,
    validate_policy,
)
from understudy_aws.policy.engine import policies as policies_module
from understudy_aws.policy.engine.policies import compile_uncached
from understudy_aws.policy.findings.check import MOST_FINDINGS
from understudy_aws.policy.findings.validate import MAX_CHECKED, MAX_CHECKED_RESOURCES
from understudy_aws.policy.language import json_text
from understudy_aws.policy.language.document import KINDS, MAX_DOCUMENT
from understudy_aws.policy.language.json_text import JsonText

# A quarter of a second on an ordinary machine; most documents need a tenth of it.
# Characters of a document in a request (iam.md 2.5).
LONGEST_REQUEST = 131_072
LONGEST_CHECKED = 32_768
MOST_CALLS = 5_000_000


class Calls:
    count = 0


@contextmanager
def counted():
    """The calls of Python functions and of built-in ones that are made inside."""
    calls = Calls()

    def count(_frame, event, _argument):
        if event in ("call", "c_call"):
            calls.count += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def work(act, *given):
    with counted() as calls, suppress(MalformedPolicy):
        act(*given)
    return calls.count


def statement(elements):
    return f'{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", {elements}}}]}}'


def condition(operator, key, values):
    return statement(
        f'"Action": "s3:*", "Resource": "*", "Condition": {{"{operator}": {{"{key}": [{values}]}}}}'
    )


def actions(values):
    return statement(f'"Action": [{values}], "Resource": "*"')


def resources(values):
    return statement(f'"Action": ["ec2:*", "iam:*", "s3:*", "iam:PassRole"], "Resource": [{values}]')


def keys(members):
    return statement(f'"Action": "*", "Resource": "*", "Condition": {{"StringLike": {{{members}}}}}')


def statements(members):
    return f'{{"Version": "2012-10-17", "Statement": [{members}]}}'


HOSTILE = {
    "numbers": (actions, lambda _: "1"),
    "the same action": (actions, lambda _: '"s3:GetObject"'),
    "actions with wildcards": (actions, lambda n: f'"s3:G*{n}"'),
    "misspelt actions": (actions, lambda n: f'"s3:GetObjec{n}"'),
    "misspelt services": (actions, lambda n: f'"s{n}:Get"'),
    "stars alone": (actions, lambda n: f'"ec2:{"*a" * 400}{n}"'),
    "buckets": (resources, lambda n: f'"arn:aws:s3:::b{n}*"'),
    "types": (resources, lambda n: f'"arn:aws:ec2:*:*:*/{n}*"'),
    "stars in a type": (resources, lambda n: f'"arn:aws:ec2:*:*:{"*a" * 900}{n}"'),
    "regions": (resources, lambda n: f'"arn:aws:ec2:us-eats-{n}:123456789012:vpc/v"'),
    "partitions": (resources, lambda n: f'"arn:awz{n}:s3:::b"'),
    "single characters": (resources, lambda n: f'"arn:aws:ec2:?*:*?:?*?*?*/{n}?*"'),
    "values": (lambda values: condition("StringLike", "aws:username", values), lambda n: f'"*x{n}*y"'),
    "wild values": (lambda values: condition("StringLike", "aws:SourceIp", values), lambda n: f'"{"*a" * 500}{n}"'),
    "networks": (lambda values: condition("IpAddress", "aws:SourceIp", values), lambda n: f'"10.{n % 256}.0.0/24"'),
    "misspelt variables": (lambda values: condition("StringEquals", "a:b", values), lambda _: '"${aws:usrname}"'),
    "tags": (keys, lambda n: f'"aws:RequestTag/{n}": "x"'),
    "misspelt keys": (keys, lambda n: f'"aws:Fo{n}": "x"'),
    "keys of a service": (keys, lambda n: f'"ec2:Vp{n}": "x"'),
    "statements": (statements, lambda n: f'{{"Sid": "s{n}", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'),
    "statements without elements": (statements, lambda _: "{}"),
    "misspelt elements": (statements, lambda n: f'{{"Efect": "Allow", "Acton": "s3:G{n}", "Resorce": "*"}}'),
}  # fmt: skip


def filled(of, item, most):
    """A document of at most so many characters, as full of items as can be."""
    items, room = [], most - len(of(""))
    while room > 0:
        one = item(len(items))
        room -= len(one) + 1
        items.append(one)
    text = of(",".join(items[:-1]))
    assert len(text) <= most
    return text


@pytest.fixture(autouse=True, scope="module")
def everything_is_loaded():
    """The catalogue and the checks, whose loading is no work of a document's."""
    for kind in PolicyType:
        validate_policy(actions('"s3:GetObject", "ec2:RunInstances", "iam:PassRole"'), kind)


@pytest.mark.parametrize(("of", "item"), HOSTILE.values(), ids=HOSTILE)
def test_the_longest_document_is_read_in_a_bounded_number_of_calls(of, item):
    text = filled(of, item, LONGEST_REQUEST)
    assert work(review, text, "identity") < MOST_CALLS
    assert work(compile_uncached, text, "identity") < MOST_CALLS
    assert work(context_key_names, text) < MOST_CALLS


@pytest.mark.parametrize(("of", "item"), HOSTILE.values(), ids=HOSTILE)
def test_the_longest_document_that_is_checked_takes_a_bounded_number_of_calls(of, item):
    # What the catalogue is asked for the first time is read, which is no work of this document's.
    validate_policy(filled(of, item, 4_000), "IDENTITY_POLICY")
    assert work(validate_policy, filled(of, item, LONGEST_CHECKED), "IDENTITY_POLICY") < MOST_CALLS
    assert work(validate_policy, filled(of, item, LONGEST_REQUEST), "RESOURCE_POLICY") < MOST_CALLS


def test_a_document_of_too_many_values_is_checked_for_form_and_size_alone():
    values = ",".join(['"s3:GetObjec"'] * 2_000)
    assert "INVALID_ACTION" in {
        each.issue_code for each in validate_policy(actions(values), "IDENTITY_POLICY")
    }
    large = actions(",".join([values] * 4)).replace('"Resource"', '"Extra": 1, "Resource"')
    assert JsonText(large).node_count() > MAX_CHECKED
    assert {"INVALID_POLICY_ELEMENT", "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"} == {
        each.issue_code for each in validate_policy(large, "IDENTITY_POLICY")
    }


def test_a_document_of_too_many_resources_is_checked_for_form_and_size_alone():
    for count, checked in ((MAX_CHECKED_RESOURCES, True), (MAX_CHECKED_RESOURCES + 1, False)):
        text = resources(",".join(f'"arn:nowhere:s3:::b{number}"' for number in range(count)))
        codes = {each.issue_code for each in validate_policy(text, "IDENTITY_POLICY")}
        assert checked is ("INVALID_PARTITION" in codes)


def test_values_and_keys_are_counted():
    assert 9 == JsonText('{"a": [1, {"b": null}], "c": ""}').node_count()


def test_one_check_makes_so_many_findings_and_no_more():
    findings = validate_policy(actions(",".join(["1"] * 5_000)), "IDENTITY_POLICY")
    assert MOST_FINDINGS == sum(each.issue_code == "DATA_TYPE_MISMATCH" for each in findings)


@pytest.mark.parametrize(
    "text",
    ["[" * 9_000_000, b"\xff" * 9_000_000, " " * (MAX_DOCUMENT + 1)],
    ids=["text", "bytes", "one more"],
)
def test_what_is_longer_than_a_request_may_be_is_refused_before_it_is_read(text, monkeypatch):
    def unreachable(*_):
        raise AssertionError("it was read")

    monkeypatch.setattr(json_text, "read_values", unreachable)
    monkeypatch.setattr(json_text, "JsonText", unreachable)
    monkeypatch.setattr(policies_module._COMPILED, "get", unreachable)
    readers = [lambda kind=kind: review(text, kind) for kind in KINDS]
    readers += [lambda: compile_policy(text), lambda: context_key_names(text)]
    for read in readers:
        with counted() as calls, pytest.raises(MalformedPolicy) as refused:
            read()
        assert "Syntax errors in policy." == refused.value.message
        assert calls.count < 200
    for kind in PolicyType:
        with counted() as calls:
            [finding] = validate_policy(text, kind)
        assert finding.issue_code.startswith("POLICY_SIZE_EXCEEDS_")
        assert str(len(text)) in finding.details
        assert calls.count < 100


def test_a_pattern_that_begins_or_ends_otherwise_is_never_compiled():
    """Thousands of patterns with `?` cost a regular expression each, of which most are never needed."""
    patterns = [f"arn:aws:s3:*::b?*{number}x" for number in range(3_000)]
    policy = compile_uncached(
        json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": patterns}}), "identity"
    )
    matches = policy.statements[0].matches_resource
    assert work(matches, "arn:aws:s3:::" + "b" * 900, {}) < 300_000
