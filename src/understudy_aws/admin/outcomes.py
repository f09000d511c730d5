"""Tells in one sentence how a request ended: what refused it, and whether any policy was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.gateway.trail import OWN_SERVICE, TrailEntry

# Why nobody was known to ask, by the kind of signature that was refused (authn.errors).
_SIGNATURES = {
    "missing": "it came without a signature",
    "incomplete": "its signature is not complete",
    "scope": "its signature was made for another service or Region, or leaves out what it must cover",
    "unknown-key": "its access key is not known here, is inactive, or its user or session is gone",
    "mismatch": "its signature does not hold: the secret key is another, or the request was changed on its way",
    "skew": "its signature was made too long ago, or in the future",
    "token": "the session token that came with its access key is missing, wrong or uncalled for",
    "expired": "its session is over",
}


def summary(entry: TrailEntry, refusals: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence for a call. `refusals` are its refused questions, those of calls made for it included."""
    if entry.service == OWN_SERVICE:
        return entry.message
    call = f"{entry.service}:{entry.operation}"
    if refusals:
        return _over(call, entry, refusals[-1])
    if entry.outcome == "ok":
        asked = bool(entry.evaluations)
        return (
            f"{call} was allowed and carried out."
            if asked
            else f"{call} was carried out, and no policy was asked: {_unasked(entry)}."
        )
    if entry.evaluations and entry.outcome == "NotImplemented":
        return f"Policies allow {call}; Understudy does not serve it, or not with these parameters."
    if entry.evaluations:
        why = f"because {entry.reason}" if entry.reason else _ANSWERED
        return f"No policy stood in the way of {call}; it was refused {why}."
    return f"No policy was asked about {call}: {_before(entry)}."


_ANSWERED = "for what its answer says"


def _unasked(entry: TrailEntry) -> str:
    return "IAM is off" if entry.mode == "off" else "it takes no permission"


def _before(entry: TrailEntry) -> str:
    """Return why a call was refused before any policy was asked."""
    code = entry.outcome
    if entry.signature:
        return f"who calls was not known, for {_SIGNATURES[entry.signature]}"
    if code == "NotImplemented":
        return "it is not served here"
    if code == "InternalFailure":
        return "Understudy failed on it, and its log says where"
    if entry.mode == "off":
        return f"IAM is off; it was refused with {code} {f'because {entry.reason}' if entry.reason else _ANSWERED}"
    return (
        f"it was refused with {code} before that, {f'because {entry.reason}' if entry.reason else _ANSWERED}"
    )


def _over(call: str, entry: TrailEntry, last: Mapping[str, Any]) -> str:
    why = "a statement denies it" if last["effect"] == "explicit-deny" else "no statement allows it"
    if entry.outcome == "NotImplemented":
        return f"{call} is not served here, and over {last['action']} on {last['resource']} it is refused: {why}."
    if entry.outcome == "ok" and entry.mode != "strict":
        return (
            f"{call} was carried out because IAM is {entry.mode}; over {last['action']} it is refused: {why}."
        )
    if entry.outcome == "ok":
        return (
            f"{call} was carried out without {last['action']} on {last['resource']}, which is refused: {why}."
        )
    return f"{call} was refused over {last['action']} on {last['resource']}: {why}."
