"""Writes the least-privilege policy of each principal from its calls in the trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from understudy_aws.admin.requests import RecordPolicies
from understudy_aws.admin.time_ranges import TimeRange, parse_bound
from understudy_aws.core.http import Steps, take_all
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.request_context import question_keys
from understudy_aws.gateway.trail import OWN_SERVICE, EvaluatedQuestion, TrailEntry
from understudy_aws.policy import (
    NamedPolicy,
    Observation,
    Question,
    compile_policy,
    record,
)

# Layers in which others decide: what they refuse, no policy of the caller's allows.
_ANOTHERS = frozenset({"trust", "resource", "endpoint"})


class _Heard(msgspec.Struct):
    """Collects the calls of one principal. Each question is kept once, with the number of times it was asked.

    `onward` of the calls were made by a service for another call of the principal's. `asked` are questions by what
    tells them apart. `free` are calls that take no permission, `failed` those that came to nothing before any
    question, by call and outcome, `refused` questions by action, resource, effect and layer. `noted` were refused,
    and carried out because IAM was soft; `unasked` were called while IAM was off.
    """

    kind: str
    calls: int = 0
    onward: int = 0
    asked: dict[Any, tuple[Observation, int]] = msgspec.field(default_factory=dict)
    free: Counter[str] = msgspec.field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    refused: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)
    noted: int = 0
    unasked: int = 0

    def hear(self, entry: TrailEntry, *, include_refused: bool) -> None:
        """Add one call and its questions; what Understudy did by itself is none."""
        if entry.service == OWN_SERVICE:
            return
        self.calls += 1
        self.onward += bool(entry.parent)
        if entry.mode == "off":
            self.unasked += 1
        elif not entry.evaluations and entry.outcome == "ok":
            self.free[f"{entry.service}:{entry.operation}"] += 1
        elif not entry.evaluations:
            self.failed[f"{entry.service}:{entry.operation}", entry.outcome] += 1
        stopped = entry.denied and entry.mode == "strict"
        for evaluation in entry.evaluations:
            for_another = not evaluation.allowed and evaluation.layer in _ANOTHERS
            if not evaluation.allowed and (stopped or for_another):
                self.refused[evaluation.action, evaluation.resource, evaluation.effect, evaluation.layer] += 1
            elif not evaluation.allowed:
                self.noted += 1
            if not for_another and (include_refused or not stopped):
                self._keep(observation_of(entry, evaluation))

    def _keep(self, observation: Observation) -> None:
        question = observation.question
        key = (
            question.action,
            question.resource,
            tuple(
                (name, value if isinstance(value, str) else tuple(value))
                for name, value in sorted(question.context.items())
            ),
            question.resource_account,
            observation.pending,
            observation.complete,
            # Which session of a role it was is nothing to identity policies, but may be to a trust policy.
            (observation.resource_policy, question.principal) if observation.resource_policy else None,
        )
        known, times = self.asked.get(key, (observation, 0))
        self.asked[key] = known, times + 1


class Recordings:
    """Records policies from a gateway's trail."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def of(self, asked: RecordPolicies) -> dict[str, Any]:
        """Return the policies of each principal in a time range. Raises InvalidRequestError for a bad time."""
        return take_all(self.in_steps(asked))

    def in_steps(self, asked: RecordPolicies) -> Steps[dict[str, Any]]:
        """Do the same in short steps: some entries of the trail at a time, and then one principal at a time."""
        database, now = self._gateway.database, self._gateway.clock.now()
        time_range = TimeRange(
            database,
            parse_bound(asked.since, database, now) if asked.since else None,
            parse_bound(asked.until, database, now) if asked.until else None,
        )
        heard: dict[str, _Heard] = {}
        passed_over, first, last = 0, None, None
        for each in time_range.in_steps():
            if each is None:
                yield None
                continue
            number, entry = each
            first, last = number, last or number
            principal = entry.caller.role_arn or entry.caller.arn
            if asked.as_:
                if asked.as_ not in (principal, entry.caller.arn):
                    continue
            elif _has_no_policies_to_write(entry):
                passed_over += 1
                continue
            one = heard.setdefault(principal, _Heard(entry.caller.kind))
            one.hear(entry, include_refused=asked.include_refused)
        principals = []
        for principal in sorted(heard):
            yield None
            principals.append(_described(principal, heard[principal], asked))
        return {
            "calls": sum(one.calls for one in heard.values()),
            "first": first,
            "last": last,
            "forgotten": time_range.forgotten,
            "passed_over": passed_over,
            "principals": principals,
        }


def observation_of(entry: TrailEntry, evaluation: EvaluatedQuestion) -> Observation:
    """Return a question of the trail with everything that the trail kept of it."""
    owner = evaluation.account or entry.account
    context = evaluation.context or question_keys(entry, {}, evaluation.action, owner, evaluation.keys or {})
    own = evaluation.resource_policy
    return Observation(
        Question(entry.principal, evaluation.action, evaluation.resource, context, owner),
        pending=_is_pending(evaluation.resource, entry.parameters),
        complete=bool(evaluation.context) or evaluation.keys is not None,
        resource_policy=NamedPolicy(
            evaluation.resource, compile_policy(own, kind="trust" if evaluation.trust else "resource")
        )
        if own
        else None,
        trust=evaluation.trust,
    )


def _is_pending(resource: str, parameters: Any) -> bool:
    """Whether a resource's stars stand for an id that AWS had yet to choose, and were not written by the caller."""
    if resource == "*" or "*" not in resource:
        return False
    return not any("*" in text and text in resource for text in _texts(parameters))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _has_no_policies_to_write(entry: TrailEntry) -> bool:
    """Whether a call needs no policy: nobody signed it, or a service made it as itself or in its linked role."""
    return entry.caller.kind in ("anonymous", "service") or bool(entry.invoked_by and not entry.parent)


def _described(principal: str, heard: _Heard, asked: RecordPolicies) -> dict[str, Any]:
    """Return one principal's policies and the remarks about them as JSON values."""
    made = record((observation for observation, _ in heard.asked.values()), portable=asked.portable)
    times = {id(observation): count for observation, count in heard.asked.values()}

    def count(observations: Iterable[Observation]) -> int:
        return sum(times[id(each)] for each in observations)

    def listed(observations: Iterable[Observation]) -> list[dict[str, Any]]:
        found: Counter[tuple[str, str]] = Counter()
        for each in observations:
            found[each.question.action, each.question.resource] += times[id(each)]
        return [
            {"action": action, "resource": resource, "times": number}
            for (action, resource), number in sorted(found.items())
        ]

    return {
        "principal": principal,
        "kind": heard.kind,
        "calls": heard.calls,
        "onward": heard.onward,
        "permissions": made.permissions,
        "policies": made.policies,
        "proven": count(made.proven),
        "refuted": listed(made.refuted),
        "widenings": made.widenings,
        "too_long": [place + 1 for place in made.too_long],
        "without_permission": [
            {"call": call, "times": number} for call, number in sorted(heard.free.items())
        ],
        "failed": [
            {"call": call, "outcome": outcome, "times": number}
            for (call, outcome), number in sorted(heard.failed.items())
        ],
        "needless": listed(made.needless),
        "unnameable": listed(made.unnameable),
        "unnarrowed": listed(made.unnarrowed),
        "refused": [
            {
                "action": action,
                "resource": resource,
                "effect": effect,
                "layer": layer,
                "included": asked.include_refused and layer not in _ANOTHERS,
                "times": number,
            }
            for (action, resource, effect, layer), number in sorted(heard.refused.items())
        ],
        "noted": heard.noted,
        "unasked": heard.unasked,
    }
