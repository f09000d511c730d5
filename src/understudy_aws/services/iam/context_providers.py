"""Context providers: which claims of an identity provider's tokens go into sessions as trusted context.

The rules are in web-identity.md 36.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from understudy_aws.services.iam import errors

# Single spaces, and none at an end.
_LETTERS = r"[A-Za-z0-9_.:/=+\-@#]+"
_KEY = re.compile(rf"{_LETTERS}( {_LETTERS})*")


class ContextProvider(msgspec.Struct, frozen=True, omit_defaults=True):
    """How trusted context is made of a token.

    `subject_source` is the claim that names whom the token is about. The kind of that identity is `subject_type`, or
    what the claim `subject_type_source` says, or is not told. `keys` are claims and the keys they are kept under.
    """

    subject_source: str
    subject_type: str = ""
    subject_type_source: str = ""
    keys: tuple[tuple[str, str], ...] = ()


def context_provider(given: Mapping[str, Any]) -> ContextProvider:
    """Return the context provider of a request. Raises InvalidInput for one that is none."""
    source = given["SubjectSourceKey"]
    kind, kind_source = given.get("SubjectTypeValue", ""), given.get("SubjectTypeSourceKey", "")
    if kind and kind_source:
        raise errors.invalid_input(
            "SubjectTypeValue and SubjectTypeSourceKey cannot be specified together in a context provider."
        )
    keys = tuple(
        (each["SourceKey"], each.get("TargetKey") or each["SourceKey"])
        for each in given.get("KeyDefinitionList") or ()
    )
    for key in (source, kind_source, *(each for pair in keys for each in pair)):
        if key and not _KEY.fullmatch(key):
            raise errors.invalid_input(f"The key {key} of the context provider is not valid.")
    targets = [target.lower() for _, target in keys]
    if len(targets) > len(set(targets)):
        raise errors.invalid_input("The keys of a context provider must be different.")
    return ContextProvider(source, kind, kind_source, keys)


def shown(provider: ContextProvider) -> dict[str, Any]:
    """Return a context provider as answers have it."""
    return {
        "KeyDefinitionList": [{"SourceKey": source, "TargetKey": target} for source, target in provider.keys],
        "SubjectSourceKey": provider.subject_source,
        "SubjectTypeValue": provider.subject_type or None,
        "SubjectTypeSourceKey": provider.subject_type_source or None,
    }
