"""Fuzzes condition operators on values of any kind: dates, numbers, addresses, ARNs, base64, and on none of these."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

with atheris.instrument_imports(include=["understudy_aws"]):
    import oracle
    from inventions import one_condition
    from lots import Lots

    from understudy_aws.policy.engine.conditions.condition import compile_condition
    from understudy_aws.policy.language.document import Condition


def one_input(data: bytes) -> None:
    lots = Lots(data)
    name, key, values, context = one_condition(lots)
    variables, denies = lots.randint(0, 3) > 0, lots.randint(0, 3) == 0
    condition = compile_condition(Condition(name, key, tuple(values)), variables, denies)
    wanted = oracle.holds(name, key, values, context, variables, denies)
    assert condition.test(context) is wanted, (name, key, values, context, variables, denies, wanted)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
