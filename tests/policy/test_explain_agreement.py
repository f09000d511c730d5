"""`decide` and `explain` agree everywhere: each layer in each of its moods, for every kind of principal, counted."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import product
from typing import Any

import pytest
from inventions import (
    ACCOUNT,
    LINKED_ROLE,
    OTHER,
    PRINCIPALS,
    PROVIDER,
    ROLE,
    SESSION,
    USER,
    bindings_of,
    invention,
)
from oracle import Documents, answer

from understudy_aws.policy import Question, decide, explain, principal_context, question_context

ACTIONS = ["s3:GetObject", "kms:Decrypt", "sts:AssumeRole", "ec2:CreateVpc"]
RESOURCES = {
    "s3:GetObject": "arn:aws:s3:::bob/k",
    "kms:Decrypt": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k",
    "sts:AssumeRole": ROLE,
    "ec2:CreateVpc": f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/*",
}
MOODS = ["allow", "silent", "deny"]
# The ways in which a resource's own policy can name somebody, and not.
NAMINGS: list[Any] = [
    {"Principal": "*"},
    {"Principal": {"AWS": [ACCOUNT, OTHER]}},
    {"Principal": {"AWS": [USER.arn, SESSION.arn, f"arn:aws:iam::{OTHER}:user/eve"]}},
    {"Principal": {"AWS": [ROLE, LINKED_ROLE]}},
    {"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/alice"}},
    {"Principal": {"Service": "ecs.amazonaws.com", "Federated": PROVIDER}},
    {"Principal": {"CanonicalUser": "abc"}},
    {"NotPrincipal": {"AWS": [ACCOUNT, ROLE, SESSION.arn]}},
    {"NotPrincipal": {"AWS": f"arn:aws:iam::{OTHER}:root"}},
]
# What holds for the context every question here carries, and what does not.
HOLDS: list[dict[str, Any]] = [
    {},
    {"StringEquals": {"app:word": "${app:word}"}},
    {"StringLike": {"app:word": "b${*}"}, "Null": {"app:none": "true"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "env"]}},
    {"ForAnyValue:StringLike": {"aws:TagKeys": "t*"}},
    {"StringNotEqualsIfExists": {"app:none": "x"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "NumericLessThan": {"app:number": "7"}},
    {"ForAllValues:StringEquals": {"app:none": "x"}},
]
FAILS: list[dict[str, Any]] = [
    {"StringEquals": {"aws:TagKeys": "team"}},
    {"StringNotEquals": {"aws:TagKeys": "other"}},
    {"ForAnyValue:StringEquals": {"app:none": "x"}},
    {"StringEquals": {"app:word": "${app:none}"}},
    {"Null": {"app:word": "true"}},
    {"DateGreaterThan": {"app:word": "2020-01-01"}},
]
CONTEXT = {"app:word": "b*", "app:number": "3", "aws:TagKeys": ["team"], "aws:SourceIp": "10.1.1.1"}


def statement(lots: random.Random, kind: str, action: str, mood: str) -> dict[str, Any]:
    """A statement that is to allow, to deny, or to have nothing to say."""
    made: dict[str, Any] = {"Effect": "Deny" if mood == "deny" else "Allow"}
    speaks = mood != "silent"
    # What keeps a silent statement silent: its action, its resource or its condition.
    at = (
        ""
        if speaks
        else lots.choice(["action", "resource", "condition"] if kind != "trust" else ["action", "condition"])
    )
    name = lots.choice(["Action", "Action", "NotAction"])
    matches = (at != "action") is (name == "Action")
    made[name] = lots.choice([action, action.upper(), "*"]) if matches else ["sqs:*", "ec2:Describe*"]
    if name == "NotAction" and at == "action":
        made[name] = [action]
    if kind != "trust":
        name = lots.choice(["Resource", "Resource", "NotResource"])
        matches = (at != "resource") is (name == "Resource")
        fitting = ["*", RESOURCES[action], "arn:aws:*", "arn:${app:none, 'aws'}:*"]
        made[name] = lots.choice(fitting) if matches else ["arn:aws:sqs:*:*:q", "arn:aws:${app:none}:*"]
    if kind in ("trust", "resource", "rcp"):
        made.update({"Principal": "*"} if kind == "rcp" else lots.choice(NAMINGS))
    made["Condition"] = lots.choice(FAILS if at == "condition" else HOLDS)
    return made


def document(lots: random.Random, kind: str, action: str, mood: str) -> dict[str, Any]:
    """A document in that mood; beside a deny something may allow, and beside anything something silent."""
    statements = [statement(lots, kind, action, mood)]
    if lots.randint(0, 1):
        statements.append(statement(lots, kind, action, "silent"))
    if mood == "deny" and lots.randint(0, 1):
        statements.append(statement(lots, kind, action, "allow"))
    lots.shuffle(statements)
    return {"Version": "2012-10-17", "Statement": statements}


def situation(lots: random.Random) -> tuple[Question, Documents]:
    """One point of the grid of principals, actions, owners and moods; most layers allow, so that each can decide."""
    action, trust = lots.choice(ACTIONS), lots.randint(0, 3) == 0
    who = lots.choice(PRINCIPALS)

    def one(kind: str, chances: str = "aaaaasd") -> dict[str, Any]:
        mood = {"a": "allow", "s": "silent", "d": "deny"}[lots.choice(chances)]
        return document(lots, kind, action, mood)

    documents = Documents(
        identity=[one("identity") for _ in range(lots.randint(0, 2))],
        boundary=one("boundary") if lots.randint(0, 1) else None,
        session=[one("session") for _ in range(lots.randint(0, 2))] if lots.randint(0, 1) else None,
        scps=[[one("scp")] for _ in range(lots.choice([0, 0, 1, 3]))],
        rcps=[[one("rcp", "aaad")] for _ in range(lots.choice([0, 1]))],
        resource=one("trust" if trust else "resource") if lots.randint(0, 2) else None,
        trust=trust,
        scopes=[
            [one("session", "aaad" if lots.randint(0, 1) else "aas")]
            for _ in range(lots.choice([0, 0, 0, 1, 3]))
        ],
    )
    context = question_context({**principal_context(who), **CONTEXT})
    owner = lots.choice([None, ACCOUNT, ACCOUNT, OTHER])
    return Question(who, action, RESOURCES[action], context, owner), documents


def features(documents: Documents) -> set[str]:
    text = json.dumps(
        [documents.identity, documents.resource, documents.boundary, documents.session, documents.scps]
    )
    signs = ["ForAllValues", "ForAnyValue", "IfExists", "Null", "aws:TagKeys", "${app:", "NotPrincipal", "NotAction",
             "NotResource", "CanonicalUser", "Federated", '"Service"']  # fmt: skip
    return {sign for sign in signs if sign in text}


LAYERS = ["identity", "boundary", "session", "scope", "scp", "resource", "trust"]
EXPECTED = [
    *product(["explicit-deny"], [*LAYERS, "rcp"]),
    *product(["implicit-deny"], LAYERS),
    *product(["allow"], ["identity", "resource", "trust", "root"]),
]


def test_they_agree_in_every_layer_and_mood():
    """And with the naive reading of the reference; that each outcome came about often is counted."""
    lots = random.Random(20261124)
    outcomes, kinds, seen = Counter(), Counter(), Counter()
    for _ in range(3000):
        question, documents = situation(lots)
        bindings = bindings_of(documents)
        decision = decide(question, bindings)
        assert decision == explain(question, bindings).decision, (question, documents)
        assert answer(question, documents) == decision.effect, (question, documents)
        outcomes[decision.effect, decision.layer] += 1
        principal = question.principal
        kinds[principal.kind, principal.service_linked, question.is_cross_account, decision.allowed] += 1
        seen.update(features(documents))
    assert [] == [outcome for outcome in EXPECTED if outcomes[outcome] < 20], outcomes
    assert set(EXPECTED) == set(outcomes)
    # Everybody is let in sometimes and kept out sometimes, at home and, who has an account, abroad.
    for who in {(each.kind, each.service_linked) for each in PRINCIPALS}:
        assert all(
            kinds[*who, False, allowed] >= 5 or who[0] in {"service", "anonymous"}
            for allowed in (True, False)
        )
        assert sum(kinds[*who, crossing, True] for crossing in (True, False)) >= 5, who
    assert all(seen[sign] >= 100 for sign in seen), seen
    assert 12 == len(seen)


@pytest.mark.parametrize("seed", range(8))
def test_they_agree_on_anything(seed):
    """Documents of any shape the language has, and text of any kind in them."""
    lots = random.Random(seed)
    for _ in range(250):
        made = invention(lots)
        decision = decide(made.question, made.bindings)
        assert decision == explain(made.question, made.bindings).decision, made
        assert decision == decide(made.question, made.bindings), "also from the plan that was kept"
