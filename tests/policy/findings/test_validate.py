"""ValidatePolicy as a function: it takes whatever comes, and every place it names lies within the text."""

from __future__ import annotations

import json
import re

import pytest
from error_cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from marked import assert_agrees, unmarked

from understudy_aws.policy import MalformedPolicy, compile_policy, validate_policy
from understudy_aws.policy.findings import PolicyType
from understudy_aws.policy.findings.finding import RESOURCE_TYPES
from understudy_aws.policy.language.document import KINDS

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
TYPES = [(kind, None) for kind in PolicyType] + [("RESOURCE_POLICY", of) for of in RESOURCE_TYPES]

NAMES = st.sampled_from(
    [
        "Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
        "NotResource", "Condition", "AWS", "Service", "Federated", "CanonicalUser", "StringEquals", "Bool", "Null",
        "ForAnyValue:StringLike", "IpAddress", "ArnLike", "DateLessThan", "NullIfExists", "aws:SourceIp",
        "aws:TagKeys", "aws:userid", "aws:SourceVpc", "aws:RequestTag/", "s3:prefix", "aws:PrincipalArn", "kms:ViaService",
    ]
)  # fmt: skip
PIECES = st.sampled_from(
    [
        "arn:", "aws", ":", "*", "?", "${", "}", "aws:username", ", 'x'", "s3", "iam", "::", "Get", "Object", "role/",
        "111122223333", "us-east-1", "2012-10-17", "Allow", "Deny", "amazonaws.com", "sts:AssumeRole", "10.0.0.0/8",
        "/", " ", "\U0001f600", "\ue000", "true", "vpc-", "é", "",
    ]
)  # fmt: skip
TEXTS = (
    st.lists(PIECES, max_size=8).map("".join)
    | NAMES
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)
)
SCALARS = TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=15,
)
CONDITIONS = st.dictionaries(
    NAMES, st.dictionaries(NAMES | TEXTS, TEXTS | st.lists(TEXTS, max_size=3), max_size=2)
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": TEXTS,
        "Action": TEXTS | st.lists(TEXTS, max_size=4),
        "NotAction": TEXTS,
        "Resource": TEXTS | st.lists(TEXTS, max_size=4),
        "Principal": TEXTS | st.dictionaries(NAMES, TEXTS | st.lists(TEXTS, max_size=3), max_size=2),
        "Condition": CONDITIONS,
    },
)
POLICIES = st.fixed_dictionaries(
    {"Statement": ANYTHING | st.lists(STATEMENTS | ANYTHING, max_size=4)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"]) | ANYTHING, "Id": ANYTHING},
)


def assert_well_placed(text, findings):
    for finding in findings:
        assert finding.details
        assert not CONTROLS.search(finding.details + finding.instead)
        assert finding.locations
        for location in finding.locations:
            assert 0 <= location.span.start.offset <= location.span.end.offset <= len(text)
            assert 1 <= location.span.start.line <= location.span.end.line
            assert location.span.start.column >= 1


@settings(max_examples=300, deadline=None)
@given(POLICIES | ANYTHING, st.sampled_from(TYPES), st.sampled_from([None, 1]))
def test_no_json_whatsoever_is_too_much(value, kind, indent):
    text = json.dumps(value, indent=indent)
    findings = validate_policy(text, *kind)
    assert_well_placed(text, findings)
    for finding in findings:
        for location in finding.locations:
            assert_agrees(text, location)


@given(st.text() | st.binary(), st.sampled_from(TYPES))
def test_no_text_whatsoever_is_too_much(text, kind):
    assert_well_placed(text, validate_policy(text, *kind))


@given(st.sampled_from([case[2] for case in CASES] + [case[3] for case in CASES]), st.data())
def test_a_policy_with_a_hole_in_it_is_not_too_much(marked, data):
    text = unmarked(marked)[0]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    broken = text[:start] + text[end:]
    for kind in TYPES:
        assert_well_placed(broken, validate_policy(broken, *kind))


@settings(deadline=None)
@given(POLICIES, st.sampled_from(sorted(KINDS)))
def test_every_document_that_compiles_is_read(value, kind):
    text = json.dumps(value)
    try:
        compile_policy(text, kind=kind)
    except MalformedPolicy:
        return
    findings = validate_policy(text, "IDENTITY_POLICY")
    assert_well_placed(text, findings)
    assert not [
        finding for finding in findings if finding.issue_code in ("JSON_SYNTAX_ERROR", "MISSING_EFFECT")
    ]


@pytest.mark.parametrize("kind", [TYPES[0], ("RESOURCE_POLICY", None)], ids=["identity", "resource"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(
            {"Statement": {"Action": "s3:" + "*a" * 20_000, "Resource": "arn:aws:s3:::" + "*?" * 20_000}}
        ),
        json.dumps({"Statement": [{"Action": [f"s3:Unknown{number}" for number in range(3_000)]}]}),
        json.dumps({"Statement": [{"Action": [f"service{number}:Get" for number in range(3_000)]}]}),
        json.dumps({"Statement": [{"Resource": "${" * 50_000}]}),
        json.dumps(
            {
                "Statement": [
                    {"Condition": {"StringEquals": {f"aws:k{number}": "" for number in range(3_000)}}}
                ]
            }
        ),
        json.dumps({"Statement": [{}] * 2_000}),
        json.dumps(
            {"Statement": [{"Action": ["GetObject"] * 3_000 + [f"a{number}:b" for number in range(3_000)]}]}
        ),
        json.dumps(
            {
                "Statement": {
                    "Action": ["ec2:DescribeVpcs"] * 3_000,
                    "Condition": {
                        "StringEquals": {f"ec2:ResourceTag/{number}": "" for number in range(3_000)}
                    },
                }
            }
        ),
        json.dumps(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole"] * 3_000,
                    "Principal": {"Federated": ["a.b"] * 3_000},
                    "Condition": {
                        "StringEquals": {f"aws:RequestTag/{number}": "" for number in range(3_000)}
                    },
                }
            }
        ),
        '{"Statement": [' + "[" * 100_000,
        "{" + '"a": 1, ' * 5_000 + '"a": 1}',
    ],
    ids=[
        "wildcards",
        "actions",
        "services",
        "variables",
        "keys",
        "statements",
        "bare actions",
        "pairs",
        "trust",
        "depth",
        "duplicates",
    ],
)
def test_a_hostile_document_ends(text, kind):
    assert_well_placed(text, validate_policy(text, *kind))


def test_an_unknown_policy_type_is_refused():
    with pytest.raises(ValueError, match="NO_POLICY"):
        validate_policy("{}", "NO_POLICY")


@pytest.mark.parametrize("escape", ["\\ud800", "\\u0000"])
@pytest.mark.parametrize("kind", TYPES)
def test_what_is_no_text_is_no_json_and_no_part_of_it_is_in_the_findings(escape, kind):
    """Half a surrogate pair in a path could not be sent: ValidatePolicy answered 500."""
    text = (
        f'{{"Statement": [{{"Effect": "Allow", "Action": "s3:*", "Resource": "{escape}", "{escape}": 1}}]}}'
    )
    findings = validate_policy(text, *kind)
    assert ["JSON_SYNTAX_ERROR"] == [each.issue_code for each in findings]
    json.dumps([str(each) for each in findings], ensure_ascii=False).encode()
