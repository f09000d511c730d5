"""Who can do something: every principal, by itself or through roles that it can assume one after the other."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import msgspec

from understudy_aws.policy.access.asking import NEEDS_NOTHING, RANKS, Access, Asker, PatternAsker, access_of
from understudy_aws.policy.access.chains import through_roles, who_assume
from understudy_aws.policy.access.classes import NO_POLICIES
from understudy_aws.policy.access.population import (
    Accounts,
    Actor,
    Inquiry,
    Keys,
    outsiders,
)
from understudy_aws.policy.access.questions import (
    NotAQuestion,
    check_account,
    check_action,
    check_resource,
    is_pattern,
    of_account_alone,
)
from understudy_aws.policy.access.strangers import told_apart
from understudy_aws.policy.engine.policies import NamedPolicy
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens

# Principals looked at between two pauses, in which others are answered.
_AT_ONCE = 100


class Report(msgspec.Struct, frozen=True):
    """Everybody who can, how many principals were asked about, and what was taken for granted."""

    action: str
    resource: str
    asked: int
    found: tuple[Access, ...]
    assumed: tuple[str, ...] = ()


def who_can(
    accounts: Accounts,
    action: str,
    resource: str,
    stated: Keys | None = None,
    *,
    chains: bool = True,
    account: str = "",
) -> Report:
    """Return everybody who can do `action` to `resource`, or to one of those that a pattern means.

    `*` means any that the action acts on. `stated` are condition keys that the request carries.
    With `account`, only its principals are told of, and only its roles are meant by a pattern.

    Raises NotAQuestion for an action or a resource that cannot be.
    """
    steps = who_can_in_steps(accounts, action, resource, stated, chains=chains, account=account)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            report: Report = end.value
            return report


def who_can_in_steps(
    accounts: Accounts,
    action: str,
    resource: str,
    stated: Keys | None = None,
    *,
    chains: bool = True,
    account: str = "",
) -> Generator[None, None, Report]:
    """Do the same, with pauses in which others may be answered."""
    if is_pattern(action):
        raise NotAQuestion(f"Who can is asked of one action, such as ec2:CreateVpc, not of {action!r}.")
    check_account({each.principal.account for each in accounts.actors}, account)
    check_action(action)
    check_resource(resource)
    stated = stated or {}
    if is_pattern(resource) and action.lower().startswith("sts:assumerole"):
        everybody, found = yield from _who_assume(accounts, action, resource, stated, account)
    else:
        everybody, found = yield from _directly(accounts, action, resource, stated)
    if chains and action.lower() not in NEEDS_NOTHING:
        reached = yield from through_roles(accounts, everybody, found)
        found.update(reached)
    if account:
        everybody = [actor for actor in everybody if actor.principal.account == account]
        names = {actor.name for actor in everybody}
        found = {name: access for name, access in found.items() if name in names}
    return Report(
        action,
        resource,
        len(everybody),
        tuple(sorted(found.values(), key=lambda each: (len(each.steps), RANKS[each.how], each.principal))),
        _assumed(accounts, action, resource, account),
    )


_Found = tuple[list[Actor], dict[str, Access]]


def _directly(accounts: Accounts, action: str, resource: str, stated: Keys) -> Generator[None, None, _Found]:
    """Return everybody who was asked about, and those who can by themselves."""
    everybody = [*accounts.actors]
    asker: Asker | PatternAsker
    if is_pattern(resource):
        asker = PatternAsker(accounts, action, resource, stated)
    else:
        inquiry = Inquiry(accounts, action, resource, stated)
        asker = Asker(inquiry)
        everybody += _named_by(accounts, [each for each in (inquiry.resource.policy,) if each is not None])
    found: dict[str, Access] = {}
    for number, actor in enumerate(everybody):
        if number % _AT_ONCE == 0:
            yield
        answer = asker.answer(actor)
        if answer is not None:
            found[actor.name] = access_of(actor, answer)
    return everybody, found


def _who_assume(
    accounts: Accounts, action: str, pattern: str, stated: Keys, account: str
) -> Generator[None, None, _Found]:
    """Do the same for the roles that a pattern means."""
    matches = matcher(wildcard_tokens(pattern))
    roles = [
        actor
        for actor in accounts.actors
        if actor.trust is not None and matches(actor.name) and account in ("", actor.principal.account)
    ]
    trusts = [role.trust for role in roles if role.trust is not None]
    everybody = [*accounts.actors, *_named_by(accounts, trusts)]
    found = yield from who_assume(accounts, action, roles, everybody, stated)
    return everybody, found


def _named_by(accounts: Accounts, policies: Sequence[NamedPolicy]) -> list[Actor]:
    """Return whom policies let in of those who are not known; where they mean everybody, also who conditions say."""
    named = [*outsiders(accounts, policies)]
    names = {actor.name for actor in named}
    apart = told_apart(accounts, policies) if "*" in names else ()
    return [*named, *(actor for actor in apart if actor.name not in names)]


def _assumed(accounts: Accounts, action: str, resource: str, account: str) -> tuple[str, ...]:
    said = accounts.assumed
    if is_pattern(resource) and not action.lower().startswith("sts:assumerole"):
        said = (*said, NO_POLICIES)
    if account:
        said = (*said, of_account_alone(account))
    return said
