"""No request contradicts what was proven, and what contradicts a claim is allowed: random policies, random requests."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
from inventions import ACCOUNT, OTHER, PRINCIPALS, bindings_of, document
from msgspec.structs import replace
from oracle import Documents
from random_requests import random_context

from understudy_aws.core.arn import account_in
from understudy_aws.policy import (
    Actor,
    NamedPolicy,
    NoSuchPrincipal,
    NotAClaim,
    NotAQuestion,
    Question,
    Resource,
    compile_policy,
    decide,
    from_authorization_details,
    parse_claim,
    principal_context,
    prove,
    who_can,
)
from understudy_aws.policy.access import proofs

ACTIONS = ["s3:GetObject", "s3:PutObject", "kms:Decrypt", "ec2:CreateVpc", "sqs:SendMessage"]
RESOURCES = [
    "arn:aws:s3:::bob/k",
    "arn:aws:s3:::alice/k",
    "arn:aws:s3:::bob",
    "arn:aws:s3:::x:y/z",
    f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-1",
    f"arn:aws:sqs:us-east-1:{ACCOUNT}:q",
]
CLAIMS = [
    ("s3:GetObject", "arn:aws:s3:::bob/k"),
    ("s3:*", "arn:aws:s3:::*"),
    ("s3:Get*", "arn:aws:s3:::bob*"),
    ("*", "arn:aws:s3:::?ob/*"),
    ("ec2:CreateVpc", "*"),
    ("*:*Object", "*"),
]


class Made(msgspec.Struct):
    """Accounts whose principals have policies made by lots, and one policy for all resources of the named."""

    actors: tuple[Actor, ...]
    policy: NamedPolicy | None

    @property
    def ordinary(self) -> dict[str, Any]:
        return {}

    @property
    def assumed(self) -> tuple[str, ...]:
        return ()

    @property
    def organizations(self) -> frozenset[str]:
        return frozenset()

    def is_known(self, account: str) -> bool:
        return account in {ACCOUNT, OTHER}

    def resource_control(self, _account: str) -> Any:
        return ()

    def organization_keys(self, _account: str) -> Any:
        return {}

    def resource(self, _action: str, arn: str) -> Resource:
        # A pattern's resources have none, which every proof says that it assumes.
        policy = None if "*" in arn else self.policy
        return Resource(arn, account_in(arn), policy=policy)


def made(lots: random.Random) -> Made:
    actors = []
    for at, principal in enumerate(PRINCIPALS):
        if principal.is_outside_iam or principal in PRINCIPALS[:at] or lots.randint(0, 2) == 0:
            continue
        if principal.kind == "root" and lots.randint(0, 5):
            # It may do nearly everything, and nobody else would be asked about.
            continue
        documents = Documents(
            identity=[document(lots, "identity") for _ in range(lots.randint(0, 2))],
            boundary=document(lots, "boundary") if lots.randint(0, 3) == 0 else None,
            session=None,
            scps=[[document(lots, "scp")]] if lots.randint(0, 3) == 0 else [],
            rcps=[],
            resource=None,
            trust=False,
        )
        name = principal.role_arn or f"{principal.arn}#{at}"
        actors.append(
            Actor(name, principal.kind, principal, bindings_of(documents), principal_context(principal))
        )
    own = document(lots, "resource", lots.choice(PRINCIPALS)) if lots.randint(0, 2) == 0 else None
    policy = NamedPolicy("own", compile_policy(json.dumps(own), kind="resource")) if own else None
    return Made(tuple(actors), policy)


def fits(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern)


def test_no_request_contradicts_a_proof_and_every_counter_example_is_allowed():
    lots = random.Random(1)
    counts: Counter[str] = Counter()
    for _ in range(50):
        accounts = made(lots)
        action, resource = lots.choice(CLAIMS)
        excepted = lots.choice(["", *(f"but {each.name} " for each in accounts.actors)])
        proof = prove(accounts, parse_claim(f"nobody {excepted}can {action} on {resource}"))
        counts[proof.verdict] += 1
        assert proof.assumed
        if proof.verdict == "refuted":
            found = proof.counter_example
            assert found is not None
            actor = next((each for each in accounts.actors if each.name == found.principal), None)
            if actor is not None:
                bindings = actor.bindings.with_resource(accounts.resource("", found.resource).policy)
                owner = account_in(found.resource) or actor.principal.account
                question = Question(actor.principal, found.action, found.resource, found.context, owner)
                assert decide(question, bindings).allowed
            assert excepted != f"but {found.principal} "
            continue
        if proof.verdict == "unknown":
            assert proof.reasons
            continue
        for _ in range(100 if accounts.actors else 0):
            actor = lots.choice(accounts.actors)
            asked, at = lots.choice(ACTIONS), lots.choice([*RESOURCES, "*"])
            if excepted == f"but {actor.name} " or not (fits(action, asked) and fits(resource, at)):
                continue
            owner = account_in(at) or actor.principal.account
            question = Question(actor.principal, asked, at, dict(actor.keys), owner)
            keys = sorted(
                {
                    key
                    for named in actor.bindings.identity
                    for statement in named.policy.statements
                    for key in statement.keys
                }
            )
            context = random_context(lots, question, keys)
            context["aws:resourceaccount"] = owner
            context["aws:requestedregion"] = "us-east-1"
            bindings = actor.bindings.with_resource(accounts.resource("", resource).policy)
            assert not decide(replace(question, context=context), bindings).allowed, (actor.name, asked, at)
            counts["requests"] += 1
    assert counts["proven"] >= 5
    assert counts["refuted"] >= 5
    assert counts["requests"] > 100


def export(*statements: dict[str, Any], trust: Any = None) -> Any:
    def whole(*inner: Any) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(inner)}

    own = [{"PolicyName": "own", "PolicyDocument": whole(*statements)}]
    return from_authorization_details(
        {
            "UserDetailList": [
                {
                    "UserName": "ada",
                    "UserId": "AIDAADA",
                    "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
                    "UserPolicyList": own,
                }
            ],
            "RoleDetailList": [
                {
                    "RoleName": "deploy",
                    "RoleId": "AROADEPLOY",
                    "Path": "/",
                    "Arn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
                    "AssumeRolePolicyDocument": whole(
                        {
                            "Effect": "Allow",
                            "Action": "sts:AssumeRole",
                            **(trust or {"Principal": {"Service": "ecs.amazonaws.com"}}),
                        }
                    ),
                }
            ],
        }
    )


ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def said(accounts: Any, claim: str) -> Any:
    return prove(accounts, parse_claim(claim))


def test_a_role_that_trusts_one_service_is_assumed_by_nobody_else():
    accounts = export(ALLOW)
    proof = said(accounts, "nobody but ecs.amazonaws.com can assume deploy")
    assert "proven" == proof.verdict
    assert any("trust policy does not let them in" in each for each in proof.reasons)
    assert "ecs.amazonaws.com can." in proof.reasons
    both = said(accounts, "nobody but ecs.amazonaws.com, ec2.amazonaws.com can assume deploy")
    assert "ec2.amazonaws.com cannot either." in both.reasons
    found = said(accounts, "nobody but ec2.amazonaws.com can assume role/deploy").counter_example
    assert ("ecs.amazonaws.com", "sts:AssumeRole") == (found.principal, found.action)
    assert "proven" == said(accounts, "ec2.amazonaws.com cannot assume deploy").verdict


def test_a_trust_policy_for_everybody_with_a_condition_lets_in_whom_the_condition_does():
    everybody = {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    # The account itself may be in that organization.
    assert not said(export(trust=everybody), "nobody can assume deploy").counter_example.outside
    known = f"arn:aws:iam::{ACCOUNT}:*"
    found = said(export(trust=everybody), f"nobody but {known} can assume deploy").counter_example
    assert {"aws:principalorgid": "o-1"} == {
        k: v for k, v in found.needed.items() if k == "aws:principalorgid"
    }
    assert found.outside
    # Whose organization it is, if it is a condition that nobody can meet.
    nobody = {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalType": "Nobody"}}}
    assert "proven" == said(export(trust=nobody), "nobody can assume deploy").verdict


def test_wildcards_of_the_claim_and_of_policies_are_met_exactly():
    accounts = export({"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::logs-*/x"})
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert "proven" == said(accounts, "user/ada cannot s3:Put* on *").verdict
    assert "proven" == said(accounts, "user/ada cannot s3:* on arn:aws:s3:::logs-*/y").verdict
    found = said(accounts, "user/ada cannot s3:* on arn:aws:s3:::logs-a*/*").counter_example
    assert found.action.startswith("s3:Get")
    assert found.resource.startswith("arn:aws:s3:::logs-a")
    assert found.resource.endswith("/x")
    assert (
        root
        == said(
            accounts, "nobody but user/ada can s3:PutObject on arn:aws:s3:::logs-a/x"
        ).counter_example.principal
    )


def test_what_needs_mfa_cannot_be_done_without():
    guarded = [
        ALLOW,
        {
            "Sid": "Guard",
            "Effect": "Deny",
            "Action": "iam:*",
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
    ]
    accounts = export(*guarded)
    proof = said(accounts, f"user/ada cannot iam:DeleteUser on arn:aws:iam::{ACCOUNT}:user/* without MFA")
    # BoolIfExists with "false" denies keys without MFA too.
    assert "proven" == proof.verdict
    assert any("Guard" in each for each in proof.reasons)
    assert "refuted" == said(accounts, "user/ada cannot iam:DeleteUser on *").verdict
    guarded[1]["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    found = said(export(*guarded), "user/ada cannot iam:DeleteUser on * without MFA").counter_example
    assert "aws:multifactorauthpresent" not in found.context


def test_circumstances_narrow_a_claim():
    accounts = export({**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    assert "proven" == said(accounts, "user/ada cannot * on * when aws:SecureTransport=false").verdict
    assert "refuted" == said(accounts, "user/ada cannot * on * when aws:SecureTransport=true").verdict
    tagged = export({**ALLOW, "Condition": {"StringEquals": {"aws:RequestTag/team": "web"}}})
    assert "proven" == said(tagged, "user/ada cannot * on * without aws:RequestTag/team").verdict


def test_what_cannot_be_told_is_unknown_and_says_why():
    condition = {
        "StringEquals": {
            "aws:RequestTag/a": "${aws:RequestTag/b}x",
            "aws:RequestTag/b": "${aws:RequestTag/a}x",
        }
    }
    proof = said(export({**ALLOW, "Condition": condition}), "user/ada cannot * on *")
    assert "unknown" == proof.verdict
    assert any("aws:requesttag/" in each for each in proof.reasons)


def test_keys_that_a_request_chooses_may_be_compared_with_each_other():
    condition = {
        "StringEquals": {"aws:RequestTag/a": "${aws:RequestTag/b}x"},
        "StringLike": {"aws:RequestTag/b": "y?"},
    }
    example = said(export({**ALLOW, "Condition": condition}), "user/ada cannot * on *").counter_example
    assert example.needed["aws:requesttag/a"] == example.needed["aws:requesttag/b"] + "x"


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("", "That is no claim"),
        ("nobody", "'can' was expected"),
        ("nobody can", "an action, such as ec2:CreateVpc is missing"),
        ("nobody can fly on *", "not 'fly'"),
        ("nobody can s3:GetObject", "the resource, an ARN or * is missing"),
        ("nobody can s3:GetObject on *, arn:aws:s3:::x", "about one resource"),
        ("user/ada can s3:GetObject on *", "'cannot' was expected"),
        ("nobody can s3:GetObject on * when x", "KEY=VALUE"),
        ("nobody can s3:GetObject on * without tea", "takes MFA"),
        ("nobody can s3:GetObject on * today", "not 'today'"),
        ("nobody but", "a principal is missing"),
    ],
)
def test_what_is_no_claim_is_told_what_one_is(claim, expected):
    with pytest.raises(NotAClaim) as refused:
        parse_claim(claim)
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    "claim",
    ["nobody but user/eve can s3:GetObject on *", "nobody can assume none", "role/x* cannot ec2:* on *"],
)
def test_who_is_not_there_is_named(claim):
    with pytest.raises(NoSuchPrincipal):
        said(export(), claim)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("user/ada cannot iam:Dlete* on *", "no action like 'Dlete*'. Did you mean iam:Delete*?"),
        ("user/ada cannot s3:GetObjekt on arn:aws:s3:::b/k", "'GetObjekt'. Did you mean s3:GetObject?"),
        ("user/ada cannot s33:GetObject on arn:aws:s3:::b/k", "no service 's33'. Did you mean s3:GetObject?"),
        ("user/ada cannot zz*:GetObject on *", "like 'zz*'"),
        ("user/ada cannot s3:GetObject on bucket/x", "not 'bucket/x'"),
        ("user/ada cannot s3:GetObject on arn:aws:s3", "not 'arn:aws:s3'"),
        ("user/ada cannot s3:GetObject on ?rn:aws:s3:::b/k", "not '?rn"),
        ("user/ada cannot s3:GetObject on arn:aws:s33:::b/*", "'s33' is no service. Did you mean"),
        (
            "user/ada cannot ssm:GetParameter on arn:aws:ssm:us-esat-1:*:*",
            "no Region. Did you mean us-east-1?",
        ),
        ("user/ada cannot iam:GetUser on arn:aws:iam::12345678901:user/x", "it has 12 digits"),
        ("ecss.amazonaws.com cannot assume deploy", "There is no ecss.amazonaws.com here"),
    ],
)
def test_a_typing_error_is_no_claim(claim, expected):
    with pytest.raises(NotAQuestion, match=re.escape(expected)):
        said(export(), claim)
    action, _, resource = claim.partition("cannot ")[2].partition(" on ")
    if resource and "*" not in action:
        with pytest.raises(NotAQuestion, match=re.escape(expected)):
            who_can(export(), action, resource)


@pytest.mark.parametrize(
    "resource", ["*", "*/x", "arn:*", "arn:aws:s3*", "arn:aws:s3:::b/?", "arn:*:ec2:*:*:vpc/*"]
)
def test_patterns_of_resources_are_resources(resource):
    assert said(export(), f"user/ada cannot s3:GetObject on {resource}").verdict == "proven"


def test_a_proof_by_no_question_says_so(monkeypatch):
    everybody = [each.name for each in export().actors]
    proof = said(export(), f"nobody but {', '.join(everybody)} can s3:GetObject on arn:aws:s3:::b/k")
    assert (proof.verdict, proof.asked, proof.reasons[0]) == ("proven", 0, "There is nobody else.")
    monkeypatch.setattr(proofs, "resources_told_apart", lambda *_asked: ([], True))
    proof = said(export(), "user/ada cannot s3:GetObject on arn:aws:s3:::b*")
    assert (proof.verdict, proof.reasons) == ("unknown", ("There is nothing to ask about.",))


def test_newer_actions_are_actions():
    assert said(export(ALLOW), "user/ada cannot account-access:* on *").verdict == "refuted"
    assert said(export(), "user/ada cannot account-access:CreateApplication on *").verdict == "proven"
