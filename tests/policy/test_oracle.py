"""What is decided, held against a naive reading of the reference that shares no code with the engine."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventions import invention, one_condition
from oracle import Documents, answer, holds

from understudy_aws.policy import Principal, Question, decide, question_context
from understudy_aws.policy.engine.conditions.condition import compile_condition
from understudy_aws.policy.language.document import Condition

CASES = sorted((Path(__file__).parent.parent / "cases" / "policy").glob("*.json"))
USER = {
    "kind": "user",
    "arn": "arn:aws:iam::111122223333:user/bob",
    "account": "111122223333",
    "user_id": "AIDAEXAMPLEBOB00001",
}


def documents_of(case):
    """The policies of a case file's case; a condition or statements by themselves are one identity policy."""
    if "condition" in case:
        case = {
            **case,
            "statements": [
                {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": case["condition"]}
            ],
        }
    if "statements" in case:
        return Documents(identity=[{"Version": "2012-10-17", "Statement": case["statements"]}])
    given = {name: unnamed(value) for name, value in case.get("bindings", {}).items()}
    return Documents(**given)


def unnamed(value):
    if isinstance(value, list):
        return [unnamed(each) for each in value]
    return value["document"] if isinstance(value, dict) and "document" in value else value


def cases():
    for path in CASES:
        file = json.loads(path.read_text())
        for case in file["cases"]:
            yield pytest.param({**file.get("defaults", {}), **case}, id=f"{path.stem}: {case['name']}")


@pytest.mark.parametrize("case", list(cases()))
def test_the_oracle_knows_every_case(case):
    """It is a reading of the reference by itself: the cases cite the same pages."""
    context = case.get("context", {})
    question = Question(
        Principal(**case.get("principal", USER)),
        case.get("action", "ec2:CreateVpc"),
        case.get("resource", "*"),
        context if case.get("raw_context") else question_context(context),
        case.get("resource_account"),
    )
    expected = case["expect"] if isinstance(case["expect"], str) else case["expect"]["effect"]
    assert expected == answer(question, documents_of(case))


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_decision_is_the_oracle_s(lots):
    """Reference policies.md 4, whole."""
    made = invention(lots)
    assert answer(made.question, made.documents) == decide(made.question, made.bindings).effect


@pytest.mark.parametrize("seed", range(20))
def test_many_decisions_are_the_oracle_s(seed):
    """As above, many more of them for the price; the seeds keep a failure repeatable."""
    lots = random.Random(seed)
    for _ in range(50):
        made = invention(lots)
        assert answer(made.question, made.documents) == decide(made.question, made.bindings).effect, made


@pytest.mark.parametrize("denies", [False, True], ids=["allow", "deny"])
def test_every_condition_is_judged_as_the_oracle_judges_it(denies):
    """Reference policies.md 4.4, condition by condition: many thousands for the price of a few decisions."""
    lots = random.Random(denies)
    for _ in range(6_000):
        name, key, values, context = one_condition(lots)
        compiled = compile_condition(Condition(name, key, tuple(values)), True, denies)
        expected = holds(name, key, values, context, True, denies)
        assert expected is compiled.test(context), (name, key, values, context)
