"""What a request could carry instead, so that nothing has to be changed."""

from __future__ import annotations

import json
import random

import pytest
from inventions import USER

from understudy_aws.policy import Bindings, NamedPolicy, Question, compile_policy, decide, explain
from understudy_aws.policy.explanation.alternatives import ANY_VALUE


def policy(*statements) -> NamedPolicy:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return NamedPolicy("given", compile_policy(json.dumps(document)))


def allow(action="*", resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="*", resource="*", **more) -> dict:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def alternative_to(condition, action="ec2:CreateVpc", context=None, resource="arn:aws:ec2:us-east-1:1:vpc/*"):
    bindings = Bindings((policy(allow(action, Condition=condition)),))
    return explain(Question(USER, action, resource, context or {}), bindings).alternative


def test_a_tag_that_is_wanted_is_named_with_its_value():
    wanted = {"StringEquals": {"aws:RequestTag/team": ["web", "ops"]}}
    assert {"aws:RequestTag/team": "web"} == alternative_to(wanted)
    assert {"aws:RequestTag/team": "web"} == alternative_to(wanted, context={"aws:requesttag/team": "x"})


def test_tag_keys_go_along_with_tags():
    wanted = {
        "StringEquals": {"aws:RequestTag/team": "web"},
        "ForAnyValue:StringEquals": {"aws:TagKeys": "team"},
    }
    assert {"aws:RequestTag/team": "web", "aws:TagKeys": ["team"]} == alternative_to(wanted)


def test_a_key_that_only_has_to_be_there_may_have_any_value():
    assert {"aws:RequestTag/team": ANY_VALUE} == alternative_to({"Null": {"aws:RequestTag/team": "false"}})


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::1:user/x"}},
        {"StringLike": {"aws:RequestTag/team": "w*"}},
        {"StringEquals": {"aws:RequestTag/team": "${aws:username}"}},
        {"StringEquals": {"aws:RequestTags/team": "web"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"Null": {"aws:RequestTag/team": "true"}, "StringEquals": {"aws:RequestTag/team": "web"}},
    ],
)
def test_what_nobody_can_send_is_not_advised(condition):
    assert {} == alternative_to(condition)


def test_a_key_the_action_never_carries_is_not_advised():
    wanted = {"StringEquals": {"aws:ResourceTag/team": "web"}}
    assert {} == alternative_to(wanted, "ec2:DescribeVpcs", resource="*")


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        (
            {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}},
            {"aws:requestedregion": "us-east-1"},
            {"aws:RequestedRegion": "eu-west-1"},
        ),
        (
            {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
            {},
            {"aws:MultiFactorAuthPresent": "true"},
        ),
        ({"Null": {"aws:RequestTag/team": "true"}}, {}, {"aws:RequestTag/team": ANY_VALUE}),
        ({"StringNotLike": {"aws:RequestTag/team": "w*"}}, {}, {}),
        ({"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:user/x"}}, {}, {}),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "false"}, {}),
        ({}, {}, {}),
    ],
)
def test_a_deny_with_a_condition_may_be_avoided(condition, context, expected):
    bindings = Bindings((policy(allow(), deny(Condition=condition)),))
    question = Question(USER, "ec2:CreateVpc", "arn:aws:ec2:us-east-1:1:vpc/*", context)
    assert expected == explain(question, bindings).alternative


CONDITIONS = [
    {"StringEquals": {"aws:RequestTag/team": ["web", "ops"]}},
    {"StringNotEquals": {"aws:RequestTag/team": "web"}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
    {"Null": {"aws:RequestTag/team": "false"}},
    {"Null": {"aws:RequestTag/team": "true"}},
    {"Null": {"aws:RequestTag/other": "false"}},
    {"StringEquals": {"aws:PrincipalTag/team": "${aws:RequestTag/team}"}},
    {"StringEquals": {"aws:PrincipalTag/team": "web"}},
    {"StringEqualsIgnoreCase": {"aws:RequestedRegion": "EU-WEST-1"}},
    {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    {},
]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_advised_works(seed):
    lots, advised = random.Random(seed), 0
    for _ in range(300):
        statements = [
            (deny if lots.randint(0, 3) == 0 else allow)(
                lots.choice(["*", "ec2:*", "s3:*"]),
                Condition={**lots.choice(CONDITIONS), **lots.choice(CONDITIONS)},
            )
            for _ in range(lots.randint(1, 4))
        ]
        edge = policy(allow(Condition=lots.choice(CONDITIONS))) if lots.randint(0, 1) else None
        bindings = Bindings((policy(*statements),), boundary=edge)
        context = {"aws:requestedregion": "us-east-1"}
        question = Question(USER, "ec2:CreateVpc", "arn:aws:ec2:us-east-1:1:vpc/*", context)
        explanation = explain(question, bindings)
        values = explanation.alternative
        if values:
            advised += 1
            assert not explanation.decision.allowed
            carried = {**context, **{key.lower(): value for key, value in values.items()}}
            sent = [key.partition("/")[2] for key in values if key.startswith("aws:RequestTag/")]
            if sent:
                # Who sends a tag names its key.
                carried["aws:tagkeys"] = list(dict.fromkeys([*carried.get("aws:tagkeys", []), *sent]))
            assert decide(Question(USER, "ec2:CreateVpc", question.resource, carried), bindings).allowed
    assert advised >= 30
