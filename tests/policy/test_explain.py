"""Two interpreters of one language: whatever is asked, they agree, and what they advise works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    explain,
    question_context,
    render,
)
from understudy_aws.policy.explanation.remedy import with_remedy

ACCOUNT, OTHER = "111122223333", "444455556666"
USER = Principal("user", f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT, user_id="AIDABOB")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Dev"
SESSION = Principal(
    "role-session", f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/s", ACCOUNT, ROLE_ARN, user_id="AROADEV:s"
)
LINKED = Principal(
    "role-session",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Linked/s",
    ACCOUNT,
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/Linked",
    service_linked=True,
)
PRINCIPALS = [
    USER,
    SESSION,
    LINKED,
    Principal("root", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
    Principal("federated", f"arn:aws:sts::{ACCOUNT}:federated-user/alice", ACCOUNT),
    Principal("federated", f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com", ACCOUNT),
    Principal("service", service="ecs.amazonaws.com"),
    Principal("anonymous"),
]
ACTIONS = ["s3:GetObject", "kms:Decrypt", "sts:AssumeRole", "ec2:CreateVpc", "s3:getobject"]
ACTION_PATTERNS = ["*", "s3:*", "s3:Get?bject", "kms:Decrypt", "sts:*", "ec2:Create*", "*:*o*"]
RESOURCES = [
    "*",
    "arn:aws:s3:::bob/k",
    "arn:aws:s3:::alice/k",
    "arn:aws:ec2:us-east-1:1:vpc/*",
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/Linked",
    "no ARN",
]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:s3:::bob/k",
    "arn:aws:s3:::*/k",
    "arn:aws:s3:::${aws:username}/*",
    "arn:aws:s3:::${aws:username, 'alice'}/?",
    "arn:*:ec2:*:*:vpc/*",
    "arn:aws:iam::*:role/*",
    "arn:aws:*",
]
OPERATORS = [
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "ArnLike",
    "ArnNotEquals", "NumericLessThan", "NumericNotEquals", "DateGreaterThan", "DateNotEquals", "Bool",
    "IpAddress", "NotIpAddress", "BinaryEquals",
]  # fmt: skip
KEYS = ["aws:username", "aws:TagKeys", "aws:SourceIp", "aws:RequestTag/Team", "app:when"]
VALUES = [
    "", "bob", "b*", "${aws:username}", "${*}", "10.0.0.0/8", "10.1.1.1", "1", "2030-01-01", "true", "QQ==",
    "arn:aws:s3:::bob", "arn:aws:s3:::*",
]  # fmt: skip
MEMBERS = [
    "*",
    {"AWS": "*"},
    {"AWS": ACCOUNT},
    {"AWS": [USER.arn, f"arn:aws:iam::{ACCOUNT}:root"]},
    {"AWS": [SESSION.arn, ROLE_ARN, ACCOUNT]},
    {"AWS": ROLE_ARN},
    {"AWS": SESSION.arn},
    {"AWS": "AIDABOB"},
    {"Service": "ecs.amazonaws.com"},
    {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"},
    {"CanonicalUser": "abc"},
]

operators = st.one_of(
    st.just("Null"),
    st.builds(
        lambda prefix, name, suffix: prefix + name + suffix,
        st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]),
        st.sampled_from(OPERATORS),
        st.sampled_from(["", "", "IfExists"]),
    ),
)
conditions = st.dictionaries(
    operators,
    st.dictionaries(
        st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), max_size=2), min_size=1, max_size=2
    ),
    max_size=2,
)


@st.composite
def documents(draw, kind):
    statements = []
    for _ in range(draw(st.integers(0, 3))):
        inverted = draw(st.integers(0, 9)) == 0
        statement = {
            "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
            "NotAction" if inverted else "Action": draw(
                st.lists(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=2)
            ),
        }
        if kind != "trust":
            name = draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))
            statement[name] = draw(st.lists(st.sampled_from(RESOURCE_PATTERNS), min_size=1, max_size=3))
        if kind in ("trust", "resource", "rcp"):
            name = draw(st.sampled_from(["Principal", "Principal", "Principal", "NotPrincipal"]))
            statement[name] = draw(st.sampled_from(MEMBERS))
        if draw(st.booleans()):
            statement["Condition"] = draw(conditions)
        statements.append(statement)
    document = {"Statement": statements}
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17", None]))
    if version:
        document["Version"] = version
    return compile_policy(json.dumps(document), kind=kind)


def named(kind):
    return st.builds(NamedPolicy, st.sampled_from([f"{kind}-{n}" for n in range(9)]), documents(kind))


def several(kind, most):
    return st.lists(named(kind), max_size=most, unique_by=lambda policy: policy.name).map(tuple)


@st.composite
def all_bindings(draw):
    trust = draw(st.integers(0, 4)) == 0
    return Bindings(
        identity=draw(several("identity", 3)),
        boundary=draw(st.none() | named("boundary")),
        session=draw(st.none() | several("session", 2)),
        scps=draw(st.lists(several("scp", 2), max_size=2).map(tuple)),
        rcps=draw(st.lists(several("rcp", 2), max_size=1).map(tuple)),
        resource=draw(st.none() | named("trust" if trust else "resource")),
        trust=trust,
        scopes=draw(st.lists(several("session", 1), max_size=2).map(tuple)),
    )


contexts = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from(VALUES) | st.lists(st.sampled_from(VALUES), max_size=3)
).map(question_context)
questions = st.builds(
    Question,
    st.sampled_from(PRINCIPALS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    contexts,
    st.sampled_from([None, None, ACCOUNT, OTHER]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(questions, min_size=1, max_size=4), all_bindings())
def test_the_explanation_always_agrees_with_the_decision(asked, bindings):
    for question in asked:
        decision = decide(question, bindings)
        explanation = explain(question, bindings)
        assert decision == explanation.decision
        assert decision == decide(question, bindings)
        assert decision.allowed is (decision.effect == "allow")
        render(explanation)
        json.dumps(explanation.to_dict())


@settings(max_examples=300, deadline=None)
@given(questions, all_bindings())
def test_the_remedies_together_allow_the_question(question, bindings):
    explanation = explain(question, bindings)
    for remedy in explanation.remedies:
        bindings = with_remedy(bindings, remedy)
    assert decide(question, bindings).allowed


@settings(max_examples=300, deadline=None)
@given(questions, all_bindings(), named("identity"))
def test_a_deny_never_widens_what_is_allowed(question, bindings, extra):
    denial = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
    denied = Bindings(
        identity=(*bindings.identity, NamedPolicy("deny", compile_policy(json.dumps(denial)))),
        boundary=bindings.boundary,
        session=bindings.session,
        scps=bindings.scps,
        rcps=bindings.rcps,
        resource=bindings.resource,
        trust=bindings.trust,
        scopes=bindings.scopes,
    )
    assert "explicit-deny" == decide(question, denied).effect


def denied_creation(condition=True):
    path = Path(__file__).parent.parent / "cases" / "policy" / "service_linked_roles.json"
    assert path.exists()
    role = "AWSServiceRoleForAppRunnerNetworking"
    service = "networking.apprunner.amazonaws.com"
    context = {"iam:awsservicename": service} if condition else {}
    resource = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/{role}"
    return Question(USER, "iam:CreateServiceLinkedRole", resource, context)


def test_a_missing_service_linked_role_permission_is_offered_with_its_service():
    remedy = explain(denied_creation(), Bindings()).remedy
    assert remedy is not None
    assert {
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": denied_creation().resource,
        "Condition": {"StringEquals": {"iam:AWSServiceName": "networking.apprunner.amazonaws.com"}},
    } == remedy.statement
    assert f"an identity policy of {USER.arn}" == remedy.where


def test_a_missing_tag_is_shown_with_what_was_wanted():
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "Managed",
            "Effect": "Allow",
            "Action": "ec2:DeleteNetworkInterface",
            "Resource": "*",
            "Condition": {"Null": {"ec2:ResourceTag/AWSAppRunnerManaged": "false"}},
        },
    }
    bindings = Bindings(identity=(NamedPolicy("Networking", compile_policy(json.dumps(policy))),))
    question = Question(
        SESSION, "ec2:DeleteNetworkInterface", "arn:aws:ec2:us-east-1:1:network-interface/eni-1"
    )
    text = render(explain(question, bindings))
    assert (
        "DENIED  ec2:DeleteNetworkInterface on arn:aws:ec2:us-east-1:1:network-interface/eni-1\n"
        "        for arn:aws:sts::111122223333:assumed-role/Dev/s\n"
        "Because no identity-based policy allows the ec2:DeleteNetworkInterface action\n"
        "\n"
        "What the policies say:\n"
        "> identity policies  not allowed: 1 statement of Networking would, but does not apply\n"
        "\n"
        "The request does not carry:\n"
        "  ec2:ResourceTag/AWSAppRunnerManaged: the resource has no tag AWSAppRunnerManaged\n"
        "\n"
        "Came close:\n"
        '  identity policy Networking, statement 1 "Managed":\n'
        "    Null ec2:ResourceTag/AWSAppRunnerManaged: wants it there; it is not in the request\n"
        "\n"
        "As the policies are, the request is allowed when it carries:\n"
        "  ec2:ResourceTag/AWSAppRunnerManaged = any value\n"
        "\n"
        "To allow it as it is, add to an identity policy of arn:aws:iam::111122223333:role/Dev:\n"
        "  {\n"
        '    "Effect": "Allow",\n'
        '    "Action": "ec2:DeleteNetworkInterface",\n'
        '    "Resource": "arn:aws:ec2:us-east-1:1:network-interface/eni-1"\n'
        "  }"
    ) == text


def test_two_layers_in_the_way_are_two_changes():
    nothing = compile_policy('{"Version": "2012-10-17", "Statement": []}', kind="boundary")
    explanation = explain(Question(USER, "s3:GetObject"), Bindings(boundary=NamedPolicy("Edge", nothing)))
    assert ["identity", "boundary"] == [remedy.layer for remedy in explanation.remedies]
    assert "To allow it takes 2 changes: first, add to an identity policy" in render(explanation)


def test_a_deny_is_lifted_by_name():
    denial = {"Statement": [{"Sid": "Stop", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    scp = NamedPolicy("Guardrail", compile_policy(json.dumps(denial), kind="scp"))
    remedy = explain(Question(USER, "s3:GetObject"), Bindings(scps=((scp,),))).remedy
    assert remedy is not None
    assert ("lift", "scp", "Guardrail", 0, "Stop") == (
        remedy.kind, remedy.layer, remedy.policy, remedy.index, remedy.sid,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["${aws:username}", "${*}", "$${x}"])
def test_a_resource_with_a_variable_s_text_is_offered_literally(text):
    question = Question(USER, "s3:GetObject", f"arn:aws:s3:::b/{text}")
    bindings = Bindings()
    for remedy in explain(question, bindings).remedies:
        bindings = with_remedy(bindings, remedy)
    assert decide(question, bindings).allowed
