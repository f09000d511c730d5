"""Who else may ask than the principals that are known: one of each kind that policies of resources tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from understudy_aws.policy.access.automata import Step, distinguishing_texts, whole
from understudy_aws.policy.access.population import (
    UNKNOWN_ACCOUNT,
    Accounts,
    Actor,
    foreign_actor,
    outsiders,
    service_actor,
)
from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.conditions.condition import CompiledCondition
from understudy_aws.policy.engine.policies import NamedPolicy
from understudy_aws.policy.language.context_keys import principal_context
from understudy_aws.policy.language.patterns import wildcard_tokens
from understudy_aws.policy.language.question import Principal

# A service principal that no policy names.
_NOBODYS_SERVICE = "a-service-that-nobody-named.amazonaws.com"
_SERVICE_KEYS = frozenset({"aws:principalservicename", "aws:principalservicenameslist"})
_ACCOUNT_KEYS = frozenset({"aws:principalaccount", "aws:principalarn"})
# What may be an account, or a pattern of accounts, in a text.
_DIGITS = re.compile(r"[0-9*?]*[0-9?][0-9*?]*")
_ACCOUNT = (Step(frozenset("0123456789")),) * 12


def strangers(
    accounts: Accounts, policies: Sequence[NamedPolicy], controls: Iterable[NamedPolicy]
) -> Iterator[Actor]:
    """Yield those whom policies of resources name, and one of each kind that nobody names.

    Their conditions, and those of the resource control policies `controls`, tell services and accounts apart too.
    """
    named = list(outsiders(accounts, policies))
    yield from named
    # Only resources that belong to an account that is known can let strangers in by what is known.
    if not policies:
        return
    names = {actor.name for actor in named}
    yield service_actor(accounts, _NOBODYS_SERVICE)
    if "*" not in names:
        yield foreign_actor(accounts, UNKNOWN_ACCOUNT, "*")
    for actor in told_apart(accounts, (*policies, *controls)):
        if actor.name not in names:
            yield actor
    anonymous = Principal("anonymous")
    keys = {**accounts.ordinary, **principal_context(anonymous)}
    yield Actor("anonymous", "anonymous", anonymous, Bindings(), keys)


def told_apart(accounts: Accounts, policies: Iterable[NamedPolicy]) -> Iterator[Actor]:
    """Yield services, and accounts that are not known, one of each kind that conditions tell apart."""
    conditions = [
        condition
        for each in policies
        for statement in each.policy.statements
        for condition in statement.conditions
    ]
    for service in sorted(set(_services(conditions))):
        yield service_actor(accounts, service)
    for account in _accounts(accounts, conditions):
        yield foreign_actor(accounts, account, f"arn:aws:iam::{account}:root")


def _values(conditions: Iterable[CompiledCondition], keys: frozenset[str]) -> list[str]:
    found = (each.values for each in conditions if not keys.isdisjoint(each.keys))
    return list(dict.fromkeys(value for values in found for value in values))


def _services(conditions: Iterable[CompiledCondition]) -> Iterator[str]:
    """Yield a service for each name or pattern of services."""
    for value in _values(conditions, _SERVICE_KEYS):
        yield value.replace("*", "").replace("?", "x")


def _accounts(accounts: Accounts, conditions: Iterable[CompiledCondition]) -> list[str]:
    """Return accounts that are not known, one of each kind that conditions tell apart."""
    texts = _values(conditions, _ACCOUNT_KEYS)
    patterns = list(dict.fromkeys(found for text in texts for found in _DIGITS.findall(text)))
    if not patterns:
        return []
    while True:
        made = [whole(wildcard_tokens(each)) for each in patterns]
        found, _all = distinguishing_texts(made, within=_ACCOUNT)
        # One that is known stands for others too, unless it is named.
        known = [each for each in found if accounts.is_known(each)]
        unnamed = [each for each in known if each not in patterns]
        if not unnamed:
            return [each for each in found if each not in known]
        patterns += unnamed
