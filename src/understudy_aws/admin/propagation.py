"""Tells of roles, keys and changes that were too new to be known yet, as `--clock aws` plays it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.services.iam.role_records import Role
from understudy_aws.services.iam.users import access_keys
from understudy_aws.store.database import Transaction

_UNKNOWN_KEY = "unknown-key"


def of_role(gateway: Gateway, role: Role, at: datetime) -> str:
    """Return the sentence about a role that could not be assumed `at` a time for being too new; else nothing."""
    known = _known_from(gateway, role.id, role.created)
    if at >= known:
        return ""
    return f"Role {role.name} was new: {_when(gateway, role.created, at, known)}"


def of_key(tx: Transaction, gateway: Gateway, entry: TrailEntry) -> str:
    """Return the sentence about the access keys that a call may have been made with, if they were too new for it.

    The trail does not keep the key of a call whose signature was not accepted.
    """
    if entry.signature != _UNKNOWN_KEY:
        return ""
    new = [
        (key, known)
        for key in access_keys.scan(tx)
        if key.created <= entry.at < (known := _known_from(gateway, key.id, key.created))
    ]
    if not new:
        return ""
    key, known = max(new, key=lambda each: each[0].created)
    return f"Access key {key.id} was new: {_when(gateway, key.created, entry.at, known)}"


def of_changes(gateway: Gateway, entry: TrailEntry) -> str:
    """Return the sentence about the changes without which a call was refused; nothing if there were none."""
    if not entry.not_known_yet:
        return ""
    changes = "; ".join(
        f"{what} {max(0.0, (entry.at - at).total_seconds()):.1f} seconds before"
        for what, at, _ in entry.not_known_yet
    )
    known = max(known for _, _, known in entry.not_known_yet)
    return (
        "It was refused only because AWS takes some seconds to make changes known everywhere: "
        f"{changes}; {_left(gateway, known)}."
    )


def _known_from(gateway: Gateway, id: str, created: datetime) -> datetime:
    return created + timedelta(seconds=gateway.latency.propagation_seconds(id))


def _when(gateway: Gateway, created: datetime, at: datetime, known: datetime) -> str:
    age = max(0.0, (at - created).total_seconds())
    now = _left(gateway, known)
    return f"made {age:.1f} seconds before the call, as AWS takes some seconds to make it known everywhere; {now}."


def _left(gateway: Gateway, known: datetime) -> str:
    left = (known - gateway.clock.now()).total_seconds()
    return f"it is known in {_seconds(math.ceil(left))}" if left > 0 else "it is known by now"


def _seconds(number: int) -> str:
    return "1 second" if number == 1 else f"{number} seconds"
