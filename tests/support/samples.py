"""Made-up values for any shape, drawn from a seeded generator."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from understudy_aws.wire.validation import validator

TEXTS = [
    "",
    "a",
    "plain text",
    "a&b=c%20d+e",
    '<tag attr="v">&amp;</tag>',
    "übung 漢字 🎈",
    " spaced ",
    "a.b.1",
    "tab\tnew\nline",
]

# What a made-up value does not get past, by operation.
GIVEN: dict[str, dict[str, Any]] = {
    "sts:AssumeRoot": {
        "TargetPrincipal": "123456789012",
        "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
    }
}


def sample(shape: Any, draw: random.Random, depth: int = 0) -> Any:
    """A value of this shape; shallower the deeper it is. `shape` is one of ours."""
    if shape.type == "structure":
        # Far down only what must be there, so that shapes that contain themselves end.
        return {
            name: sample(member.shape, draw, depth + 1)
            for name, member in shape.members.items()
            if depth < 4 and (depth == 0 or draw.random() < 0.6)
        }
    if shape.type == "list":
        # The query protocols cannot tell an empty structure in a list from none.
        made = [sample(shape.element.shape, draw, depth + 1) for _ in range(draw.randint(1, 3))]
        return [item for item in made if item not in ({}, [])] if depth < 5 else []
    if shape.type == "map":
        return {
            f"key {number}": sample(shape.value.shape, draw, depth + 1)
            for number in range(draw.randint(1, 2))
        }
    return SCALARS[shape.type](draw)


def valid_text(draw: random.Random) -> str:
    return draw.choice(TEXTS)


SCALARS = {
    "string": valid_text,
    "integer": lambda draw: draw.choice([0, 1, -1, 42, 2**31 - 1]),
    "long": lambda draw: draw.choice([0, 1, -7, 2**53]),
    "float": lambda draw: draw.choice([0.0, 1.5, -2.25]),
    "double": lambda draw: draw.choice([0.0, 1.5, -2.25, 1e-9]),
    "boolean": lambda draw: draw.random() < 0.5,
    "blob": lambda draw: draw.choice([b"", b"bytes", bytes(range(256))]),
    "timestamp": lambda draw: datetime(
        2026, draw.randint(1, 12), draw.randint(1, 28), 12, 30, 59, tzinfo=UTC
    ),
}


def without_empties(value: Any) -> Any:
    """A value less what a form or XML cannot hold: empty lists, maps and structures."""
    if isinstance(value, dict):
        kept = {name: without_empties(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [item for item in map(without_empties, value) if item not in ({}, [])]
    return value


def without_empty_texts(value: Any) -> Any:
    """A value less the empty texts that EC2 takes for absent; those of `Value` and `Values` count."""
    if isinstance(value, dict):
        return {
            key: without_empty_texts(item)
            for key, item in value.items()
            if item not in ("", b"") or key == "Value"
        }
    if isinstance(value, list):
        return [without_empty_texts(item) for item in value if item not in ("", b"")]
    return value


CANDIDATES = (
    "abcd", "v1", "1234", "arn:aws:iam::000000000000:role/somebody", "subnet-0123456789abcdef0", "10.0.0.0/16", "task/aws-service-role/a.b/R/12345678-1234-1234-1234-123456789012",
    "arn:aws:iam::000000000000:role/somebody", "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/name/1/0123456789abcdef0123456789abcdef",
    "123456789012", "somebody@example.com", "r-1234", "ou-1234-12345678", "o-1234567890/r-1234", "p-12345678", "h-12345678", "car-12345678",
    "AKIAQAAAAAAAAWNC4NVA", '{"Version":"2012-10-17","Statement":[]}', "/", "a.b",
    "12345678-1234-1234-1234-123456789012", "Name",
    "sha256:ab12", "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/a",
    "arn:aws:signer:us-east-1:000000000000:/signing-profiles/ab", '{"rules":[]}'.ljust(100), "123456", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0" * 40, "RS256",
    "a" * 1000,
)  # fmt: skip


def valid(shape: Any, *, nested: bool = False) -> Any:
    """The smallest value that keeps the constraints of its shape, and is not nothing on the wire."""
    if shape.type == "structure":
        names = shape.required or (list(shape.members)[:1] if nested else [])
        return {name: valid(shape.members[name].shape, nested=True) for name in names}
    if shape.type == "list":
        return [valid(shape.element.shape, nested=True) for _ in range(max(1, int(shape.min or 0)))]
    if shape.type == "map":
        return {valid(shape.key.shape): valid(shape.value.shape, nested=True)} if shape.min else {}
    if shape.type == "string":
        return next(text for text in shape.enum or CANDIDATES if keeps(shape, text))
    return {"integer": int(shape.min or 1), "boolean": True, "blob": b"x"}.get(shape.type, 1)


def keeps(shape: Any, text: str) -> bool:
    check, problems = validator(shape), []
    if check is not None:
        check(text, "", "", problems)
    return not problems
