"""A search for an allowed request finds one that is allowed, or there is none: random policies and random requests."""

from __future__ import annotations

import random
from collections import Counter

from inventions import Invention, invention
from msgspec.structs import replace
from random_requests import random_context

from understudy_aws.policy import decide, principal_context
from understudy_aws.policy.access.domains import domain_of
from understudy_aws.policy.access.requests import Impossible, Possible, Undecided, may_be_allowed, search
from understudy_aws.policy.language.question import Question


def known(made: Invention) -> Question:
    """The question with nothing but what the principal says."""
    return replace(made.question, context=principal_context(made.question.principal))


def domains(question: Question):
    return lambda key: domain_of(key, question.principal, question.action, question.context)


def asked_keys(made: Invention) -> list[str]:
    bindings = made.bindings
    layers = [*bindings.identity, *(bindings.session or ()), *(n for level in bindings.scps for n in level)]
    layers += [each for each in (bindings.boundary, bindings.resource) if each is not None]
    return sorted({key for each in layers for statement in each.policy.statements for key in statement.keys})


def test_what_is_found_is_allowed_and_what_is_not_found_is_never_allowed():
    lots = random.Random(7)
    counts: Counter[str] = Counter()
    for _ in range(900):
        made = invention(lots)
        question = known(made)
        answer = search(question, made.bindings, domains(question), {})
        counts[type(answer).__name__] += 1
        if isinstance(answer, Possible):
            assert decide(answer.question, made.bindings).allowed
            assert may_be_allowed(question, made.bindings, domains(question)).allowed
            continue
        if isinstance(answer, Undecided):
            assert answer.why
            continue
        assert isinstance(answer, Impossible)
        assert not answer.decision.allowed
        keys = asked_keys(made)
        for _ in range(8):
            request = replace(question, context=random_context(lots, question, keys))
            decision = decide(request, made.bindings)
            assert not decision.allowed, (made.documents, request)
            counts["refused"] += 1
    assert counts["Possible"] > 20
    assert counts["Impossible"] > 200
    assert counts["Undecided"] < counts["Possible"] / 4
