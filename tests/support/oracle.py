"""A third reading of the policy language: naive, slow, and taken from the reference alone (policies.md 4).

It reads documents as plain JSON and shares no code with `understudy_aws.policy`, so that a mistake has to be made twice
to go unseen. Where AWS documents nothing it takes the side of refusing: any wildcard of a Deny's resource may cross
colons, of an Allow's only those AWS says may. Nothing here is fast, nothing is remembered.
"""

from __future__ import annotations

import base64
import calendar
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALLOW, EXPLICIT, IMPLICIT = "allow", "explicit-deny", "implicit-deny"

# Reference policies.md 4.4: the type is a property of the key.
LISTS = {
    "aws:tagkeys", "aws:calledvia", "aws:principalorgpaths", "aws:resourceorgpaths", "aws:sourceorgpaths",
    "aws:vpceorgpaths", "aws:principalservicenameslist", "sts:transitivetagkeys",
}  # fmt: skip
# Organizations user guide, "List of AWS services that support RCPs"; those the tests ask about.
UNDER_RCPS = {"s3", "sts", "kms", "sqs", "secretsmanager", "xray"}


# Those of IAM's principals that can have a permissions boundary. IAM guide, permissions boundaries: a Deny with
# NotPrincipal always denies them, whatever it names.
BOUNDED = {"user", "role-session", "federated"}


@dataclass
class Documents:
    """The policies of every layer as JSON values; None is a layer that is not there."""

    identity: Sequence[Any] = ()
    boundary: Any = None
    session: Sequence[Any] | None = None
    scps: Sequence[Sequence[Any]] = ()
    rcps: Sequence[Sequence[Any]] = ()
    scopes: Sequence[Sequence[Any]] = ()
    resource: Any = None
    trust: bool = False


def answer(question: Any, documents: Documents) -> str:
    """`allow`, `explicit-deny` or `implicit-deny`: the evaluation order of policies.md 4.8, top to bottom."""
    who, action = question.principal, question.action
    context = {key.lower(): value for key, value in question.context.items()}
    service = action.split(":")[0].lower()

    def says(effect: str, policies: Iterable[Any], *, identity: bool = False) -> bool:
        return any(applies(each, effect, question, context, None, identity=identity) for each in policies)

    governed = (
        service in UNDER_RCPS
        and action.lower() != "kms:retiregrant"
        and not who.service_linked
        and not (service == "sts" and ":role/aws-service-role/" in question.resource)
    )
    rcps = [each for level in documents.rcps for each in level] if governed else []
    levels = [] if who.service_linked else documents.scps
    boundary = [] if documents.boundary is None else [documents.boundary]
    session = documents.session or []
    everything = [
        *rcps,
        *(each for level in levels for each in level),
        *session,
        *(each for level in documents.scopes for each in level),
    ]
    own = [] if documents.resource is None else [documents.resource]
    if (
        says("Deny", everything)
        or says("Deny", [*documents.identity, *boundary], identity=True)
        or any(
            applies(each, "Deny", question, context, who, bounded=documents.boundary is not None)
            for each in own
        )
    ):
        return EXPLICIT

    grants = {
        worth
        for each in own
        for worth in ("account", "role", "direct")
        if applies(each, "Allow", question, context, who, worth)
    }
    if outside(who):
        return ALLOW if grants else IMPLICIT
    # Decision 0050: each scope-down policy must allow, whatever else does.
    if not all(says("Allow", level) for level in (*levels, *documents.scopes)):
        return IMPLICIT
    foreign = question.resource_account not in (None, who.account)
    explicit = documents.trust or (service == "kms" and bool(own))
    if (foreign or explicit) and not grants:
        return IMPLICIT
    if not foreign and who.kind != "root" and "direct" in grants:
        return ALLOW
    if documents.boundary is not None and not says("Allow", boundary, identity=True):
        return IMPLICIT
    if documents.session is not None and not says("Allow", session):
        return IMPLICIT
    if who.kind == "federated" and documents.session is None:
        return IMPLICIT
    if who.kind == "root" or (not foreign and "role" in grants):
        return ALLOW
    return ALLOW if says("Allow", documents.identity, identity=True) else IMPLICIT


def outside(who: Any) -> bool:
    """A principal with no identity policies anywhere: services, nobody, and the users of identity providers."""
    return who.kind in ("service", "anonymous") or (
        who.kind == "federated" and ":federated-user/" not in who.arn
    )


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def applies(
    policy: Any,
    effect: str,
    question: Any,
    context: Mapping[str, Any],
    who: Any,
    worth: str | None = None,
    bounded: bool = False,
    identity: bool = False,
) -> bool:
    """Whether a statement of this effect applies; `who` is None where the policy is not the resource's own."""
    variables = policy.get("Version") == "2012-10-17"
    for statement in listed(policy["Statement"]):
        if statement["Effect"] != effect:
            continue
        if not about_action(statement, question.action):
            continue
        if not about_resource(statement, question.resource, context, variables, identity):
            continue
        always = effect == "Deny" and "NotPrincipal" in statement and bounded and who.kind in BOUNDED
        if who is not None and not always and not about_principal(statement, who, worth):
            continue
        conditions = statement.get("Condition", {})
        if all(
            holds(operator, key, listed(values), context, variables, effect == "Deny")
            for operator, keys in conditions.items()
            for key, values in keys.items()
        ):
            return True
    return False


# --- action, resource, principal: policies.md 4.3 ---


def about_action(statement: Mapping[str, Any], action: str) -> bool:
    inverted = "NotAction" in statement
    patterns = listed(statement["NotAction" if inverted else "Action"])
    # AWS refuses a wildcard in the prefix, but for `*:*`. Whoever has one all the same is granted nothing by it.
    wild_prefix = [each for each in patterns if each != "*:*" and re.match("[^:]*[*?][^:]*:", each)]
    if wild_prefix and inverted and statement["Effect"] == "Allow":
        return False
    patterns = [each for each in patterns if each not in wild_prefix]
    matched = any(matches(wild(lower(pattern)), lower(action)) for pattern in patterns)
    return matched is not inverted


def about_resource(
    statement: Mapping[str, Any], resource: str, context: Mapping[str, Any], variables: bool, identity: bool
) -> bool:
    inverted = "NotResource" in statement
    if not inverted and "Resource" not in statement:
        return True
    written = listed(statement["NotResource" if inverted else "Resource"])
    short = [each for each in written if lacking(each, variables)]
    if short and inverted and statement["Effect"] == "Allow":
        # Not documented: grant nothing.
        return False
    # Documented for identity policies; a Deny that should not be there denies rather too much.
    if identity or (statement["Effect"] == "Deny" and not inverted):
        whole = [each + ":*" * lacking(each, variables) for each in written]
        # A wildcard of a Deny may cross colons, so that the ARN can be whole as it is.
        written = [*whole, *written] if statement["Effect"] == "Deny" and not inverted else whole
    patterns = [expanded(pattern, context, variables, wildcards=True) for pattern in written]
    # Refusing is the side to err on: what a Deny lists, or an Allow excludes, may be the wider reading.
    wide = (statement["Effect"] == "Deny") is not inverted
    matched = any(
        pattern is not None and (matches(pattern, resource) if wide else by_part(pattern, resource))
        for pattern in patterns
    )
    if wide and variables and any(in_two_spellings(each, context) for each in variables_in(written)):
        matched = True
    return matched is not inverted


def lacking(text: str, variables: bool) -> int:
    """How many of an ARN's six parts are not there, unless it ends in the star that stands for them."""
    if text[:4] != "arn:" or text[-1] == "*":
        return 0
    while variables and "${" in text and "}" in text.partition("${")[2]:
        before, _, rest = text.partition("${")
        text = before + rest.partition("}")[2]
    return max(0, 6 - len(text.split(":")))


def by_part(pattern: Pattern, resource: str) -> bool:
    """The narrow reading: a wildcard within one of the first five parts keeps all of them to their parts.

    Stars that end their part may go on beyond the colon (IAM user guide, "IAM JSON policy elements: Resource").
    """
    parts = cut(pattern)
    early = [sign for part in parts[:-1] for sign in (part[:-1] if part[-1:] == [STAR] else part)]
    if STAR not in early and ONE not in early:
        return matches(pattern, resource)
    texts = resource.split(":", len(parts) - 1)
    return len(texts) == len(parts) and all(map(matches, parts, texts))


def about_principal(statement: Mapping[str, Any], who: Any, worth: str | None) -> bool:
    """Whether the statement reaches `who`; of a certain worth if one is asked for, of any otherwise."""
    inverted = "NotPrincipal" in statement
    named = statement["NotPrincipal" if inverted else "Principal"]
    pairs = (
        {("AWS", "*")} if named == "*" else {(kind, each) for kind in named for each in listed(named[kind])}
    )
    everyone = ("AWS", "*") in pairs
    names = names_of(who)
    hit = {level for level, pair in names if pair in pairs}
    if not inverted:
        # Whom an identity provider alone knows is nobody of AWS's; a Deny is for all.
        meant = everyone and not (outside(who) and who.kind == "federated" and statement["Effect"] == "Allow")
        hit |= {"direct"} if meant else set()
        return bool(hit) if worth is None else worth in hit
    if everyone:
        return False
    levels = {level for level, _pair in names}
    if statement["Effect"] == "Deny":
        return not levels or hit != levels
    # "Not supported", says the IAM guide of an Allow: it lets nobody in.
    return False


def names_of(who: Any) -> list[tuple[str, tuple[str, str]]]:
    if who.kind == "anonymous":
        return []
    if who.kind == "service":
        return [("direct", ("Service", who.service))]
    if outside(who):
        return [("direct", ("Federated", who.arn))]
    partition = who.arn.split(":")[1]
    names = [
        ("account", ("AWS", who.account)),
        ("account", ("AWS", f"arn:{partition}:iam::{who.account}:root")),
    ]
    identifier = who.user_id.split(":")[0]
    if who.kind != "root":
        names.append(("direct", ("AWS", who.arn)))
    if who.kind == "role-session":
        names.append(("role", ("AWS", who.role_arn)))
    if identifier and who.kind in ("user", "role-session"):
        names.append(("direct" if who.kind == "user" else "role", ("AWS", identifier)))
    return names


# --- patterns and variables: policies.md 4.3 and 4.5 ---

STAR, ONE = object(), object()
# One sign each: a star, a question mark, or one UTF-16 unit of text.
Pattern = list[Any]


def units(text: str) -> list[Any]:
    encoded = text.encode("utf-16-le", "surrogatepass")
    return [encoded[at : at + 2] for at in range(0, len(encoded), 2)]


def wild(text: str) -> Pattern:
    signs: Pattern = []
    for letter in text:
        signs.extend([STAR] if letter == "*" else [ONE] if letter == "?" else units(letter))
    return signs


def matches(pattern: Pattern, text: str) -> bool:
    """All the ways at once: which beginnings of the text can the pattern so far have matched."""
    letters = units(text)
    reached = {0}
    for sign in pattern:
        if sign is STAR:
            reached = set(range(min(reached), len(letters) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(letters) and sign in (ONE, letters[at])}
    return len(letters) in reached


def cut(pattern: Pattern) -> list[Pattern]:
    colon = ":".encode("utf-16-le")
    parts: list[Pattern] = [[]]
    for sign in pattern:
        if sign == colon and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(sign)
    return parts


def lower(text: str) -> str:
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


def expanded(text: str, context: Mapping[str, Any], variables: bool, *, wildcards: bool) -> Pattern | None:
    """The text as signs, its variables filled in literally; None when one of them has no value."""
    read = wild if wildcards else units
    signs: Pattern = []
    while variables and "${" in text:
        before, _, rest = text.partition("${")
        found = variable(rest)
        if found is None:
            return signs + read(text)
        name, default, rest = found
        signs += read(before)
        text = rest
        value = name if name in ("*", "?", "$") and default is None else value_of(name, default, context)
        if value is None:
            return None
        signs += units(value)
    return signs + read(text)


def variable(rest: str) -> tuple[str, str | None, str] | None:
    """What follows `${`: (name, default, what is behind the brace). A name of None never has a value."""
    plain = re.match(r"([^{}',]+)\}", rest)
    if plain:
        return plain[1], None, rest[plain.end() :]
    with_default = re.match(r"([^{}',]+),\s*'([^']*)'\s*\}", rest)
    if with_default:
        return with_default[1], with_default[2], rest[with_default.end() :]
    if "}" not in rest:
        return None
    return "", None, rest.partition("}")[2]


def value_of(name: str, default: str | None, context: Mapping[str, Any]) -> str | None:
    key = name.strip().lower()
    if not key or is_list(key):
        return None
    value = context.get(key)
    if isinstance(value, list) and value:
        return None
    return default if value is None or value == [] else value


def variables_in(texts: Iterable[str]) -> list[str]:
    """The keys of all variables in these texts."""
    names = []
    for text in texts:
        rest = text
        while "${" in rest:
            found = variable(rest.partition("${")[2])
            if found is None:
                break
            names.append(found[0] or "")
            rest = found[2]
    return names


def in_two_spellings(key: str, context: Mapping[str, Any]) -> bool:
    """Whether a tag is there in more than one spelling: a key for one tag that holds several values."""
    key = key.strip().lower()
    value = context.get(key)
    return re.match("[^/]*tag/", key) is not None and isinstance(value, list) and len(value) > 1


# --- conditions: policies.md 4.4 ---


def is_list(key: str) -> bool:
    """Every `<issuer>:amr` is a list; an issuer may have a path, and a tag may look like one."""
    return key in LISTS or re.fullmatch("[^:/]+(?:/.*)?:amr", key) is not None


OPERATORS = [
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
    "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
]  # fmt: skip
# Any case is known: (quantifier, operator, whether IfExists) by lower-case spelling.
SPELLINGS = {
    lower(f"{quantifier}:{name}{suffix}").removeprefix(":"): (quantifier, name, bool(suffix))
    for quantifier in ("", "ForAllValues", "ForAnyValue")
    for name in OPERATORS
    for suffix in ("", "IfExists")
}


def holds(
    operator: str, key: str, values: list[Any], context: Mapping[str, Any], variables: bool, denies: bool
) -> bool:
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if any(in_two_spellings(each, context) for each in (key, *(variables_in(texts) if variables else ()))):
        # "Either, but not both": what is met by neither grants nothing, and a Deny is applied.
        return denies
    quantifier, name, optional = SPELLINGS[lower(operator)]
    key = key.lower()
    given = context.get(key)
    absent = given is None or given == []
    if name == "Null":
        return ("true" if absent else "false") in {text.lower() for text in texts}
    negated = "Not" in name
    comparison = compared(name, texts, context, variables)
    broken = comparison.broken
    if absent and broken and (not denies or name.startswith("Arn")):
        # Not documented: what cannot be read grants nothing, and an ARN's Deny is applied.
        return denies
    if absent:
        if quantifier == "ForAllValues":
            return True
        return optional or (negated and quantifier != "ForAnyValue")
    single = isinstance(given, str)
    if not quantifier and (not single or is_list(key)):
        return False

    def judged(value: str) -> bool:
        said = comparison.of(value)
        if broken and said is not True:
            # It cannot grant; of an ARN, a Deny is applied.
            return denies and name.startswith("Arn")
        if said is None:
            return False
        return said is not negated

    each = [judged(value) for value in ([given] if single else given)]
    return any(each) if quantifier == "ForAnyValue" else all(each)


@dataclass
class Compared:
    """`of` a request's value: True, False, or None when it cannot be compared at all."""

    of: Callable[[str], bool | None]
    broken: bool


def compared(name: str, texts: list[str], context: Mapping[str, Any], variables: bool) -> Compared:
    kind = re.sub("Not|IfExists", "", name)
    if kind.startswith("String"):
        return strings(kind, texts, context, variables)
    if kind.startswith("Arn"):
        return arns(texts, context, variables)
    readers: dict[str, Callable[[str], Any]] = {
        "Numeric": number, "Date": moment, "Bool": truth, "Binary": raw, "IpAddress": network,
    }  # fmt: skip
    start = next(start for start in readers if kind.startswith(start))
    wanted: list[Any] = []
    for text in texts:
        value = readers[start](text)
        if value is None:
            return Compared(lambda given: against(kind, given, wanted), True)
        wanted.append(value)
    return Compared(lambda given: against(kind, given, wanted), False)


def against(kind: str, text: str, wanted: list[Any]) -> bool | None:
    if kind == "IpAddress":
        address = network(text)
        if address is None or "/" in text:
            return None
        first, _bits, size = mapped(address)
        return any(
            size == of_size and (length == 0 or first >> (size - length) == base >> (size - length))
            for base, length, of_size in wanted
            if of_size == 32 or base & ((1 << (of_size - length)) - 1) == 0
        )
    if kind == "Bool":
        return (text.lower() == "true") in wanted
    if kind == "BinaryEquals":
        return raw(text) in wanted
    given = number(text) if kind.startswith("Numeric") else moment(text)
    if given is None:
        return False
    order = kind.removeprefix("Numeric").removeprefix("Date")
    ways: dict[str, Callable[[Any], bool]] = {
        "Equals": lambda bound: given == bound,
        "LessThan": lambda bound: given < bound,
        "LessThanEquals": lambda bound: given <= bound,
        "GreaterThan": lambda bound: given > bound,
        "GreaterThanEquals": lambda bound: given >= bound,
    }
    return any(ways[order](bound) for bound in wanted)


def strings(kind: str, texts: list[str], context: Mapping[str, Any], variables: bool) -> Compared:
    patterns = [expanded(text, context, variables, wildcards=kind == "StringLike") for text in texts]

    def of(given: str) -> bool:
        for pattern in patterns:
            if pattern is None:
                continue
            if kind == "StringLike":
                same = matches(pattern, given)
            else:
                text = b"".join(pattern).decode("utf-16-le", "surrogatepass")
                given_text = b"".join(units(given)).decode("utf-16-le", "surrogatepass")
                same = text == given_text if kind == "StringEquals" else text.lower() == given_text.lower()
            if same:
                return True
        return False

    return Compared(of, False)


def arns(texts: list[str], context: Mapping[str, Any], variables: bool) -> Compared:
    patterns: list[list[Pattern] | None] = []
    broken = False
    for text in texts:
        if not may_be_arn(text, variables):
            broken = True
            break
        pattern = expanded(text, context, variables, wildcards=True)
        patterns.append([[STAR]] * 6 if pattern == [STAR] else None if pattern is None else cut(pattern))

    def of(given: str) -> bool | None:
        parts = given.split(":", 5)
        if len(parts) < 6 or parts[0] != "arn" or not (parts[1] and parts[2] and parts[5]):
            return None
        return any(
            pattern is not None and len(pattern) == 6 and all(map(matches, pattern, parts))
            for pattern in patterns
        )

    return Compared(of, broken)


def may_be_arn(text: str, variables: bool) -> bool:
    """A pattern of six parts, `*`, or one that its variables may make an ARN, going by how it begins."""
    if not (variables and has_variable(text)):
        pattern = expanded(text, {}, variables, wildcards=True)
        return pattern is not None and (pattern == [STAR] or len(cut(pattern)) == 6)
    head = re.split(r"[*?]|\$\{", text)[0]
    return head.startswith("arn:") or "arn:".startswith(head)


def has_variable(text: str) -> bool:
    """Whether the request has a say in it: an escape is none."""
    while "${" in text:
        found = variable(text.partition("${")[2])
        if found is None:
            return False
        name, default, text = found
        if name not in ("*", "?", "$") or default is not None:
            return True
    return False


def number(text: str) -> tuple[int, int, str] | None:
    """Reference policies.md 4.4: decimal text, signs, leading zeros and exponents; no names. Compares as the number.

    The tuple is (sign, places before the point, digits), turned around for negative numbers.
    """
    found = re.fullmatch(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?", text)
    if found is None or not (found[2] or found[3]):
        return None
    whole, decimals = found[2], found[3] or ""
    digits = (whole + decimals).lstrip("0")
    if not digits:
        return 0, 0, ""
    places = len(digits) - len(decimals) + int(found[4] or 0)
    digits = digits.rstrip("0")
    if found[1] != "-":
        return 1, places, digits
    # Behind all its digits a number that goes on is the smaller one here.
    return -1, -places, "".join(chr(ord("9") - int(digit)) for digit in digits) + "~"


def moment(text: str) -> int | None:
    """Milliseconds since 1970, of W3C's profile of ISO 8601 or of epoch seconds."""
    found = re.fullmatch(
        r"([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?(T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
        text,
    )
    if len(text) > 64:
        return None
    if found is None or (found[4] and not found[3]):
        seconds = re.fullmatch(r"(-?)0*([0-9]{1,14})(?:\.([0-9]{1,9}))?", text)
        if seconds is None:
            return None
        value = int(seconds[2]) * 1000 + int(((seconds[3] or "") + "000")[:3])
        return -value if seconds[1] else value
    year, month, day = int(found[1]), int((found[2] or "-01")[1:]), int((found[3] or "-01")[1:])
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    clock = re.fullmatch(r"T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(.*)", found[4] or "T00:00")
    assert clock is not None
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    zone = re.fullmatch(r"([+-])(\d\d):?(\d\d)", clock[5])
    if hour > 23 or minute > 59 or second > 59 or (zone and (int(zone[2]) > 14 or int(zone[3]) > 59)):
        return None
    east = (int(zone[2]) * 60 + int(zone[3])) * (1 if zone[1] == "+" else -1) if zone else 0
    days = calendar.timegm((year, month, day, 0, 0, 0))
    return (days + hour * 3600 + (minute - east) * 60 + second) * 1000 + int(((clock[4] or "") + "000")[:3])


def truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def raw(text: str) -> bytes | None:
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text):
        return None
    return base64.b64decode(text)


def network(text: str) -> tuple[int, int, int] | None:
    """(first address, length of prefix, size in bits), host bits kept."""
    base, slash, length = text.partition("/")
    parsed = ipv4(base)
    size = 32
    if parsed is None:
        parsed, size = ipv6(base), 128
    if parsed is None or (slash and not re.fullmatch("[0-9]{1,3}", length)):
        return None
    bits = int(length) if slash else size
    return (parsed, bits, size) if bits <= size else None


def mapped(address: tuple[int, int, int]) -> tuple[int, int, int]:
    number_, _bits, size = address
    return (number_ & 0xFFFFFFFF, 32, 32) if size == 128 and number_ >> 32 == 0xFFFF else address


def ipv4(text: str) -> int | None:
    parts = text.split(".")
    if len(parts) != 4 or not all(re.fullmatch("0|[1-9][0-9]{0,2}", part) for part in parts):
        return None
    numbers = [int(part) for part in parts]
    if max(numbers) > 255:
        return None
    return sum(part << shift for part, shift in zip(numbers, (24, 16, 8, 0), strict=True))


def ipv6(text: str) -> int | None:
    """RFC 4291 text: eight groups, one run of zeros as `::`, perhaps an IPv4 address at the end."""
    head, colon, tail = text.rpartition(":")
    if colon and "." in tail:
        four = ipv4(tail)
        if four is None:
            return None
        text = f"{head}:{four >> 16:x}:{four & 0xFFFF:x}"
    halves = text.split("::")
    if len(halves) > 2 or not text:
        return None
    groups = [half.split(":") if half else [] for half in halves]
    if not all(re.fullmatch("[0-9A-Fa-f]{1,4}", group) for half in groups for group in half):
        return None
    missing = 8 - sum(map(len, groups))
    if (len(halves) == 1 and missing != 0) or (len(halves) == 2 and missing < 1):
        return None
    filled = (
        groups[0] + ["0"] * (missing if len(halves) == 2 else 0) + (groups[1] if len(halves) == 2 else [])
    )
    return sum(int(group, 16) << (16 * (7 - at)) for at, group in enumerate(filled))
