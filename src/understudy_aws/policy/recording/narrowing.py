"""Which condition keys narrow a statement to what was observed, and how they are written; the table is here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from understudy_aws.core.arn import parse
from understudy_aws.data import service_catalogue
from understudy_aws.data.regions import GLOBAL_SERVICES
from understudy_aws.policy.language.context_keys import is_absent, is_ambiguous, is_list_key
from understudy_aws.policy.language.question import Question
from understudy_aws.policy.recording.resources import EVERY_RESOURCE, Named, escaped, literal, widen, widen_id


class NarrowingCondition(NamedTuple):
    """One line of a Condition block; it holds when the request's value is one of `values`."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def is_of_lists(self) -> bool:
        """Whether its values belong together: it holds for lists of them, and those of two conditions do not mix."""
        return self.operator.startswith("ForAllValues:")

    @property
    def is_exact(self) -> bool:
        """Whether it holds for its very values only: no list of fewer of them, no pattern, and not any value at all."""
        return not self.is_of_lists and not self.operator.endswith("Like") and self.operator != "Null"


class KeySubject(Enum):
    """What a condition key is about, which decides whether a statement is narrowed by it."""

    REQUEST = "what is asked for: it narrows wherever it was seen"
    PROPERTY = "what the resource is: it narrows where the id was still to be drawn, and an ARN says the rest"
    TAG = "what the resource was tagged with: it narrows where its id cannot be written down"
    REQUEST_CONTEXT = "who asks, when, from where and how, which is not what may be done: it never narrows"
    REPEATED = "what the ARN or another key says already: never narrows"


# By lower-cased key or, with a final star, by its beginning; the first that fits counts. Whatever is not named
# says what is asked for: a narrowing too many is seen at the next run, one too few by nobody.
TABLE: tuple[tuple[str, KeySubject], ...] = (
    ("aws:requesttag/*", KeySubject.REQUEST),
    ("aws:requestedregion", KeySubject.REPEATED),
    ("aws:resourcetag/*", KeySubject.TAG),
    ("aws:tagkeys", KeySubject.REQUEST),
    # The account is in the ARN, what a resource is tagged with under the key all services share.
    ("aws:resourceaccount", KeySubject.REPEATED),
    ("ec2:region", KeySubject.REPEATED),
    ("ec2:resourcetag/*", KeySubject.REPEATED),
    ("iam:resourcetag/*", KeySubject.REPEATED),
    # Each is the last part of the resource's own ARN.
    ("ec2:dhcpoptionsid", KeySubject.REPEATED),
    ("ec2:internetgatewayid", KeySubject.REPEATED),
    ("ec2:networkaclid", KeySubject.REPEATED),
    ("ec2:networkinterfaceid", KeySubject.REPEATED),
    ("ec2:routetableid", KeySubject.REPEATED),
    ("ec2:securitygroupid", KeySubject.REPEATED),
    ("ec2:subnetid", KeySubject.REPEATED),
    ("ec2:vpcid", KeySubject.REPEATED),
    ("ec2:availabilityzone", KeySubject.PROPERTY),
    ("ec2:availabilityzoneid", KeySubject.PROPERTY),
    ("ec2:subnet", KeySubject.PROPERTY),
    ("ec2:tenancy", KeySubject.PROPERTY),
    ("ec2:vpc", KeySubject.PROPERTY),
    # Callers draw a new one for every session.
    ("sts:rolesessionname", KeySubject.REQUEST_CONTEXT),
    # All other keys of AWS's own are about the caller and the way the request came: aws:SourceIp, aws:CurrentTime,
    # aws:UserAgent, aws:PrincipalArn, aws:userid, aws:CalledVia, aws:MultiFactorAuthPresent and their like.
    ("aws:*", KeySubject.REQUEST_CONTEXT),
)

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?\Z")
_REGION = "aws:RequestedRegion"
# Keys whose values are the free ends of others.
_LISTING = ("aws:tagkeys", "ec2:attribute")


def key_subject(key: str) -> KeySubject:
    """Return the subject of the lower-cased `key`, from TABLE."""
    for name, said in TABLE:
        if key == name or (name.endswith("*") and key.startswith(name[:-1])):
            return said
    return KeySubject.REQUEST


def narrowing(
    question: Question, resource: Named, *, pending: bool, portable: bool
) -> tuple[NarrowingCondition, ...]:
    """Return the conditions that keep a statement about this resource to what was observed of the question, by key."""
    known = _Known(question.action, question.resource)
    found: list[NarrowingCondition] = []
    for key, value in question.context.items():
        if is_absent(key, question.context) or not _narrows(key, resource, pending=pending):
            continue
        if is_ambiguous(key, question.context):
            # No condition on it would hold.
            continue
        spelled = known.spelling(key, question.context)
        if spelled is not None:
            found.extend(_conditions(spelled, value, portable=portable))
    region = question.context.get("aws:requestedregion")
    if (
        resource.pattern == EVERY_RESOURCE
        and isinstance(region, str)
        and region
        and _is_regional(question.action)
    ):
        found.append(NarrowingCondition("StringEquals", _REGION, (literal(region),)))
    return tuple(sorted(found))


def _narrows(key: str, resource: Named, *, pending: bool) -> bool:
    said = key_subject(key)
    if said is KeySubject.PROPERTY:
        return pending
    if said is KeySubject.TAG:
        # Tags that AWS sets itself name the stack or the like that made the resource: as drawn as its id.
        return (pending or resource.widened) and not key.startswith("aws:resourcetag/aws:")
    return said is KeySubject.REQUEST


def _is_regional(action: str) -> bool:
    return action.partition(":")[0].lower() not in GLOBAL_SERVICES


class _Known:
    """The condition keys that AWS has for an action on a resource, and how they are spelled."""

    def __init__(self, action: str, resource: str) -> None:
        found = service_catalogue.action(action)
        self._is_known = found is not None
        self._exact: dict[str, str] = {}
        self._beginnings: list[tuple[str, str]] = []
        if found is None:
            return
        names = set(found.condition_keys)
        types = {kind.name for kind in service_catalogue.resource_types_of(resource)}
        of_types = [each for each in found.resources if each.name in types]
        for each in of_types or found.resources:
            names.update(each.condition_keys)
        for name in names:
            beginning, free, _rest = name.partition("${")
            if free:
                self._beginnings.append((beginning.lower(), beginning))
            else:
                self._exact[name.lower()] = name

    def spelling(self, key: str, context: Mapping[str, str | list[str]]) -> str | None:
        """Return the key as AWS writes it.

        None for one that the action does not know. Of an unknown action all count.
        """
        if not self._is_known:
            vendor, colon, name = key.partition("/")[0].partition(":")
            return key if vendor and colon and name else None
        exact = self._exact.get(key)
        if exact is not None:
            return exact
        for lowered, beginning in self._beginnings:
            if key.startswith(lowered) and len(key) > len(lowered):
                return beginning + _as_written(key[len(lowered) :], context)
        return None


def _as_written(lowered: str, context: Mapping[str, str | list[str]]) -> str:
    """Return the free end of a key, such as a tag's key, as the request wrote it where it lists such."""
    for key in _LISTING:
        listed = context.get(key, ())
        for each in [listed] if isinstance(listed, str) else listed:
            if each.lower() == lowered:
                return each
    return lowered


def _conditions(key: str, value: str | list[str], *, portable: bool) -> Iterator[NarrowingCondition]:
    """Return what holds for this value alone. A list must be there, and all of it among what was seen."""
    as_list = not isinstance(value, str) or is_list_key(key.lower()) or service_catalogue.is_list_key(key)
    values = [value] if isinstance(value, str) else value
    operator, written = _operand(key, values, portable=portable)
    if not as_list:
        yield NarrowingCondition(operator, key, written)
        return
    # An absent list satisfies ForAllValues, which the second line forbids (policies.md 4.4).
    yield NarrowingCondition(f"ForAllValues:{operator}", key, written)
    yield NarrowingCondition("Null", key, ("false",))


def _operand(key: str, values: list[str], *, portable: bool) -> tuple[str, tuple[str, ...]]:
    """Return the operator for values of this key's type, and the values as it takes them."""
    kind = service_catalogue.condition_key_type(key) or "String"
    if kind.endswith("ARN") and all(parse(value) is not None for value in values):
        if portable:
            widened = [widen(value) for value in values]
            if any(each.widened for each in widened):
                return "ArnLike", _sorted(each.pattern for each in widened)
        return "ArnEquals", _sorted(map(escaped, values))
    if kind == "Bool" and all(value in ("true", "false") for value in values):
        return "Bool", _sorted(values)
    if kind == "Numeric" and all(map(_NUMBER.match, values)):
        return "NumericEquals", _sorted(values)
    if portable:
        ids = [widen_id(value) for value in values]
        if any(ids):
            return "StringLike", _sorted(
                found or escaped(value) for found, value in zip(ids, values, strict=True)
            )
    return "StringEquals", _sorted(map(literal, values))


def _sorted(values: Iterator[str] | map[str] | list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
