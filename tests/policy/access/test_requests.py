"""A search for an allowed request finds one that is allowed, or there is none: random policies and random requests."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase

from inventions import (
    FIXED_KEYS,
    FIXED_OPERATORS,
    FREE_VALUES,
    SESSION,
    USER,
    Invention,
    bindings_of,
    invention,
    some,
)
from msgspec.structs import replace
from oracle import Documents
from random_requests import random_context

from understudy_aws.policy import decide, principal_context
from understudy_aws.policy.access.domains import domain_of
from understudy_aws.policy.access.requests import Impossible, Possible, Undecided, may_be_allowed, search
from understudy_aws.policy.engine.conditions.address import address
from understudy_aws.policy.engine.conditions.date import milliseconds
from understudy_aws.policy.engine.conditions.numeric import number
from understudy_aws.policy.language.question import Question


def known(made: Invention) -> Question:
    """The question with nothing but what the principal says."""
    return replace(made.question, context=principal_context(made.question.principal))


def domains(question: Question):
    return lambda key: domain_of(key, question.principal, question.action, question.context)


def may_carry(question: Question, key: str, value: str | list[str]) -> bool:
    """Whether a request may carry a value under a key, as `domain_of` has it."""
    domain = domain_of(key, question.principal, question.action, question.context)
    if domain is None or not isinstance(value, str):
        return domain is not None
    if domain.values is not None:
        return value in domain.values
    readable = {
        "text": True,
        "moment": milliseconds(value) is not None,
        "number": number(value) is not None,
        "date": milliseconds(value) is not None,
        "address": address(value) is not None,
    }
    return readable[domain.kind] and value not in domain.excluding and fnmatchcase(value, domain.like)


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
            for key, value in answer.chosen.items():
                assert may_carry(question, key, value), (key, value)
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


def test_what_the_author_of_a_request_chooses_is_compared_with_what_is_known_of_him():
    lots = random.Random(11)
    counts: Counter[str] = Counter()
    for _ in range(150):
        made = [
            {
                "Effect": lots.choice(["Allow", "Allow", "Deny"]),
                "Action": "*",
                "Resource": "*",
                "Condition": {
                    lots.choice(FIXED_OPERATORS) + lots.choice(["", "", "IfExists"]): {
                        lots.choice(FIXED_KEYS): some(lots, FREE_VALUES, 2, 1)
                    }
                    for _ in range(lots.randint(1, 2))
                },
            }
            for _ in range(lots.randint(1, 3))
        ]
        documents = Documents(
            identity=[{"Version": "2012-10-17", "Statement": made}],
            boundary=None,
            session=None,
            scps=[],
            rcps=[],
            resource=None,
            trust=False,
        )
        bindings = bindings_of(documents)
        who = lots.choice([USER, SESSION])
        question = Question(who, "s3:GetObject", "arn:aws:s3:::b/k", principal_context(who))
        answer = search(question, bindings, domains(question), {})
        counts[type(answer).__name__] += 1
        if isinstance(answer, Impossible):
            for chosen in what_may_be_chosen(question):
                request = replace(question, context={**question.context, **chosen})
                assert not decide(request, bindings).allowed, (made, chosen)
    assert min(counts["Possible"], counts["Impossible"]) > 40
    assert counts["Undecided"] < 40


def what_may_be_chosen(question: Question) -> Iterator[dict[str, str]]:
    """Every part of what is known of the principal, and nothing, under each of two keys."""
    known = {str(value) for value in question.context.values()}
    parts = sorted(
        {text[at:to] for text in known for at in range(len(text)) for to in range(at + 1, len(text) + 1)}
    )
    for part in (None, "", "other", *parts):
        for key in ("aws:requesttag/team", "app:word", "app:arn"):
            yield {} if part is None else {key: part}
        if part is not None:
            yield {"aws:requesttag/team": part, "app:word": part}
