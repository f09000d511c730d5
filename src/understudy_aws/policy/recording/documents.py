"""Statements as policy documents: Sids that say what each is for, and no document longer than AWS stores."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from understudy_aws.data import service_catalogue
from understudy_aws.policy.recording.grouping import Permission
from understudy_aws.policy.recording.resources import EVERY_RESOURCE

# Of a managed policy, white space not counted (iam.md 2.2).
MOST_CHARACTERS = 6144

Document = dict[str, object]
# Documents, and by their Sids the permissions that each holds.
Written = list[tuple[Document, list[tuple[str, Permission]]]]

_VERBS = {
    "List": "Read",
    "Read": "Read",
    "Write": "Change",
    "Tagging": "Tag",
    "Permissions management": "Permit",
}
_ORDER = ("Read", "Change", "Tag", "Permit", "Use")
_NOT_IN_SIDS = re.compile(r"[^0-9A-Za-z]+")
# Longer Sids are read by nobody, and each of their characters counts.
_MOST_TYPES = 3


def documents(permissions: Iterable[Permission]) -> Written:
    """Return the permissions as policies of at most so many characters each, and what each holds by its Sids.

    A statement too long for a policy of its own is cut into several; only one that cannot be cut any more, its one
    resource or condition being that long, stays longer.
    """
    empty = size(_document([]))
    found: list[list[tuple[str, Permission]]] = [[]]
    room = MOST_CHARACTERS - empty
    sids = _Sids()
    for permission in (piece for each in permissions for piece in _cut(each, MOST_CHARACTERS - empty)):
        sid = sids.of(permission)
        needed = size(statement(permission, sid)) + 1
        if found[-1] and needed > room:
            found.append([])
            room = MOST_CHARACTERS - empty
        found[-1].append((sid, permission))
        room -= needed
    return [
        (_document([statement(permission, sid) for sid, permission in each]), each) for each in found if each
    ]


def statement(permission: Permission, sid: str = "") -> Document:
    """Return one permission as a statement; lists of one are written as what they hold."""
    written: Document = {"Sid": sid} if sid else {}
    written |= {
        "Effect": "Allow",
        "Action": _one_or_all(permission.actions),
        "Resource": _one_or_all(permission.resources),
    }
    if permission.conditions:
        block: dict[str, dict[str, object]] = {}
        for condition in permission.conditions:
            block.setdefault(condition.operator, {})[condition.key] = _one_or_all(condition.values)
        written["Condition"] = block
    return written


def text_of(document: Mapping[str, object]) -> str:
    """Return a document as AWS takes it. Letters beyond ASCII are escaped: IAM takes no others."""
    return json.dumps(document, separators=(",", ":"))


def size(document: Mapping[str, object]) -> int:
    """Return the characters of a document that count towards the limit."""
    return sum(1 for letter in text_of(document) if not letter.isspace())


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _one_or_all(values: tuple[str, ...]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _cut(permission: Permission, most: int) -> Iterator[Permission]:
    """Return the permission, or as many pieces of it as it takes for none to be longer than `most`."""
    # The longest Sid it may get, and the comma that follows, are part of the statement.
    length = size(statement(permission, f"{_sid(permission)}{_types(permission.resources)}0000")) + 1
    count = -(-length // most)
    if count == 1:
        yield permission
    elif len(permission.resources) > 1:
        for resources in _pieces(permission.resources, count):
            yield from _cut(replace(permission, resources=resources), most)
    elif len(permission.actions) > 1:
        for actions in _pieces(permission.actions, count):
            yield from _cut(replace(permission, actions=actions), most)
    else:
        yield from _cut_at_values(permission, count, most)


def _cut_at_values(permission: Permission, count: int, most: int) -> Iterator[Permission]:
    """Return the same by the values of the condition that has most; lists that belong together stay together."""
    places = [
        place
        for place, condition in enumerate(permission.conditions)
        if len(condition.values) > 1 and not condition.is_of_lists
    ]
    if not places:
        yield permission
        return
    place = max(places, key=lambda each: len(permission.conditions[each].values))
    for values in _pieces(permission.conditions[place].values, count):
        conditions = list(permission.conditions)
        conditions[place] = conditions[place]._replace(values=values)
        yield from _cut(replace(permission, conditions=tuple(conditions)), most)


def _pieces(values: tuple[str, ...], count: int) -> Iterator[tuple[str, ...]]:
    """Return the values in so many pieces, one as long as the other, none empty."""
    count = min(count, len(values))
    for number in range(count):
        yield values[len(values) * number // count : len(values) * (number + 1) // count]


class _Sids:
    """Sids that no statement has yet."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def of(self, permission: Permission) -> str:
        """Return what the statement is for; if need be with the types of its resources, and then with a number."""
        sid = _sid(permission)
        if self._times[sid] and len(permission.actions) == 1:
            sid += _types(permission.resources)
        found = sid
        while self._times[found]:
            self._times[sid] += 1
            found = f"{sid}{self._times[sid]}"
        self._times[found] += 1
        return found


def _sid(permission: Permission) -> str:
    """`CreateSubnet` for one action; `ReadEc2`, `ChangeEc2VpcSubnet` for several: what is done, and to what."""
    if len(permission.actions) == 1:
        return _word(permission.actions[0].partition(":")[2])
    verbs = {_verb(action) for action in permission.actions}
    done = "".join(verb for verb in _ORDER if verb in verbs)
    return done + _word(permission.service) + _types(permission.resources)


def _verb(action: str) -> str:
    found = service_catalogue.action(action)
    return _VERBS.get(found.access_level, "Use") if found is not None else "Use"


def _types(resources: tuple[str, ...]) -> str:
    """Return the types of the resources, unless they are many or the statement is about any."""
    if EVERY_RESOURCE in resources:
        return ""
    types = {re.split("[/:]", resource.split(":", 5)[5], maxsplit=1)[0] for resource in resources}
    return "".join(sorted(map(_word, types))) if len(types) <= _MOST_TYPES else "Resources"


def _word(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in _NOT_IN_SIDS.split(text))
