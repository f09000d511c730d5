"""Writes calls of the trail for people: as rows of a table, or as lines that fit a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.cli.wrapping import wrapped
from understudy_aws.core.printable import printable

HEADS = ("NO", "TIME", "REQUEST ID", "CALLER", "CALL", "REGION", "DECIDED BY", "OUTCOME")
# As much of a request id as tells it from others; `understudy explain` takes it.
_BEGINNING = 8
# Of what Understudy did by itself: no policy decided, and the message says what it was.
_OWN_SERVICE = "understudy"


def numbered_from_one(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry with its statements counted from one, as people count and as tables show them."""
    call = entry["call"]
    evaluations = [
        {**each, "statement": each["statement"] + 1} if each.get("statement", -1) >= 0 else each
        for each in call.get("evaluations", ())
    ]
    return {**entry, "call": {**call, "evaluations": evaluations}} if evaluations else entry


def as_table(entries: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return the heads and the rows of a table of calls."""
    return HEADS, [_row(entry) for entry in entries]


def as_lines(entry: Mapping[str, Any], columns: int) -> list[str]:
    """Return a call as lines of at most so many columns: what was called, and under it how that ended."""
    number, at, id, caller, call, region, decided, outcome = map(printable, _row(entry))
    first = f"{number:>4}  {at}  {id[:_BEGINNING]}  {call.strip()}"
    ended = f"      {outcome}  {caller}{f' in {region}' if region else ''}"
    last = f"      {decided}" if decided != "-" else ""
    return [first, *wrapped(ended, columns), *(wrapped(last, columns) if last else ())]


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    call = entry["call"]
    made_for = "  " if call.get("parent") else ""
    return (
        str(entry["number"]),
        _time(call["at"]),
        call["request_id"],
        _short(call["caller"]["arn"]) or call["caller"]["kind"],
        f"{made_for}{call['service']}:{call['operation']}",
        call.get("region", ""),
        call.get("message", "")
        if call["service"] == _OWN_SERVICE
        else _decided_by(call.get("evaluations", ()), refused=entry["refused"]),
        outcome_of(entry),
    )


def outcome_of(entry: Mapping[str, Any]) -> str:
    """Return how a call ended; one that policies refuse and that was carried out all the same is marked."""
    call = entry["call"]
    outcome: str = call.get("outcome", "ok")
    return f"{outcome}, though refused (IAM {call['mode']})" if entry["waived"] else outcome


def _time(at: str) -> str:
    """Return a time to the second, such as `2026-01-02 03:04:05Z`."""
    return f"{at[:10]} {at[11:19]}Z"


def _short(caller: str) -> str:
    """Return an ARN from its account on; every line would repeat what comes before."""
    parts = caller.split(":", 5)
    return f"{parts[4]}:{parts[5]}" if len(parts) == 6 else caller


def _decided_by(evaluations: Sequence[Mapping[str, Any]], *, refused: bool) -> str:
    """Return the policy that decided: the last refusal of a refused call, else the last question."""
    if not evaluations:
        return "-"
    last = evaluations[-1]
    if refused:
        last = next((each for each in reversed(evaluations) if each["effect"] != "allow"), last)
    if last["effect"] == "implicit-deny":
        return f"nothing allows {last['action']}"
    policy = last.get("policy", "").rpartition("/")[2] or last.get("layer", "")
    verb = "denied by " if last["effect"] == "explicit-deny" else ""
    statement = last.get("sid") or (
        f"statement {last['statement']}" if last.get("statement", -1) >= 0 else ""
    )
    return f"{verb}{policy} {statement}".rstrip()
