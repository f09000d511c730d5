"""Bool: the request's text is true, in any case, or it is false."""

from __future__ import annotations

from understudy_aws.policy.engine.conditions.operand import Comparison
from understudy_aws.policy.language.context_keys import Context

TRUTHS = {"true": True, "false": False}


def equals(values: tuple[str, ...], _variables: bool) -> Comparison:
    """Compare as booleans: every text of the request but `true` counts as false (recorded, policies.md 4.4).

    Two AWS pages contradict each other on variables here; without them a policy cannot grant by accident.
    """
    wanted: set[bool] = set()
    broken = False
    for value in values:
        truth = TRUTHS.get(value.lower())
        if truth is None:
            broken = True
            break
        wanted.add(truth)

    def compare(value: str, _context: Context) -> bool:
        return (value.lower() == "true") in wanted

    return Comparison(compare, broken=broken)
