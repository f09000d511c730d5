"""Who can through roles that he can assume, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from msgspec.structs import replace

from understudy_aws.policy.access.asking import RANKS, Access, Answer, Asker, Step, access_of
from understudy_aws.policy.access.population import (
    Accounts,
    Actor,
    Inquiry,
    Keys,
    outsiders,
)
from understudy_aws.policy.engine.bindings import PlannedStatement
from understudy_aws.policy.engine.matching import PrincipalMatch, names_of

ASSUME = "sts:AssumeRole"
_ASSUMING = {
    "federated": ("sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"),
}
# Callers looked at between two pauses, in which others are answered.
_AT_ONCE = 100


def through_roles(
    accounts: Accounts, everybody: Sequence[Actor], direct: Mapping[str, Access]
) -> Generator[None, None, dict[str, Access]]:
    """Return the access of those who can assume a role that can, in as few steps as possible.

    Steps that ordinary requests can take are tried before those that take more, and those of which it could not be
    told last.
    """
    found: dict[str, Access] = {}
    roles = {actor.name: actor for actor in everybody if actor.trust is not None}
    callers = _Callers([*everybody, *_trusted_from_outside(accounts, everybody)])
    asked = _Assuming(accounts)
    for rank in RANKS.values():
        frontier = [
            access
            for access in (*direct.values(), *found.values())
            if access.principal in roles and RANKS[access.how] <= rank
        ]
        number = 0
        while frontier:
            reached: list[Access] = []
            for behind in frontier:
                role = roles[behind.principal]
                for actor in callers.of(role):
                    number += 1
                    if number % _AT_ONCE == 0:
                        yield
                    known = found.get(actor.name) or direct.get(actor.name)
                    if known is not None and RANKS[known.how] <= rank:
                        continue
                    step = asked.step(actor, role)
                    if step is None or RANKS[step.how] > rank:
                        continue
                    made = found[actor.name] = _access_through(actor, step, behind)
                    if actor.name in roles:
                        reached.append(made)
            frontier = reached
    return found


def who_assume(
    accounts: Accounts, action: str, roles: Sequence[Actor], everybody: Sequence[Actor], stated: Keys
) -> Generator[None, None, dict[str, Access]]:
    """Return the access of those who can assume one of some roles, the surest with its role."""
    found: dict[str, Access] = {}
    callers = _Callers(everybody)
    for number, role in enumerate(roles):
        asker = Asker(Inquiry(accounts, action, role.name, stated))
        for at, actor in enumerate(callers.of(role)):
            if (number + at) % _AT_ONCE == 0:
                yield
            known = found.get(actor.name)
            answer = None if known is not None and known.how == "always" else asker.answer(actor)
            if answer is not None and (known is None or RANKS[answer.how] < RANKS[known.how]):
                found[actor.name] = access_of(actor, replace(answer, resource=role.name))
    return found


def _access_through(actor: Actor, step: Step, behind: Access) -> Access:
    answer = Answer(
        behind.how,
        behind.statements,
        behind.blocked,
        behind.example,
        behind.absent,
        behind.why,
        behind.resource,
    )
    return access_of(actor, answer, (step, *behind.steps))


class _Assuming:
    """Asks who can assume roles, each role with an asker of its own for each action."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._askers: dict[tuple[str, str], Asker] = {}

    def step(self, actor: Actor, role: Actor) -> Step | None:
        """Return the step in which an actor assumes a role, or None when it cannot."""
        if actor.name == role.name:
            return None
        found = None
        for action in _ASSUMING.get(actor.kind, (ASSUME,)):
            asker = self._askers.get((action, role.name))
            if asker is None:
                asker = Asker(Inquiry(self._accounts, action, role.name, {}))
                self._askers[action, role.name] = asker
            answer = asker.answer(actor)
            if answer is not None and (found is None or RANKS[answer.how] < RANKS[found.how]):
                found = Step(
                    role.name,
                    action,
                    answer.how,
                    answer.statements,
                    answer.example,
                    answer.absent,
                    answer.why,
                )
        return found


def _trusted_from_outside(accounts: Accounts, everybody: Sequence[Actor]) -> list[Actor]:
    known = {actor.name for actor in everybody}
    trusts = [actor.trust for actor in everybody if actor.trust is not None]
    return [each for each in outsiders(accounts, trusts) if each.name not in known]


class _Callers:
    """Those who may be able to assume a role, so that not everybody is asked about every role.

    A trust policy that names somebody lets him in by itself; one that names his account leaves it to his own policies,
    which name the role or have a pattern that it may match.
    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        self._by_own_name: dict[tuple[str, str], list[Actor]] = {}
        self._by_role: dict[str, list[Actor]] = {}
        self._by_pattern: list[tuple[Actor, tuple[PlannedStatement, ...]]] = []
        self._all = [actor for actor in actors if actor.principal.kind != "root"]
        for actor in self._all:
            for grant, name in names_of(actor.principal):
                if grant is not PrincipalMatch.ACCOUNT:
                    self._by_own_name.setdefault(name, []).append(actor)
            self._add_by_policies(actor)

    def _add_by_policies(self, actor: Actor) -> None:
        patterns = []
        plan = actor.bindings.plan(ASSUME, exempt=actor.principal.service_linked)
        for entry in plan.identity.entries:
            written = entry[3].written
            resources = written.resources or ()
            if written.not_resource or any(_may_be_wide(each) for each in resources):
                patterns.append(entry)
            else:
                for each in resources:
                    self._by_role.setdefault(each, []).append(actor)
        if patterns:
            self._by_pattern.append((actor, tuple(patterns)))

    def of(self, role: Actor) -> Iterator[Actor]:
        """Yield the actors that may be able to assume a role, each once."""
        assert role.trust is not None, "it is a role"
        names = {
            member
            for statement in role.trust.policy.statements
            if not statement.denies and statement.written.principal is not None
            for member in statement.written.principal.members
        }
        if ("AWS", "*") in names:
            yield from self._all
            return
        seen: set[str] = set()
        named = (actor for name in names for actor in self._by_own_name.get(name, ()))
        patterned = (actor for actor, entries in self._by_pattern if _may_match(actor, entries, role.name))
        for actor in (*named, *self._by_role.get(role.name, ()), *patterned):
            if actor.name not in seen:
                seen.add(actor.name)
                yield actor


_WILD = frozenset("*?$")
_COLONS = 5


def _may_be_wide(resource: str) -> bool:
    """Return whether a resource of a policy may be more than one: a pattern, or an ARN that lacks parts."""
    return not _WILD.isdisjoint(resource) or resource.count(":") < _COLONS


def _may_match(actor: Actor, entries: Sequence[PlannedStatement], role: str) -> bool:
    return any(
        matches is None or statement.resource_keys or matches(role, actor.keys)
        for matches, _holds, _decision, statement in entries
    )
