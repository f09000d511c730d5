"""AWS's member names in our spelling: `VpcConnectorName` is `vpc_connector_name`, as in botocore's own commands."""

from __future__ import annotations

import re
from functools import cache

# The rules by which the SDK spells: known acronyms first, then a capital word, then a capital after a small letter.
_ACRONYM_PLURAL = re.compile(r"[A-Z]{2,}s$")
_BEFORE_WORD = re.compile(r"(.)([A-Z][a-z]+)")
_BEFORE_CAPITAL = re.compile(r"([a-z0-9])([A-Z])")
# Names that no rule spells as the SDK does.
_SPECIAL = {
    "CreateCachediSCSIVolume": "create_cached_iscsi_volume",
    "CreateStorediSCSIVolume": "create_stored_iscsi_volume",
}


@cache
def snake(name: str) -> str:
    """Return a member's or operation's name in snake case."""
    if "_" in name:
        return name
    if name in _SPECIAL:
        return _SPECIAL[name]
    plural = _ACRONYM_PLURAL.search(name)
    if plural:
        name = f"{name[: plural.start()]}_{plural.group().lower()}"
    spaced = _BEFORE_WORD.sub(r"\1_\2", name)
    return _BEFORE_CAPITAL.sub(r"\1_\2", spaced).lower()


def camel(name: str) -> str:
    """Return a member's name with a small first letter, as AWS's error texts have it."""
    return name[:1].lower() + name[1:]
