"""What the policy of a delegation request comes to: whether a caller has all it allows, and its boundaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from understudy_aws.gateway.call import Call, Target
from understudy_aws.policy import compile_policy

_BOUNDARY_KEY = "iam:permissionsboundary"

Result = Literal["ALLOWED", "DENIED", "UNSURE"]


def covers(call: Call, policy: str) -> Result:
    """Tell whether the caller may do what a policy allows, as nearly as can be told without the requests to come.

    Each action is asked about on each resource; a pattern is covered where one as wide allows it. It is unsure where
    conditions of the caller's decide, or the policy names what it does not mean.
    """
    result: Result = "ALLOWED"
    for action, resource in _asked(policy):
        if not action or not resource:
            result = "UNSURE"
            continue
        decision = call.gateway.evaluate(call, action, Target(resource, account=call.account))
        if decision.allowed:
            continue
        if not decision.missing_keys:
            return "DENIED"
        result = "UNSURE"
    return result


def boundaries_in(policy: str) -> tuple[str, ...]:
    """Return the permissions boundaries that a policy asks of the roles it lets one make."""
    found: dict[str, None] = {}
    statements = _statements(policy)
    for statement in compile_policy(policy, kind="session").statements_for("iam:CreateRole"):
        if statement.denies:
            continue
        for tests in statements[statement.index].get("Condition", {}).values():
            for key, values in tests.items():
                if key.lower() == _BOUNDARY_KEY:
                    found.update(dict.fromkeys(_listed(values)))
    return tuple(found)


def _asked(policy: str) -> Iterator[tuple[str, str]]:
    """Yield actions and resources of what a policy allows; either is empty where it is told by what it is not."""
    for statement in _statements(policy):
        if statement["Effect"] != "Allow":
            continue
        for action in _listed(statement.get("Action", "")):
            for resource in _listed(statement.get("Resource", "")):
                yield action, resource


def _statements(policy: str) -> list[dict[str, Any]]:
    statements = json.loads(policy)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
