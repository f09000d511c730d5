"""Fuzzes wildcards: the same answer as the slow definition, on hostile patterns too, in bounded time."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

with atheris.instrument_imports(include=["understudy_aws"]):
    import oracle
    from lots import Lots

    from understudy_aws.policy.engine.matching import (
        actions_matcher,
        arn_matcher,
        has_wild_prefix,
        resources_matcher,
    )
    from understudy_aws.policy.language.patterns import lower_ascii, matcher, split_at_colons, wildcard_tokens


def one_input(data: bytes) -> None:
    lots = Lots(data)
    pattern, text = word(lots, "ab*?:"), word(lots, "ab:")
    tokens = wildcard_tokens(pattern)
    slow = oracle.matches(oracle.wild(pattern), text)
    assert matcher(tokens)(text) is slow, (pattern, text)
    assert arn_matcher(tokens, wide=True)(text) is slow, (pattern, text)
    parted = oracle.by_part(oracle.wild(pattern), text)
    assert arn_matcher(tokens, wide=False)(text) is parted, (pattern, text)
    assert slow or not parted, (pattern, text)
    parts = [
        "".join(each if isinstance(each, str) else each.value for each in part)
        for part in split_at_colons(tokens, 5)
    ]
    assert parts == pattern.split(":", 5), pattern
    lowered = oracle.matches(oracle.wild(oracle.lower(pattern)), oracle.lower(text))
    if not has_wild_prefix(pattern):
        assert actions_matcher((pattern,), False, in_deny=False)(lower_ascii(text)) is lowered, (
            pattern,
            text,
        )

    several(lots, pattern, text)


def several(lots: Lots, pattern: str, text: str) -> None:
    """A list of patterns, which may be matched together."""
    patterns = (pattern, *(word(lots, "ab*?:") for _ in range(lots.randint(0, 3))))
    wide, inverted = lots.randint(0, 1) == 0, lots.randint(0, 1) == 0
    reads = oracle.matches if wide else oracle.by_part
    expected = any(reads(oracle.wild(each), text) for each in patterns) is not inverted
    resources = resources_matcher(patterns, inverted, False, wide=wide)
    found = True if resources is None else resources(text, {})
    assert found is expected, (patterns, inverted, wide, text)


def word(lots: Lots, letters: str) -> str:
    """A few letters, any text, or a hostile repetition."""
    way = lots.randint(0, 5)
    if way == 0:
        return lots.text(12)
    if way == 1:
        piece = "".join(lots.choice(letters) for _ in range(lots.randint(1, 4)))
        return piece * lots.randint(1, 60) + lots.choice(["", "b", "*b", "?"])
    if way == 2:
        return lots.choice(["arn:aws:", "arn:*:", "a*:"]) + ":".join(
            "".join(lots.choice(letters) for _ in range(lots.randint(0, 2))) for _ in range(4)
        )
    return "".join(lots.choice(letters) for _ in range(lots.randint(0, 12)))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
