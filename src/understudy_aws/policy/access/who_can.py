"""Who can do something: every principal, by itself or through roles that it can assume one after the other."""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from understudy_aws.policy.access.asking import NEEDS_NOTHING, RANKS, Access, Asker, access_of
from understudy_aws.policy.access.chains import through_roles
from understudy_aws.policy.access.population import (
    Accounts,
    Inquiry,
    Keys,
    outsiders,
)
from understudy_aws.policy.access.questions import NotAQuestion, check_action, check_resource, is_pattern
from understudy_aws.policy.access.strangers import told_apart

# Principals looked at between two pauses, in which others are answered.
_AT_ONCE = 100


class Report(msgspec.Struct, frozen=True):
    """Everybody who can, and how many principals were asked about."""

    action: str
    resource: str
    asked: int
    found: tuple[Access, ...]


def who_can(
    accounts: Accounts, action: str, resource: str, stated: Keys | None = None, *, chains: bool = True
) -> Report:
    """Return everybody who can do `action` to `resource`; `stated` are condition keys that the request carries.

    Raises NotAQuestion for an action or a resource that cannot be.
    """
    steps = who_can_in_steps(accounts, action, resource, stated, chains=chains)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            report: Report = end.value
            return report


def who_can_in_steps(
    accounts: Accounts, action: str, resource: str, stated: Keys | None = None, *, chains: bool = True
) -> Generator[None, None, Report]:
    """Do the same, with pauses in which others may be answered."""
    if is_pattern(action):
        raise NotAQuestion(f"Who can is asked of one action, such as ec2:CreateVpc, not of {action!r}.")
    check_action(action)
    check_resource(resource)
    inquiry = Inquiry(accounts, action, resource, stated or {})
    asker = Asker(inquiry)
    everybody = [*accounts.actors]
    if inquiry.resource.policy is not None:
        named = [*outsiders(accounts, [inquiry.resource.policy])]
        everybody += named
        # Where everybody is meant, it is the conditions that say who.
        if any(actor.name == "*" and asker.answer(actor) is None for actor in named):
            names = {actor.name for actor in named}
            apart = told_apart(accounts, [inquiry.resource.policy])
            everybody += [actor for actor in apart if actor.name not in names]
    found: dict[str, Access] = {}
    for number, actor in enumerate(everybody):
        if number % _AT_ONCE == 0:
            yield
        answer = asker.answer(actor)
        if answer is not None:
            found[actor.name] = access_of(actor, answer)
    if chains and action.lower() not in NEEDS_NOTHING:
        reached = yield from through_roles(accounts, everybody, found)
        found.update(reached)
    return Report(
        action,
        resource,
        len(everybody),
        tuple(sorted(found.values(), key=lambda each: (len(each.steps), RANKS[each.how], each.principal))),
    )
