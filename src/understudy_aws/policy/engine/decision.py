"""The answer to a question: allowed or not, and which layer, policy and statement said so."""

from __future__ import annotations

from typing import Literal

import msgspec

Effect = Literal["allow", "explicit-deny", "implicit-deny"]


class Decision(msgspec.Struct, frozen=True):
    """What was decided, and by whom.

    `layer` is the layer that decided; of an implicit denial, the one in which no statement allows. `policy`,
    `statement` (its index, -1 for none) and `sid` name the deciding statement. `missing_keys` are, of a
    denial, the condition keys its layer asked for that the request did not carry.
    """

    allowed: bool
    effect: Effect
    layer: str
    policy: str = ""
    statement: int = -1
    sid: str = ""
    missing_keys: tuple[str, ...] = ()


_KINDS_OF_POLICY = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "scope": "session policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}
_DEFINITE = {"trust": "the"}
_VOWELS = "aeiou"

# Layers whose explicit denials may be followed by the policy's ARN (policies.md 4.9).
_NAMED_IN_DENIALS = frozenset({"identity", "boundary", "session", "scp", "rcp"})


def reason(decision: Decision, action: str) -> str:
    """Return the clause AWS ends an access-denied message with (policies.md 4.9); "" when the action was allowed."""
    if decision.allowed:
        return ""
    policy = _KINDS_OF_POLICY[decision.layer]
    if decision.effect == "implicit-deny":
        return f"because no {policy} allows the {action} action"
    article = _DEFINITE.get(decision.layer) or ("an" if policy[0] in _VOWELS else "a")
    named = decision.layer in _NAMED_IN_DENIALS and decision.policy.startswith("arn:")
    return f"with an explicit deny in {article} {policy}" + (f": {decision.policy}" if named else "")
