"""Condition keys of requests, drawn by lots from what a principal's requests may carry."""

from __future__ import annotations

import random
from typing import Any

from inventions import ADDRESSES, BY_OPERATOR, DATES, KEYS, VALUES, some, text

from understudy_aws.policy import Question, question_context
from understudy_aws.policy.access.domains import domain_of
from understudy_aws.policy.engine.conditions.address import address
from understudy_aws.policy.engine.conditions.date import milliseconds
from understudy_aws.policy.language.context_keys import is_list_key


def random_context(lots: random.Random, question: Question, asked: list[str]) -> dict[str, Any]:
    """What a request may carry: one value for each key that holds one, and no more of the principal than it is."""
    values: dict[str, Any] = {}
    known = [value for value in question.context.values() if isinstance(value, str)]
    for key in [*some(lots, KEYS, 4), *(some(lots, asked, 4) if asked else ())]:
        pool = next((pool for keys, pool in BY_OPERATOR.values() if key in keys), VALUES)
        values[key] = text(lots, pool)
        if known and lots.randint(0, 2) == 0:
            # What is known of the principal, or a part of it: policies may ask for what is the same.
            held = lots.choice(known)
            values[key] = lots.choice([held, held[1:], held.rpartition("/")[2], held[:-1]])
        if is_list_key(key.lower()):
            values[key] = some(lots, pool, 3, 1)
    context = question_context(values)
    if "aws:tagkeys" in context:
        # They are the keys of the tags.
        tags = {key.partition("/")[2]: key for key in (*asked, *context) if key.startswith("aws:requesttag/")}
        others = [each for each in context["aws:tagkeys"] if each.lower() not in tags]
        context["aws:tagkeys"] = [*others, *(name for name, key in tags.items() if key in context)]
    moment = lots.choice([each for each in DATES if milliseconds(each) is not None])
    seconds = (milliseconds(moment) or 0) // 1000
    context |= {"aws:epochtime": str(max(0, seconds))}
    context["aws:currenttime"] = context["aws:epochtime"]
    if "aws:sourceip" in context:
        context["aws:sourceip"] = lots.choice([each for each in ADDRESSES if address(each) is not None])
    for key in list(context):
        domain = domain_of(key, question.principal, question.action, question.context)
        if domain is None or domain.values == ():
            del context[key]
        elif domain.values is not None:
            context[key] = lots.choice(domain.values)
    for key in (
        "aws:tokenissuetime",
        "aws:multifactorauthpresent",
        "aws:securetransport",
        "aws:viaawsservice",
    ):
        domain = domain_of(key, question.principal, question.action, question.context)
        if domain is not None and domain.values and not domain.optional:
            context[key] = lots.choice(domain.values)
    if question.principal.kind in {"role-session", "federated"}:
        context["aws:tokenissuetime"] = context["aws:epochtime"]
    return {**context, **question.context}
