"""The values that are tried are one of each kind: any other value is like one of them under every condition."""

from __future__ import annotations

import random
from collections import Counter

from inventions import BY_OPERATOR, VALUES, operator, some, text

from understudy_aws.policy.access.domains import Domain
from understudy_aws.policy.access.values import values_to_try
from understudy_aws.policy.engine.conditions.condition import CompiledCondition, compile_condition
from understudy_aws.policy.language.context_keys import is_list_key, question_context
from understudy_aws.policy.language.document import Condition

FIXED: dict[str, str | list[str]] = {"aws:username": "bob"}


def conditions(lots: random.Random, key: str, starts: tuple[str, ...]) -> list[CompiledCondition]:
    made: list[CompiledCondition] = []
    while len(made) < lots.randint(1, 4):
        name, _keys, pool = operator(lots)
        if name == "Null" or name.rpartition(":")[2].startswith(starts):
            values = tuple(text(lots, pool) for _ in range(lots.randint(1, 3)))
            made.append(compile_condition(Condition(name, key, values), lots.choice([True, False]), False))
    return made


def test_every_value_is_like_one_that_is_tried():
    lots = random.Random(3)
    seen: Counter[str] = Counter()
    kinds = [("String", "Arn"), ("Numeric",), ("Date",), ("Ip", "NotIp"), ("Bool",), ("Binary",)]
    for _ in range(1500):
        starts = lots.choice(kinds)
        key = lots.choice(["app:word", "aws:tagkeys"])
        asked = conditions(lots, key, starts)
        found = values_to_try(key, asked, Domain(), FIXED)
        if not found.complete:
            seen["incomplete"] += 1
            continue
        seen[starts[0]] += 1

        def answers(context):
            return tuple(each.test({**FIXED, **context}) for each in asked)  # noqa: B023 - used within the turn

        tried = {answers({} if value is None else {key: value}) for value in found.tried}
        pool = [*VALUES, *(value for each in asked for value in each.values)]
        pool += [value for keys, values in BY_OPERATOR.values() for value in values]
        for _ in range(12):
            value = some(lots, pool, 3, 1) if is_list_key(key) else text(lots, pool)
            assert answers(question_context({key: value})) in tried, (asked, value)
        assert answers({}) in tried
    assert all(seen[starts[0]] > 50 for starts in kinds), seen
    assert seen["incomplete"] < 500
