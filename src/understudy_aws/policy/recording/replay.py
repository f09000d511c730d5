"""Asks the observed questions again under the recorded policies alone, to prove that these are enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.decide import decide
from understudy_aws.policy.engine.policies import NamedPolicy, compile_uncached
from understudy_aws.policy.language.question import Principal, Question
from understudy_aws.policy.recording.documents import Document, text_of
from understudy_aws.policy.recording.observation import Observation

_NAME = "recorded policy"


def replay(observations: Iterable[Observation], policies: Sequence[Document]) -> tuple[Observation, ...]:
    """Return the observations that are refused when these are the caller's only policies: none, if they are right.

    The resource's own policy takes part where it took part; no boundary, session or organization's policy does.
    """
    identity = _compiled(policies, "identity")
    bindings = federated = Bindings(identity=identity)
    refused = []
    for each in observations:
        question = _by_somebody_with_policies(each.question)
        bound = bindings
        if question.principal.kind == "federated":
            # He has what his user's and his session's policies both allow (sts.md 3.2).
            if federated is bindings:
                federated = Bindings(identity=identity, session=_compiled(policies, "session"))
            bound = federated
        if not decide(question, bound.with_resource(each.resource_policy, trust=each.trust)).allowed:
            refused.append(each)
    return tuple(refused)


def needs_identity_policy(observation: Observation) -> bool:
    """Return whether it takes an identity policy.

    They are not asked where the resource's own policy lets the caller in, nor for a service's call.
    """
    question = _by_somebody_with_policies(observation.question)
    if question.principal.is_outside_iam:
        return False
    if observation.resource_policy is None:
        return True
    bindings = Bindings(resource=observation.resource_policy, trust=observation.trust)
    return not decide(question, bindings).allowed


def _compiled(policies: Sequence[Document], kind: str) -> tuple[NamedPolicy, ...]:
    return tuple(NamedPolicy(_NAME, compile_uncached(text_of(each), kind)) for each in policies)


def _by_somebody_with_policies(question: Question) -> Question:
    """Return the question as it is; the root user's, whom no identity policy binds, as a user's in its place."""
    principal = question.principal
    if principal.kind != "root":
        return question
    arn = f"arn:aws:iam::{principal.account}:user/recorded"
    return replace(question, principal=Principal("user", arn, principal.account))
