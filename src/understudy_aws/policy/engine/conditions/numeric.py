"""NumericEquals and its inequalities."""

from __future__ import annotations

import operator
import re
from decimal import Decimal

from understudy_aws.policy.engine.conditions.operand import ordered

# `01`, `+1`, `1.0` and `1e0` are all one; `NaN`, `Infinity` and empty text are no numbers (recorded, policies.md 4.4).
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?\Z")


def number(text: str) -> Decimal | None:
    """Return the number `text` is, exactly and however long; or None."""
    return Decimal(text) if _NUMBER.match(text) else None


equals = ordered(number, operator.eq)
less_than = ordered(number, operator.lt)
less_than_equals = ordered(number, operator.le)
greater_than = ordered(number, operator.gt)
greater_than_equals = ordered(number, operator.ge)
