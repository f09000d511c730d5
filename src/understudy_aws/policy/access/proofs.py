"""Proves claims about access, or finds a request that contradicts them."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from understudy_aws.core.arn import account_in
from understudy_aws.data import service_principals
from understudy_aws.policy.access.asking import (
    NEEDS_NOTHING,
    Statement,
    least,
    statements_that_allow,
    what_matters,
)
from understudy_aws.policy.access.claims import Claim
from understudy_aws.policy.access.classes import (
    BY_PROVIDER,
    MANY_PATTERNS,
    NO_POLICIES,
    ON_THEIR_OWN,
    actions_told_apart,
    allow_entries,
    patterns_meant,
    resources_told_apart,
    statements_of,
)
from understudy_aws.policy.access.domains import Domain
from understudy_aws.policy.access.population import (
    FEDERATED_USER,
    Accounts,
    Actor,
    Inquiry,
    Keys,
    federated_user,
    service_actor,
)
from understudy_aws.policy.access.questions import (
    NotAQuestion,
    actions_of,
    check_account,
    check_action,
    check_resource,
    is_pattern,
    of_account_alone,
)
from understudy_aws.policy.access.requests import Impossible, Possible, Undecided, search
from understudy_aws.policy.access.strangers import strangers
from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.decide import decide
from understudy_aws.policy.engine.policies import NamedPolicy
from understudy_aws.policy.engine.rules import rcps_govern
from understudy_aws.policy.language.patterns import lower_ascii, matcher, wildcard_tokens
from understudy_aws.policy.language.question import Question

Verdict = Literal["proven", "refuted", "unknown"]

# Combinations of principal, action and resource that are looked at before an answer is given up.
_MOST_QUESTIONS = 100_000
_TOO_MANY = f"there are more than {_MOST_QUESTIONS:,} combinations of principal, action and resource"
_AT_ONCE = 50
# Of those whom a claim leaves out, so many are told of one by one.
_MOST_TOLD = 20
# Actions that need no permission, so that patterns of actions do not mean them.
_FREE = ("sts:GetCallerIdentity", "sts:GetSessionToken")


class NoSuchPrincipal(NotAQuestion):
    """A claim names a principal that is not there."""


class CounterExample(msgspec.Struct, frozen=True):
    """A request that contradicts a claim, as the policy engine decided it.

    `context` are all its condition keys. `needed` are those in which it differs from an ordinary request of the
    principal, and `absent` those that an ordinary one has and it must not have.
    """

    principal: str
    action: str
    resource: str
    context: Keys
    needed: Keys
    absent: tuple[str, ...]
    statements: tuple[Statement, ...]
    outside: bool = False


class Proof(msgspec.Struct, frozen=True):
    """What became of a claim.

    `reasons` say why it holds, or could not be decided. `assumed` is what was taken for granted.
    """

    claim: str
    verdict: Verdict
    asked: int
    reasons: tuple[str, ...]
    assumed: tuple[str, ...]
    counter_example: CounterExample | None = None


def prove(accounts: Accounts, claim: Claim, account: str = "") -> Proof:
    """Prove a claim, or find what contradicts it; with `account` by its principals, of its resources.

    Raises NotAQuestion for names that nothing here or at AWS has.
    """
    steps = prove_in_steps(accounts, claim, account)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            proof: Proof = end.value
            return proof


def prove_in_steps(accounts: Accounts, claim: Claim, account: str = "") -> Generator[None, None, Proof]:
    """Do the same, with pauses in which others may be answered."""
    prover = _Prover(accounts, claim, account)
    return (yield from prover.prove())


class _Prover:
    def __init__(self, accounts: Accounts, claim: Claim, account: str) -> None:
        self._accounts = accounts
        self._account = account
        self._claim = claim
        self._refusals: Counter[str] = Counter()
        self._undecided: dict[str, str] = {}
        self._answers: dict[Any, Impossible | Undecided] = {}
        self._asked = 0
        self._excepted = [_name_pattern(each, accounts) for each in claim.principals]

    def prove(self) -> Generator[None, None, Proof]:
        """Ask about each principal that the claim is about, until one contradicts it."""
        self._check_question()
        everybody = list(self._everybody())
        self._check_names(everybody)
        if self._account:
            everybody = [actor for actor in everybody if actor.principal.account == self._account]
        about = [actor for actor in everybody if self._is_about(actor)]
        resources = self._resources()
        actions = self._actions(about)
        for number, actor in enumerate(about):
            if number % _AT_ONCE == 0:
                yield
            for action in actions:
                for resource in self._resources_for(actor, action, resources):
                    self._asked += 1
                    if self._asked > _MOST_QUESTIONS:
                        self._undecided.setdefault("", _TOO_MANY)
                        return self._proof("unknown", about)
                    found = self._contradiction(actor, action, resource)
                    if found is not None:
                        return self._proof("refuted", about, found)
                    if self._asked % _AT_ONCE == 0:
                        yield
        if about and not self._asked:
            self._undecided.setdefault("", "there is nothing to ask about")
        proof = self._proof("unknown" if self._undecided else "proven", about)
        excepted = (
            []
            if self._claim.of_them
            else [each for each in everybody if not self._is_about(each) and each.kind != FEDERATED_USER]
        )
        return replace(proof, reasons=(*proof.reasons, *self._who_is_excepted(excepted, actions, resources)))

    def _who_is_excepted(
        self, excepted: Sequence[Actor], actions: Sequence[str], resources: Sequence[str]
    ) -> Iterator[str]:
        """Say whether those whom the claim leaves out can."""
        for actor in excepted[:_MOST_TOLD]:
            can = any(
                self._contradiction(actor, action, resource) is not None
                for action in actions
                for resource in self._resources_for(actor, action, resources)
            )
            yield f"{actor.name} can." if can else f"{actor.name} cannot either."

    # Who is asked about.

    def _everybody(self) -> Iterator[Actor]:
        """Yield all principals that are known, those that policies name, and one of each kind that nobody named."""
        for actor in self._accounts.actors:
            yield actor
            made = federated_user(self._accounts, actor)
            if made is not None:
                yield made
        policies = [each for each in self._policies() if each is not None]
        names = set()
        for each in strangers(self._accounts, policies, self._controls()):
            names.add(each.name)
            yield each
        for name in self._claim.principals:
            if service_principals.is_known(name) and name not in names:
                yield service_actor(self._accounts, name)

    def _policies(self) -> list[NamedPolicy | None]:
        return [
            self._accounts.resource(self._an_action(), each).policy
            for each in self._resources()
            if not is_pattern(each)
        ]

    def _controls(self) -> list[NamedPolicy]:
        """Return the resource control policies that bind the resources."""
        owners = {self._accounts.resource(self._an_action(), each).account for each in self._resources()}
        levels = [level for owner in sorted(owners) for level in self._accounts.resource_control(owner)]
        return [each for level in levels for each in level]

    def _an_action(self) -> str:
        return "sts:AssumeRole" if self._assumes() else self._claim.action

    def _assumes(self) -> bool:
        return lower_ascii(self._claim.action).startswith("sts:assumerole")

    def _check_question(self) -> None:
        check_account({each.principal.account for each in self._accounts.actors}, self._account)
        check_action(self._claim.action)
        if not self._assumes():
            check_resource(self._claim.resource)

    def _check_names(self, everybody: Sequence[Actor]) -> None:
        for written, pattern in zip(self._claim.principals, self._excepted, strict=True):
            if not any(pattern(actor.name) for actor in everybody):
                raise NoSuchPrincipal(
                    f"There is no {written} here. A principal is the ARN of a user, a role or an account's root (with "
                    "* for any), `user/NAME`, `role/NAME`, or a service such as ec2.amazonaws.com."
                )

    def _is_about(self, actor: Actor) -> bool:
        # A role's sessions are it, also one that a policy names.
        names = {actor.name, actor.principal.role_arn} if actor.kind == "session" else {actor.name}
        named = any(pattern(name) for pattern in self._excepted for name in names)
        return named if self._claim.of_them else not named

    # What is asked about.

    def _resources(self) -> list[str]:
        """Return the resource of the claim; of roles to be assumed, all that it means."""
        written = self._claim.resource
        if not self._assumes():
            return [written]
        roles = [
            actor.name
            for actor in self._accounts.actors
            if actor.trust is not None and self._account in ("", actor.principal.account)
        ]
        if written.startswith("arn:") or written == "*":
            found = list(filter(matcher(wildcard_tokens(written)), roles))
        else:
            named = matcher(wildcard_tokens(written.rpartition("/")[2]))
            found = [name for name in roles if named(name.rpartition("/")[2])]
        if not found:
            raise NoSuchPrincipal(f"There is no role {written} here.")
        return found

    def _actions(self, about: Sequence[Actor]) -> list[str]:
        """Return the action of the claim; of a pattern, one of each kind that statements tell apart."""
        written = self._claim.action
        if not is_pattern(written):
            return [written]
        statements = statements_of([*about], [each for each in self._policies() if each is not None])
        names = actions_of(written)
        if names is None:
            names = actions_told_apart(statements, written)
        # A pattern does not mean those that need no permission, unless it means nothing else.
        names = [name for name in names if lower_ascii(name) not in NEEDS_NOTHING] or names
        by_answers: dict[tuple[bool, ...], str] = {}
        for name in names:
            lowered = lower_ascii(name)
            answers = tuple(each.matches_action(lowered) for each in statements)
            # Actions on which other rules hold are kept apart.
            rules = (lowered.startswith("kms:"), lowered.startswith("sts:"), lowered in ON_THEIR_OWN)
            by_answers.setdefault((*answers, *rules, rcps_govern(lowered)), name)
        return list(by_answers.values())

    def _resources_for(self, actor: Actor, action: str, resources: Sequence[str]) -> list[str]:
        """Return resources, of a pattern one of each kind that the actor's statements tell apart."""
        if not any(is_pattern(each) for each in resources):
            return list(resources)
        (pattern,) = resources
        texts, complete = resources_told_apart(
            actor, action, patterns_meant(pattern, actor.principal.account)
        )
        if not complete:
            self._undecided.setdefault(actor.name, MANY_PATTERNS)
        if self._account:
            texts = [text for text in texts if account_in(text) in ("", self._account)]
        # Where a request names no resource, policies see a star.
        return ["*", *texts] if pattern == "*" else texts

    # One question.

    def _contradiction(self, actor: Actor, action: str, resource: str) -> CounterExample | None:
        if self._claim.limits or self._claim.carried:
            actor = self._within_limits(actor)
        inquiry = Inquiry(self._accounts, action, resource, self._claim.carried)
        never = _never(actor, lower_ascii(action))
        if not never and not inquiry.is_possible(actor):
            never = "Their requests carry no such condition keys"
        if never:
            self._refusals[never] += 1
            return None
        if actor.outside and not account_in(resource):
            # What a stranger does in his own account is nobody's concern here.
            return None
        known = inquiry.known(actor)
        if lower_ascii(action) in NEEDS_NOTHING:
            question = inquiry.question(actor)
            return CounterExample(actor.name, action, resource, question.context, {}, (), (), actor.outside)
        known = self._limited(known)
        bindings = inquiry.bindings(actor)
        plan = bindings.plan(action, exempt=actor.principal.service_linked)
        key = (
            what_matters(actor, known, plan),
            inquiry.what_else_may(actor),
            resource if inquiry.resource.policy or plan.denies or allow_entries(plan) else "",
            action,
        )
        answer: Possible | Impossible | Undecided | None = self._answers.get(key)
        ordinary = self._limited(inquiry.question(actor))
        if answer is None:
            domain_of = self._domain_of(inquiry, actor, known)
            answer = search(known, bindings, domain_of, ordinary.context)
            if not isinstance(answer, Possible):
                self._answers[key] = answer
        if isinstance(answer, Undecided):
            self._undecided.setdefault(actor.name, answer.why)
            return None
        if isinstance(answer, Impossible):
            self._refusals[_why(answer)] += 1
            return None
        return _counter_example(actor, ordinary, answer, bindings)

    def _within_limits(self, actor: Actor) -> Actor:
        keys = {key: value for key, value in actor.keys.items() if key not in self._claim.limits}
        return replace(actor, keys=keys)

    def _limited(self, question: Question) -> Question:
        if not self._claim.limits:
            return question
        context = {key: value for key, value in question.context.items() if key not in self._claim.limits}
        return replace(question, context=context)

    def _domain_of(self, inquiry: Inquiry, actor: Actor, known: Question) -> Callable[[str], Domain | None]:
        """Return what requests may carry: what the claim limits them to, or what anybody's may."""
        usual = inquiry.domain_of(actor, known)

        def domain(key: str) -> Domain | None:
            limit = self._claim.limits.get(key)
            return usual(key) if limit is None else limit

        return domain

    # What is said of it.

    def _proof(self, verdict: Verdict, about: Sequence[Actor], found: CounterExample | None = None) -> Proof:
        reasons = []
        if verdict == "proven":
            count = len({actor.name for actor in about})
            asked = f"Of {count:,} {'principal' if count == 1 else 'principals'}, none can."
            reasons.append(asked if count else "There is nobody else.")
            reasons += [f"{why} ({number:,} times)." for why, number in self._refusals.most_common()]
        elif verdict == "unknown":
            reasons += [
                f"{name}: {why}." if name else f"{why[:1].upper()}{why[1:]}."
                for name, why in sorted(self._undecided.items())
            ]
        return Proof(str(self._claim), verdict, len(about), tuple(reasons), self._assumed(), found)

    def _assumed(self) -> tuple[str, ...]:
        said = ["Policies, tags and principals stay as they are, and requests are made from now on."]
        resource = self._claim.resource
        if not self._assumes():
            if is_pattern(resource):
                said.append(NO_POLICIES)
            elif not any(self._policies()):
                said.append(f"{resource} has no policy of its own; none is known.")
        if is_pattern(self._claim.action):
            said.append("Actions are those that AWS's service authorization reference has.")
            matches = matcher(wildcard_tokens(lower_ascii(self._claim.action)))
            said += [
                f"{each} needs no permission, and is left out."
                for each in _FREE
                if matches(lower_ascii(each))
            ]
        said += self._accounts.assumed
        if self._account:
            said.append(of_account_alone(self._account))
        said.append("Sessions of roles are made without session policies, which could only take from them.")
        if any(actor.kind == "role" for actor in self._accounts.actors) and self._claim.principals:
            said.append(
                "A role is who asks: whoever can assume it asks as it (`who-can sts:AssumeRole ROLE`), and a service "
                "that it is passed to (`who-can iam:PassRole ROLE`)."
            )
        return tuple(said)


def _counter_example(actor: Actor, ordinary: Question, found: Possible, bindings: Bindings) -> CounterExample:
    needed = least(ordinary, found, bindings)
    kept = {key: value for key, value in ordinary.context.items() if key not in needed}
    context = {**kept, **{key: value for key, value in needed.items() if value is not None}}
    question = replace(ordinary, context=context)
    assert decide(question, bindings).allowed, "the engine allows a counter-example"
    plan = bindings.plan(question.action, exempt=question.principal.service_linked)
    name = actor.name
    if actor.outside and name in {"*", "anonymous"}:
        arn = context.get("aws:principalarn", actor.principal.arn)
        name = arn if isinstance(arn, str) else name
    return CounterExample(
        name,
        question.action,
        question.resource,
        context,
        {key: value for key, value in needed.items() if value is not None},
        tuple(key for key, value in needed.items() if value is None),
        statements_that_allow(question, plan, frozenset(needed)),
        actor.outside,
    )


def _never(actor: Actor, action: str) -> str:
    """Return why STS never takes an action from such a principal, whatever policies say; empty if it may."""
    if not action.startswith("sts:assumerole"):
        return ""
    if actor.principal.kind == "root":
        return "AWS lets no account's root user assume a role"
    if actor.kind == FEDERATED_USER:
        return "AWS lets no federated user assume a role"
    by_provider = action in BY_PROVIDER
    if by_provider is not (actor.kind == "federated" and actor.principal.is_outside_iam):
        return (
            f"Such principals do not call {action}"
            if by_provider
            else "Identity providers call other actions"
        )
    return ""


_LAYERS = {
    "request": "Only requests whose condition keys contradict each other are allowed",
    "identity": "No identity-based policy allows it",
    "boundary": "The permissions boundary does not allow it",
    "session": "The session policy does not allow it",
    "scope": "A scope-down policy of the session does not allow it",
    "scp": "A service control policy does not allow it",
    "rcp": "A resource control policy does not allow it",
    "resource": "The resource's own policy does not allow it",
    "trust": "The role's trust policy does not let them in",
}


def _why(answer: Impossible) -> str:
    decision = answer.decision
    if decision.effect == "implicit-deny":
        return _LAYERS.get(decision.layer, "Nothing allows it")
    statement = f"statement {decision.statement + 1}" + (f' "{decision.sid}"' if decision.sid else "")
    return f"Denied by {statement} of {decision.policy or 'a policy'} ({decision.layer})"


def _name_pattern(written: str, accounts: Accounts) -> Callable[[str], bool]:
    """Return whether a name of an actor is meant by what a claim says: an ARN, a pattern of ARNs, `role/NAME`."""
    names = {actor.name for actor in accounts.actors}
    if written in names or not (written.startswith(("user/", "role/")) or is_pattern(written)):
        if written == "root":
            return lambda name: name.endswith(":root")
        return lambda name: name == written
    if is_pattern(written):
        expression = re.compile(fnmatch.translate(re.sub(r"[\[\]]", "?", written)))
        return lambda name: expression.match(name) is not None
    return lambda name: name.endswith(f":{written}")
