"""Filter patterns: terms of a text, properties of JSON, and columns between spaces (logs.md 21.4)."""

from __future__ import annotations

from functools import lru_cache

from understudy_aws.services.logs.filter_patterns.columns import columns_in
from understudy_aws.services.logs.filter_patterns.json_properties import properties_in
from understudy_aws.services.logs.filter_patterns.pattern import Everything, Pattern
from understudy_aws.services.logs.filter_patterns.terms import terms_in


@lru_cache(maxsize=64)
def pattern_in(text: str) -> Pattern:
    """Return what a filter pattern matches. Raises InvalidParameterException for one that is none."""
    text = text.strip()
    if not text:
        return Everything()
    if text.startswith("{"):
        return properties_in(text)
    if text.startswith("["):
        return columns_in(text)
    return terms_in(text)
