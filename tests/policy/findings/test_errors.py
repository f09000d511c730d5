"""Every check of type ERROR, by the table in `error_cases`."""

from __future__ import annotations

import json

import pytest
from error_cases import (
    BUCKET,
    CASES,
    IDENTITY,
    NOT_GIVEN,
    PAGE,
    actions,
    bucket_of,
    condition,
    policy,
    principal,
    resources,
    trust,
)
from marked import assert_agrees, spans_of, unmarked

from understudy_aws.policy.findings import FindingType, validate_policy
from understudy_aws.policy.findings.errors import CHECKS


def findings(text, kind, code):
    return [found for found in validate_policy(text, *kind) if found.issue_code == code]


def names(case):
    return f"{case[0]}-{CASES.index(case)}"


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_policy_that_has_the_finding_has_it_at_its_place(case):
    code, kind, marked, _ = case
    text, spans = unmarked(marked)
    found = findings(text, kind, code)
    assert found
    assert {FindingType.ERROR} == {each.finding_type for each in found}
    if spans:
        assert spans == [span for span in spans_of(found) if span in spans] == spans_of(found)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_policy_that_nearly_has_the_finding_has_it_not(case):
    code, kind, _, near = case
    assert [] == findings(near, kind, code)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_path_and_span_of_every_place_mean_the_same(case):
    code, kind, marked, near = case
    for text in (unmarked(marked)[0], near):
        if code == "JSON_SYNTAX_ERROR":
            continue
        for found in validate_policy(text, *kind):
            for location in found.locations:
                assert_agrees(text, location)


def test_every_error_of_the_page_is_given_or_says_why_not():
    """ "IAM policy validation check reference" of the IAM guide, 2026."""
    given = {check.issue_code for check in CHECKS} | {"JSON_SYNTAX_ERROR"}
    assert set(PAGE) == given | set(NOT_GIVEN)
    assert not given & set(NOT_GIVEN)


def test_every_error_has_a_case():
    assert set(PAGE) - set(NOT_GIVEN) == {code for code, *_ in CASES}


def test_every_finding_says_what_is_wrong_and_what_to_write():
    for code, kind, marked, _ in CASES:
        for found in findings(unmarked(marked)[0], kind, code):
            assert found.details.endswith((".", "!"))
            assert found.instead.endswith((".", "!"))


@pytest.mark.parametrize(
    ("text", "kind", "code", "instead"),
    [
        (
            actions('"s3:GetObjectz"'),
            IDENTITY,
            "INVALID_ACTION",
            'Write "s3:GetObject", if that is what is meant.',
        ),
        (actions('["s3:PutObject", "GetObject"]'), IDENTITY, "INVALID_ACTION", 'Write "s3:GetObject".'),
        (
            actions('"dynamdb:GetItem"'),
            IDENTITY,
            "INVALID_SERVICE_IN_ACTION",
            'Write "dynamodb:GetItem", if that is what is meant.',
        ),
        (
            condition('{"StringEquals": {"aws:SourceVpcId": "vpc-12345678"}}'),
            IDENTITY,
            "INVALID_GLOBAL_CONDITION_KEY",
            'Write "aws:SourceVpc", if that is what is meant.',
        ),
        (
            condition('{"StringEquals": {"ec2:ResourceTags/team": "a"}}'),
            IDENTITY,
            "INVALID_SERVICE_CONDITION_KEY",
            'Write "ec2:ResourceTag/team", if that is what is meant.',
        ),
        (
            condition('{"ForAnyValue:StringsLike": {"aws:TagKeys": "a"}}'),
            IDENTITY,
            "INVALID_CONDITION_OPERATOR",
            'Write "ForAnyValue:StringLike".',
        ),
        (resources('"arn:aws:s3::b"'), IDENTITY, "MISSING_ARN_FIELD", 'Write "arn:aws:s3:::b".'),
        (
            resources('"arn:aws:ec2:*:*:vpc-endpoint:*"'),
            IDENTITY,
            "INVALID_ARN_RESOURCE",
            "Write arn:aws:ec2:<Region>:<Account>:vpc-endpoint/<VpcEndpointId>.",
        ),
        (
            principal('"arn:aws:iam::111122223333:root"'),
            BUCKET,
            "INVALID_PRINCIPAL_FORMAT",
            'Write {"AWS": "arn:aws:iam::111122223333:root"}.',
        ),
        (
            trust('{"Federated": "accounts.google.com"}'),
            ("RESOURCE_POLICY", None),
            "MISMATCHED_ACTION_FOR_PRINCIPAL",
            "Write sts:AssumeRoleWithWebIdentity, or name other principals.",
        ),
        (
            policy('{"Effects": "Allow"}'),
            IDENTITY,
            "INVALID_POLICY_ELEMENT",
            'Write "Effect".',
        ),
    ],
)
def test_the_nearest_known_name_is_named(text, kind, code, instead):
    assert [instead] == [found.instead for found in findings(text, kind, code)]


def test_an_operation_under_another_name_is_told_its_action():
    """The service authorization reference has s3:ListAllMyBuckets for the operation ListBuckets."""
    [found] = findings(actions('"s3:ListBuckets"'), IDENTITY, "INVALID_ACTION")
    assert found.instead.startswith('Write "s3:ListAllMyBuckets"')


def test_a_place_behind_escapes_is_counted_in_the_text_and_in_the_string():
    text = bucket_of("\\u0061\\ud83d\\ude00${}").replace("\\\\", "\\")
    [found] = findings(text, IDENTITY, "EMPTY_VARIABLE")
    assert_agrees(text, found.locations[0])
    start = found.locations[0].span.start.offset
    assert "${}" == text[start : start + 3]
    assert json.loads(text)["Statement"][0]["Resource"].endswith("a\N{GRINNING FACE}${}")


def test_the_finding_of_the_command_lines_manual_is_given_as_recorded():
    """The example of `aws accessanalyzer validate-policy`: its codes of type ERROR and where their places begin.

    Its last place ends two characters behind the value that the manual shows: that value was replaced.
    """
    text = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "",
            "Effect": "Allow",
            "Principal": {
                "Federated": "cognito-identity.amazonaws.com"
            },
            "Action": [
                "sts:AssumeRole",
                "sts:TagSession"
            ],
            "Condition": {
                "StringEquals": {
                    "cognito-identity.amazonaws.com:aud": "us-west-2_EXAMPLE"
                }
            }
        }
    ]
}"""
    recorded = {
        "MISMATCHED_ACTION_FOR_PRINCIPAL": [(11, 16, 258), (8, 29, 170)],
        "UNSUPPORTED_ACTION_FOR_CONDITION_KEY": [(12, 16, 292), (16, 58, 443)],
    }
    given = {
        found.issue_code: [
            (start.line, start.column - 1, start.offset)
            for start in (location.span.start for location in found.locations)
        ]
        for found in validate_policy(text, "RESOURCE_POLICY")
        if found.finding_type is FindingType.ERROR
    }
    assert recorded == given


def test_findings_come_by_their_place_and_the_worst_first():
    found = validate_policy(condition('{"Nul": {"x": 1}}', '"y"'), "IDENTITY_POLICY")
    starts = [each.locations[0].span.start.offset for each in found]
    assert sorted(starts) == starts
    assert len(found) > 1
