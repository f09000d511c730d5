"""Tells which calls of the trail were refused for who called, or were carried out only because of the IAM mode."""

from __future__ import annotations

from understudy_aws.gateway.trail import TrailEntry

# The codes with which services refuse a caller (policies.md 4.9, ec2.md 7.2).
REFUSALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def is_waived(entry: TrailEntry) -> bool:
    """Whether policies refuse the call, and it was carried out all the same because IAM is not strict."""
    return entry.denied and entry.mode != "strict" and entry.outcome not in REFUSALS


def is_refused(entry: TrailEntry) -> bool:
    """Whether the call was refused for who called: by its signature or by policies. One that was waived counts too."""
    if entry.signature or entry.outcome in REFUSALS:
        return True
    return entry.denied and (entry.outcome != "ok" or entry.mode != "strict")
