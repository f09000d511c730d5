"""Fuzzes whatever reads a document: anything is a policy or malformed, and nothing takes long or ends otherwise."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

with atheris.instrument_imports(include=["understudy_aws"]):
    from inventions import LETTERS, document
    from lots import Lots

    from understudy_aws.policy import MalformedPolicy, review
    from understudy_aws.policy.engine.context_key_names import context_key_names
    from understudy_aws.policy.engine.policies import compile_uncached
    from understudy_aws.policy.findings import PolicyType, validate_policy
    from understudy_aws.policy.language.document import KINDS
    from understudy_aws.policy.language.json_text import simulator_spans

# Characters of a document in a request (iam.md 2.5).
LONGEST_REQUEST = 131_072
FEW_CHARACTERS = 2_000
SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1e308,
    10**40,
    "",
    "*",
    "${",
    "a:b",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
]
# What costs too much when it is repeated and something reads it twice.
UNITS = [
    "${", "${a", "${a,'", "${a,'b' ", "}${", "${a}", "*a", "a?", "*?", "*", ":", "[", "{", "\\", '"', "'", " ",
]  # fmt: skip
NAMES = [
    "Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
    "Resource", "NotResource", "Condition", "AWS", "Service", "StringLike", "aws:username", "",
]  # fmt: skip


def one_input(data: bytes) -> None:
    lots = Lots(data)
    text = written(lots)
    for kind in KINDS if len(text) < FEW_CHARACTERS else [lots.choice(KINDS)]:
        judge(lambda kind=kind: review(text, kind))
    if len(text) <= LONGEST_REQUEST:
        validate_policy(text, lots.choice(list(PolicyType)))
    judge(lambda: context_key_names(text if isinstance(text, str) else text.decode("latin-1")))
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    kind = lots.choice(KINDS)
    with suppress(MalformedPolicy):
        policy = compile_uncached(plain, kind)
        spans = simulator_spans(plain)
        assert len(policy.statements) == len(spans)
        policy.statements_for("s3:GetObject")


def judge(reads: Any) -> None:
    with suppress(MalformedPolicy):
        reads()


def written(lots: Lots) -> str | bytes:
    """Raw bytes, any text, or a policy with something wrong in it."""
    way = lots.randint(0, 7)
    if way == 0:
        return lots.rest()
    if way == 1:
        return lots.text(400)
    made: Any = document(lots, lots.choice(KINDS))
    for _ in range(lots.randint(0, 3)):
        made = bent(lots, made)
    text = json.dumps(made, ensure_ascii=lots.randint(0, 1) == 0, indent=lots.choice([None, 1]))
    if way == 2:
        at = lots.randint(0, len(text))
        text = text[:at] + lots.text(12) + text[at + lots.randint(0, 12) :]
    elif way == 3:
        at = lots.randint(0, len(text))
        text = text[:at] + text[lots.randint(0, len(text)) :]
    return text.encode(lots.choice(["utf-8", "utf-16", "utf-8-sig"]), "surrogatepass") if way == 4 else text


def bent(lots: Lots, value: Any) -> Any:
    """The value with something in it replaced, renamed, wrapped or multiplied."""
    if isinstance(value, dict) and value and lots.randint(0, 4):
        name = lots.choice(sorted(value))
        inner = value[name]
        rest = {other: value[other] for other in value if other != name}
        return {**rest, lots.choice(NAMES) if lots.randint(0, 5) == 0 else name: bent(lots, inner)}
    if isinstance(value, list) and value and lots.randint(0, 4):
        at = lots.randint(0, len(value) - 1)
        return [*value[:at], bent(lots, value[at]), *value[at + 1 :]]
    way = lots.randint(0, 5)
    if way == 0:
        return [value] * lots.choice([0, 2, 3, 5, 40])
    if way == 1:
        return {lots.choice(NAMES): value}
    if way == 2 and isinstance(value, str):
        return value + lots.choice(UNITS) * lots.choice([1, 7, 300, 4_000]) + value
    if way == 3:
        return lots.text(30)
    if way == 4:
        return "".join(lots.choice(LETTERS) for _ in range(lots.randint(0, 40)))
    return lots.choice(SCALARS)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
