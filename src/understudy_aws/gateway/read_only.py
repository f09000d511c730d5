"""Which operations only read, by their names, as CloudTrail's `readOnly` tells it."""

from __future__ import annotations

import re
from functools import cache

_READS = re.compile(
    "(Get|List|Describe|Lookup|BatchGet|BatchCheck|Search|Simulate|Validate|Check|Decode|Filter)(?![a-z])"
)
# Read-only by CloudTrail, though they give out credentials; the others that do are not (cloudtrail.md 31.3).
_ASSUMING = re.compile("AssumeRo(le|ot)")
_NOT_READ_ONLY = frozenset(
    {"GetDelegatedAccessToken", "GetFederationToken", "GetScopedCredentials", "GetSessionToken"}
)


@cache
def is_read_only(operation: str) -> bool:
    """Whether an operation changes nothing."""
    if _ASSUMING.match(operation):
        return True
    return _READS.match(operation) is not None and operation not in _NOT_READ_ONLY


@cache
def keeps_response(operation: str) -> bool:
    """Whether the trail keeps what was answered: of what changes something, and of what gives out credentials."""
    return not is_read_only(operation) or _ASSUMING.match(operation) is not None
