"""Every case file: a question, the policies, the decision and its reasons, each citing the reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    explain,
    question_context,
    reason,
    render,
)
from understudy_aws.policy.explanation.remedy import with_remedy

FILES = sorted((Path(__file__).parent.parent / "cases" / "policy").glob("*.json"))
USER = {
    "kind": "user",
    "arn": "arn:aws:iam::111122223333:user/bob",
    "account": "111122223333",
    "user_id": "AIDAEXAMPLEBOB00001",
}
NAMES = {
    "effect": lambda decision, _action: decision.effect,
    "layer": lambda decision, _action: decision.layer,
    "policy": lambda decision, _action: decision.policy,
    "statement": lambda decision, _action: decision.statement,
    "sid": lambda decision, _action: decision.sid,
    "missing": lambda decision, _action: list(decision.missing_keys),
    "reason": reason,
}


def cases():
    for path in FILES:
        file = json.loads(path.read_text())
        for case in file["cases"]:
            yield pytest.param({**file.get("defaults", {}), **case}, id=f"{path.stem}: {case['name']}")


CASES = list(cases())


def question_of(case):
    context = case.get("context", {})
    return Question(
        Principal(**case.get("principal", USER)),
        case.get("action", "ec2:CreateVpc"),
        case.get("resource", "*"),
        context if case.get("raw_context") else question_context(context),
        case.get("resource_account"),
    )


def policy_of(document, kind, name):
    if "document" in document:
        name, document = document["name"], document["document"]
    return NamedPolicy(name, compile_policy(json.dumps(document), kind=kind))


def layer_of(documents, kind):
    return tuple(policy_of(each, kind, f"{kind}-{number}") for number, each in enumerate(documents))


def bindings_of(case):
    given = case.get("bindings", {})
    if "condition" in case:
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": case["condition"]}
        given = {"identity": [{"Version": "2012-10-17", "Statement": [statement]}]}
    elif "statements" in case:
        given = {"identity": [{"Version": "2012-10-17", "Statement": case["statements"]}]}
    trust = given.get("trust", False)
    kind = "trust" if trust else "resource"
    return Bindings(
        identity=layer_of(given.get("identity", ()), "identity"),
        boundary=policy_of(given["boundary"], "boundary", "boundary") if "boundary" in given else None,
        session=layer_of(given["session"], "session") if "session" in given else None,
        scps=tuple(layer_of(level, "scp") for level in given.get("scps", ())),
        rcps=tuple(layer_of(level, "rcp") for level in given.get("rcps", ())),
        resource=policy_of(given["resource"], kind, kind) if "resource" in given else None,
        trust=trust,
    )


@pytest.mark.parametrize("case", CASES)
def test_the_decision_and_its_reasons_are_aws_s(case):
    expected = case["expect"] if isinstance(case["expect"], dict) else {"effect": case["expect"]}
    question, bindings = question_of(case), bindings_of(case)
    decision = decide(question, bindings)
    assert expected == {name: NAMES[name](decision, question.action) for name in expected}
    assert decision.allowed is (expected["effect"] == "allow")


@pytest.mark.parametrize("case", CASES)
def test_the_explanation_agrees_and_its_remedies_work(case):
    question, bindings = question_of(case), bindings_of(case)
    explanation = explain(question, bindings)
    assert decide(question, bindings) == explanation.decision
    assert render(explanation).startswith("ALLOWED" if explanation.decision.allowed else "DENIED")
    json.dumps(explanation.to_dict())
    for remedy in explanation.remedies:
        bindings = with_remedy(bindings, remedy)
    assert decide(question, bindings).allowed


def test_there_are_enough_cases_and_each_cites_its_source():
    files = [json.loads(path.read_text()) for path in FILES]
    assert all(file["cite"] for file in files)
    assert sum(len(file["cases"]) for file in files) >= 400
