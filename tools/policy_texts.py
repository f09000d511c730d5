"""Policy documents of a collection as text, in the order of keys that people write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# moto sorts every key by the alphabet. People, and AWS's own pages, put the version and the effect first.
_KEY_ORDER = {
    key: place
    for place, key in enumerate(
        (
            "Version",
            "Id",
            "Statement",
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        )
    )
}


def in_order(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the keys of its two upper levels as people write them; conditions stay as is."""
    statements = document["Statement"]
    if isinstance(statements, list):
        statements = [_sorted_keys(statement) for statement in statements]
    else:
        statements = _sorted_keys(statements)
    return _sorted_keys({**document, "Statement": statements})


def _sorted_keys(element: Mapping[str, Any]) -> dict[str, Any]:
    return {key: element[key] for key in sorted(element, key=lambda key: (_KEY_ORDER.get(key, 99), key))}


def compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
