"""Finds the call that a person means: by its id, the beginning of it, its number, or the text of its error.

AWS's clients print errors in their own ways: the AWS CLI without a request id, the Java SDK and Terraform with one.
All of them repeat the service's sentence, which names the caller, the action and the resource (policies.md 4.9).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from understudy_aws.admin.errors import NotFoundError
from understudy_aws.admin.refused_calls import is_refused
from understudy_aws.gateway.message_signing import MessageSigner
from understudy_aws.gateway.trail import TrailEntry, decode
from understudy_aws.store.database import Database
from understudy_aws.store.protocol import LogEntry

_PAGE = 1000
_ID = re.compile(r"(?<![0-9a-fA-F-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F-])")
_BEGINNING = re.compile(r"[0-9a-f-]{4,35}\Z")
_NUMBER = re.compile(r"#?([0-9]{1,7})\Z")
_SIGNED = re.compile(r"[A-Za-z0-9_-]{60,}")
_LINE_BREAK = re.compile(r"\s*\n\s*")
_CODE = re.compile(r"error occurred \((\w+)\)|api error (\w+):|Error Code: (\w+)")
_OPERATION = re.compile(r"calling the (\w+) operation|operation error [^:]+: (\w+)")
# IAM names most resources in words, such as `role Deploy` (policies.md 4.9).
_SENTENCE = re.compile(
    r"User: (\S+) is not authorized to perform: ([\w-]+:\w+)"
    r"(?: on resource: ((?:(?:role|user|group|instance profile|policy(?: path)?) )?\S+))?"
)


class Found(msgspec.Struct, frozen=True):
    """A call of the trail, and how many calls were meant as well as it; it is the latest of them."""

    row: LogEntry
    matching: int = 1


class _Facts(msgspec.Struct, frozen=True):
    """What the text of an error says of the call."""

    code: str = ""
    operation: str = ""
    caller: str = ""
    action: str = ""
    resource: str = ""


def find_call(database: Database, signer: MessageSigner, text: str) -> Found:
    """Return the call a text means; an empty text means the latest refusal. Raises NotFoundError."""
    text = text.strip()
    if not text:
        return _latest_refusal(database)
    named = _by_id(database, signer, text) or _by_number_or_beginning(database, text)
    if named is not None:
        return named
    ids = _ID.findall(text)
    if ids or " " not in text:
        raise NotFoundError(
            f"The trail holds no request {ids[0] if ids else text}. It may be older than the trail, or for a service "
            "that is not served here."
        )
    # A terminal breaks long lines between words or within them.
    readings = dict.fromkeys((_LINE_BREAK.sub(" ", text), _LINE_BREAK.sub("", text)))
    facts = [each for each in map(_facts, readings) if each != _Facts()]
    if not facts:
        raise NotFoundError(
            "That text holds neither a request id nor an error in AWS's words. Paste the line that begins with "
            '"An error occurred", in quotes.'
        )
    for each in facts:
        found = _matching(database, each)
        if found is not None:
            return found
    raise NotFoundError(f"The trail holds no call with {_said(facts[0])}.")


def _by_id(database: Database, signer: MessageSigner, text: str) -> Found | None:
    """Find a whole request id, or EC2's encoded message, alone or anywhere in a text."""
    joined = _LINE_BREAK.sub("", text)
    candidates = [text, *(each.lower() for each in _ID.findall(text))]
    for message in dict.fromkeys((*_SIGNED.findall(text), *_SIGNED.findall(joined))):
        signed = signer.verify(message)
        if signed is not None:
            candidates.append(signed)
    for id in candidates:
        for row in database.log(id=id, limit=1):
            return Found(row)
    return None


def _by_number_or_beginning(database: Database, text: str) -> Found | None:
    """Find a call by its number in the trail, or by the beginning of its request id."""
    number = _NUMBER.match(text)
    if number:
        wanted = int(number[1])
        for row in database.log(after=wanted - 1, before=wanted + 1, limit=1):
            return Found(row)
    beginning = text.lower()
    if not _BEGINNING.match(beginning):
        return None
    return _latest(row for row in _newest(database) if row.id.startswith(beginning))


def _latest_refusal(database: Database) -> Found:
    """Return the latest call that was refused for who called, or because something uses what it was to delete."""
    for row in _newest(database):
        entry = decode(row.body)
        if entry.uses or is_refused(entry):
            return Found(row)
    raise NotFoundError(
        "No call was refused for who called or for what was in use, as far back as the trail goes. "
        "Any other call is explained by its id, which `understudy trail` lists."
    )


def _facts(text: str) -> _Facts:
    code, operation, sentence = _CODE.search(text), _OPERATION.search(text), _SENTENCE.search(text)
    caller, action, resource = sentence.groups("") if sentence else ("", "", "")
    return _Facts(
        next(filter(None, code.groups()), "") if code else "",
        next(filter(None, operation.groups()), "") if operation else "",
        caller,
        action,
        resource.rstrip(".,"),
    )


def _matching(database: Database, facts: _Facts) -> Found | None:
    tests: list[Callable[[TrailEntry], bool]] = []
    if facts.operation:
        tests.append(lambda entry: entry.operation == facts.operation)
    if facts.code:
        # What was waived has no code of its own.
        tests.append(lambda entry: entry.outcome == facts.code)
    if facts.caller:
        tests.append(lambda entry: entry.caller.arn == facts.caller)
    if facts.action:
        tests.append(lambda entry: _asks(entry, facts))
    return _latest(row for row in _newest(database) if _meets(row, tests))


def _meets(row: LogEntry, tests: list[Callable[[TrailEntry], bool]]) -> bool:
    entry = decode(row.body)
    return all(test(entry) for test in tests)


def _asks(entry: TrailEntry, facts: _Facts) -> bool:
    """Whether a refused question of the call, or its message, is about the action and the resource."""
    for each in entry.evaluations:
        if each.action.lower() == facts.action.lower() and facts.resource in ("", each.resource):
            return True
    return facts.action in entry.message and facts.resource in entry.message


def _latest(rows: Iterator[LogEntry]) -> Found | None:
    first = next(rows, None)
    return None if first is None else Found(first, 1 + sum(1 for _ in rows))


def _newest(database: Database) -> Iterator[LogEntry]:
    before = None
    while True:
        rows = list(database.log(before=before, limit=_PAGE))
        yield from rows
        if len(rows) < _PAGE:
            return
        before = rows[-1].sequence


def _said(facts: _Facts) -> str:
    """Return what was looked for, in words."""
    parts = (
        ("the error", facts.code),
        ("the operation", facts.operation),
        ("the action", facts.action),
        ("the resource", facts.resource),
        ("the caller", facts.caller),
    )
    return ", ".join(f"{name} {value}" for name, value in parts if value)
