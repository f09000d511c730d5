"""A question that was put to the policy engine and answered, as the recorder takes it."""

from __future__ import annotations

import msgspec

from understudy_aws.policy.engine.policies import NamedPolicy
from understudy_aws.policy.language.question import Question


class Observation(msgspec.Struct, frozen=True):
    """One question of the past.

    `pending` says that stars in the resource stand for an id that was still to be drawn, as in
    `…:network-interface/*`; of any other resource a star is plain text. `complete` is False when the question's
    condition keys were not kept. `resource_policy` is the resource's own policy, where it took part; with `trust`
    it is a role's trust policy.
    """

    question: Question
    pending: bool = False
    complete: bool = True
    resource_policy: NamedPolicy | None = None
    trust: bool = False
