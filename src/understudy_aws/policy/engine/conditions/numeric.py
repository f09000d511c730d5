"""NumericEquals and its inequalities."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal

from understudy_aws.policy.engine.conditions.operand import Comparison
from understudy_aws.policy.language.context_keys import Context

# `01`, `+1`, `1.0` and `1e0` are all one; `NaN`, `Infinity` and empty text are no numbers (recorded, policies.md 4.4).
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?\Z")


def number(text: str) -> Decimal | None:
    """The number `text` is, exactly and however long; or None."""
    return Decimal(text) if _NUMBER.match(text) else None


def numeric(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[tuple[str, ...], bool], Comparison]:
    """The operator for which `holds(value of the request, value of the policy)`; no variables."""

    def compile_values(values: tuple[str, ...], _variables: bool) -> Comparison:
        bounds: list[Decimal] = []
        for text in values:
            bound = number(text)
            if bound is None:
                break
            bounds.append(bound)

        def compare(value: str, _context: Context) -> bool:
            given = number(value)
            return given is not None and any(holds(given, bound) for bound in bounds)

        return Comparison(compare, broken=len(bounds) < len(values))

    return compile_values


equals = numeric(operator.eq)
less_than = numeric(operator.lt)
less_than_equals = numeric(operator.le)
greater_than = numeric(operator.gt)
greater_than_equals = numeric(operator.ge)
