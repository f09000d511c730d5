"""Compiling: shared by content, bounded in memory, refusing what cannot be understood."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.data import managed_policies
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

BOB = Principal("user", "arn:aws:iam::111122223333:user/bob", "111122223333")
ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def text_of(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)})


def test_one_document_is_compiled_once():
    text = text_of(ALLOW)
    assert compile_policy(text) is compile_policy(text.encode())
    assert compile_policy(text) is not compile_policy(text, kind="scp")


def test_a_policy_that_cannot_be_understood_is_named():
    with pytest.raises(MalformedPolicy) as refused:
        compile_policy("{", name="Broken")
    assert ("This policy contains invalid Json", "Broken") == (refused.value.message, refused.value.policy)


MALFORMED = {
    "not JSON": "nonsense",
    "not an object": "[]",
    "no statement": "{}",
    "a key twice": '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
    "an element twice": '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}]}',
    "an unknown element": text_of({**ALLOW, "Actions": "s3:*"}),
    "an unknown version": text_of(ALLOW, version="2012-10-18"),
    "an effect in lower case": text_of({**ALLOW, "Effect": "allow"}),
    "no effect": text_of({"Action": "*", "Resource": "*"}),
    "no action": text_of({"Effect": "Allow", "Resource": "*"}),
    "no resource": text_of({"Effect": "Allow", "Action": "*"}),
    "both actions": text_of({**ALLOW, "NotAction": "s3:*"}),
    "both resources": text_of({**ALLOW, "NotResource": "*"}),
    "a numeric action": text_of({**ALLOW, "Action": 5}),
    "a principal": text_of({**ALLOW, "Principal": "*"}),
    "an unknown operator": text_of({**ALLOW, "Condition": {"StringSimilar": {"a:b": "c"}}}),
    "an unknown set operator": text_of({**ALLOW, "Condition": {"ForSomeValues:StringEquals": {"a:b": "c"}}}),
    "IfExists on Null": text_of({**ALLOW, "Condition": {"NullIfExists": {"a:b": "true"}}}),
    "a null value": text_of({**ALLOW, "Condition": {"StringEquals": {"a:b": None}}}),
    "a nested value": text_of({**ALLOW, "Condition": {"StringEquals": {"a:b": [["c"]]}}}),
    "a list of conditions": text_of({**ALLOW, "Condition": []}),
    "not a number": '{"Statement": [], "Id": NaN}',
    "bytes that are no text": b"\xff\xfe",
    "deep nesting": "[" * 100_000,
    "deep objects": '{"Statement":' * 20_000,
    "too long a text": " " * 300_000,
    "too many statements": json.dumps({"Statement": [ALLOW] * 10_001}, separators=(",", ":"))[:200_000],
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_refused(text):
    with pytest.raises(MalformedPolicy):
        compile_policy(text)


@pytest.mark.parametrize("kind", ["trust", "resource", "rcp"])
def test_a_resource_policy_without_a_principal_is_refused(kind):
    with pytest.raises(MalformedPolicy):
        compile_policy(text_of(ALLOW), kind=kind)


@settings(max_examples=400, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Version",
                        "Statement",
                        "Effect",
                        "Action",
                        "Resource",
                        "Principal",
                        "Condition",
                        "AWS",
                        "Bool",
                    ]
                )
                | st.text(max_size=4),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["identity", "managed", "trust", "resource", "boundary", "session", "scp", "rcp"]),
)
def test_any_json_is_a_policy_or_malformed(value, kind):
    text = json.dumps(value)
    for judge in (lambda: compile_policy(text, kind=kind), lambda: review(text, kind)):
        with contextlib.suppress(MalformedPolicy):
            judge()


def test_hostile_action_names_do_not_grow_the_memos():
    """However many actions are asked about, memory is bounded."""
    named = NamedPolicy("p", compile_policy(text_of(ALLOW)))
    bindings = Bindings(identity=(named,))
    for number in range(3 * bindings_module.MAX_PLANS):
        assert decide(Question(BOB, f"s3:Get{number}"), bindings).allowed
    assert len(bindings.plans) <= bindings_module.MAX_PLANS
    for number in range(3 * policies_module.MAX_ACTIONS):
        named.policy.statements_for(f"ec2:Describe{number}")
    named_after = sum(1 for _ in named.policy.statements_for("s3:GetObject"))
    assert 1 == named_after


def test_a_huge_list_is_a_look_up():
    patterns = [f"arn:aws:s3:::bucket-{number}/*" for number in range(5_000)]
    policy = compile_policy(text_of({**ALLOW, "Resource": patterns}))
    bindings = Bindings(identity=(NamedPolicy("p", policy),))
    assert decide(Question(BOB, "s3:GetObject", "arn:aws:s3:::bucket-4999/k"), bindings).allowed
    assert not decide(Question(BOB, "s3:GetObject", "arn:aws:s3:::bucket-5000/k"), bindings).allowed


@pytest.mark.parametrize(
    "pattern", ["arn:aws:s3:::" + "*a" * 900 + "b", "arn:aws:s3:::" + "*${aws:username}?" * 300 + "b"]
)
def test_a_hostile_resource_is_answered_at_once(pattern):
    bindings = Bindings(identity=(NamedPolicy("p", compile_policy(text_of({**ALLOW, "Resource": pattern}))),))
    question = Question(BOB, "s3:GetObject", "arn:aws:s3:::" + "a" * 2000, {"aws:username": "a"})
    assert not decide(question, bindings).allowed
    assert not explain(question, bindings).decision.allowed


def test_bindings_are_equal_by_their_policies_and_keep_those_of_resources():
    named = NamedPolicy("p", compile_policy(text_of(ALLOW)))
    bindings = Bindings(identity=(named,))
    assert bindings == Bindings(identity=(named,))
    assert hash(bindings) == hash(Bindings(identity=(named,)))
    assert bindings.with_resource(None, trust=True) is bindings.with_resource(None, trust=True)
    assert "trust" == decide(Question(BOB, "sts:AssumeRole"), bindings.with_resource(None, trust=True)).layer


def test_a_service_linked_role_s_plans_are_its_own():
    """One Bindings may be asked about with and without the exemption (service-linked-roles.md 1.8)."""
    scp = NamedPolicy("scp", compile_policy(text_of({**ALLOW, "Effect": "Deny"}), kind="scp"))
    bindings = Bindings(identity=(NamedPolicy("p", compile_policy(text_of(ALLOW))),), scps=((scp,),))
    linked = Principal("role-session", "arn:aws:sts::1:assumed-role/L/s", "1", service_linked=True)
    assert not decide(Question(BOB, "s3:GetObject"), bindings).allowed
    assert decide(Question(linked, "s3:GetObject"), bindings).allowed
    assert not decide(Question(BOB, "s3:GetObject"), bindings).allowed


def test_every_managed_policy_we_ship_compiles_and_reviews():
    refused = {}
    for managed in managed_policies.everything():
        try:
            policies_module.compile_uncached(managed.document, "identity")
            review(managed.document, "identity")
        except MalformedPolicy as malformed:
            refused[managed.name] = malformed.message
    assert {} == refused
    assert len(managed_policies.everything()) > 1_000


def test_the_documents_kept_compiled_are_bounded_by_their_size():
    """A caller may send any number of long documents, as the simulator's operations take them."""
    long = "x" * 200_000
    for number in range(policies_module.MAX_CHARACTERS // len(long) + 10):
        compile_policy(text_of({"Sid": f"a{number}", "Effect": "Allow", "Action": long, "Resource": "*"}))
    kept = policies_module._COMPILED
    assert kept._characters == sum(len(text) for text, _kind in kept._policies)
    assert kept._characters <= policies_module.MAX_CHARACTERS


@pytest.mark.parametrize("kind", ["AWS", "Service", "Federated"])
def test_an_empty_principal_names_nobody(kind):
    """Not even a principal whose ARN or account was left out; `review` refuses such a policy."""
    document = text_of({"Effect": "Allow", "Principal": {kind: ""}, "Action": "*", "Resource": "*"})
    bindings = Bindings(resource=NamedPolicy("own", compile_policy(document, kind="resource")))
    for principal in (Principal("service"), Principal("federated"), Principal("root"), Principal("user")):
        question = Question(principal, "s3:GetObject", resource_account="444455556666")
        assert not decide(question, bindings).allowed


def test_a_resource_with_a_variable_follows_each_request_s_value():
    """The matchers of values seen before are kept, a bounded number of them; each request is matched by its own."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::box/${aws:username}/*"}
    bindings = Bindings(identity=(NamedPolicy("home", compile_policy(text_of(statement))),))
    for _ in range(2):
        for number in range(200):
            context = {"aws:username": f"user{number}"}
            for home, allowed in ((number, True), (number + 1, False)):
                question = Question(BOB, "s3:GetObject", f"arn:aws:s3:::box/user{home}/key", context)
                assert allowed is decide(question, bindings).allowed
    assert not decide(Question(BOB, "s3:GetObject", "arn:aws:s3:::box//key"), bindings).allowed
