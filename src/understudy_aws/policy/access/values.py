"""The values of a condition key that conditions tell apart: one of each kind, taken from the conditions themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

import msgspec

from understudy_aws.core.clock import iso_seconds
from understudy_aws.policy.access.agreement import implied
from understudy_aws.policy.access.automata import (
    Pattern,
    any_arn,
    distinguishing_texts,
    in_any_case,
    of_arn,
    whole,
)
from understudy_aws.policy.access.domains import CLOCK, Domain
from understudy_aws.policy.access.fillings import fillings
from understudy_aws.policy.engine.conditions.address import address, network
from understudy_aws.policy.engine.conditions.condition import CompiledCondition, spelling
from understudy_aws.policy.engine.conditions.date import milliseconds
from understudy_aws.policy.engine.conditions.numeric import number
from understudy_aws.policy.language.context_keys import is_list_key
from understudy_aws.policy.language.patterns import Tokens, matcher, wildcard_tokens
from understudy_aws.policy.language.variables import Template, resolve, template, variable_keys

Value = str | list[str] | None
# Different sets of values of a list key that are told apart before an answer is given up.
_MOST_LISTS = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = 253_402_300_799
# A text that is no number, no date and no address.
_NEITHER = "x"
_FAMILIES = {
    "string": "text",
    "arn": "text",
    "numeric": "number",
    "date": "date",
    "ipaddress": "address",
    "notipaddress": "address",
    "bool": "bool",
    "binary": "text",
}


class Values(msgspec.Struct, frozen=True):
    """Values to try, the most ordinary first. `complete` says that conditions tell no others apart from them."""

    tried: tuple[Value, ...]
    complete: bool


def values_to_try(
    key: str, conditions: Sequence[CompiledCondition], domain: Domain, fixed: Mapping[str, str | list[str]]
) -> Values:
    """Return the values of a key, one of each kind that the conditions tell apart.

    `fixed` are the keys whose values are known, which variables may ask for.
    """
    texts, complete = _texts(key, conditions, domain, fixed)
    if is_list_key(key) or domain.values is None:
        complete = complete and not any(_asks_for_unknown(each, key, fixed) for each in conditions)
    values: list[Value] = [None] if domain.optional else []
    if is_list_key(key):
        lists, all_found = _lists(key, texts, conditions, fixed)
        return Values((*values, *lists), complete and all_found)
    return Values((*values, *texts), complete)


def keys_of(key: str, value: Value) -> dict[str, str | list[str]]:
    """Return the part of a context that gives `key` a value, with what goes with it: the clock's say one moment."""
    if value is None:
        return {}
    if key in CLOCK and isinstance(value, str):
        seconds = int(value)
        return {
            "aws:currenttime": iso_seconds(_EPOCH + timedelta(seconds=seconds)),
            "aws:epochtime": str(seconds),
        }
    return {key: value, **implied(key)}


def _asks_for_unknown(condition: CompiledCondition, key: str, fixed: Mapping[str, str | list[str]]) -> bool:
    """Return whether a condition asks for other keys that are not known. Variables of list keys never have a value."""
    own, *variables = condition.keys
    asked = {own, *(each for each in variables if not is_list_key(each))}
    return bool(asked - {key} - fixed.keys())


def second_of(text: str) -> str | None:
    """Return the second since 1970 that one of the clock's keys says by a text, None for what neither says."""
    moment = milliseconds(text)
    seconds = [] if moment is None else [str(moment // 1000)]
    if len(text) <= len(str(_LAST_MOMENT)):
        # Four digits alone would be a year.
        seconds.append(text)
    for each in seconds:
        told = each.isascii() and each.isdigit() and int(each) <= _LAST_MOMENT
        if told and text in keys_of(CLOCK[0], each).values():
            return each
    return None


def _texts(
    key: str, conditions: Sequence[CompiledCondition], domain: Domain, fixed: Mapping[str, str | list[str]]
) -> tuple[list[str], bool]:
    if domain.values is not None:
        return list(domain.values), True
    families = {family for each in conditions if (family := _family(each)) is not None}
    if key in CLOCK:
        return _moments(conditions), families <= {"date", "number"}
    if domain.kind == "address":
        return _addresses(conditions), families <= {"address"}
    if domain.kind in {"number", "date"}:
        families.add(domain.kind)
    within = wildcard_tokens(domain.like)
    if not families or families == {"text"}:
        texts, complete = _distinguished(key, conditions, domain, within, fixed)
    else:
        texts, complete = _of_families(families, conditions)
        complete = complete and domain.like == "*"
        if "text" in families:
            texts += _distinguished(key, conditions, domain, within, fixed)[0]
        if domain.kind == "text" and families != {"bool"}:
            texts.append(_NEITHER)
    accepts = matcher(within)
    kept = dict.fromkeys(text for text in texts if text not in domain.excluding and accepts(text))
    return list(kept), complete


def _of_families(families: set[str], conditions: Sequence[CompiledCondition]) -> tuple[list[str], bool]:
    """Return values of each kind that is compared. With several kinds at once they need not be all."""
    texts: list[str] = []
    if "number" in families:
        texts += _numbers(conditions)
    if "date" in families:
        texts += _dates(conditions)
    if "address" in families:
        texts += _addresses(conditions)
    if "bool" in families:
        texts += ["true", "false"]
    awkward = "number" in families and any(_is_awkward(number(text)) for text in _bounds(conditions))
    return texts, len(families) == 1 and not awkward


def _family(condition: CompiledCondition) -> str | None:
    """Return what an operator compares; None for one that looks at presence alone."""
    spelled = spelling(condition.operator)
    if spelled is None or spelled.operator is None:
        return None
    name = spelled.operator.name.lower()
    return next(family for start, family in _FAMILIES.items() if name.startswith(start))


def _distinguished(
    key: str,
    conditions: Sequence[CompiledCondition],
    domain: Domain,
    within: Tokens,
    fixed: Mapping[str, str | list[str]],
) -> tuple[list[str], bool]:
    patterns: list[Pattern] = [whole([text]) for text in domain.excluding if text]
    complete = True
    for condition in conditions:
        spelled = spelling(condition.operator)
        if spelled is None or spelled.operator is None:
            continue
        for value in condition.values:
            for tokens in _readings(value, spelled.operator.name):
                if key not in variable_keys(tokens):
                    made = _of_value(spelled.operator.name, tokens, fixed)
                elif is_list_key(key):
                    continue
                else:
                    made = _of_variable(key, condition, spelled.operator.name, tokens, fixed)
                patterns.extend(made[0])
                complete = complete and made[1]
    found_texts, all_found = distinguishing_texts(
        patterns, within=whole(within) if domain.like != "*" else None
    )
    return found_texts, complete and all_found


def _readings(value: str, operator: str) -> Iterable[Template]:
    """Yield what a value says: with variables, and as plain text as in an older policy.

    Which it is makes no difference here: a pattern too many only tells apart what nobody asked to be told apart.
    """
    wildcards = operator.startswith("Arn") or "Like" in operator
    for variables in (True, False):
        yield template(value, variables=variables, wildcards=wildcards)


def _of_value(
    operator: str, tokens: Template, fixed: Mapping[str, str | list[str]]
) -> tuple[list[Pattern], bool]:
    """Return the patterns of a value that the key is compared with, and whether they are exact."""
    resolved = resolve(tokens, fixed)
    if resolved is None:
        return [], True
    found = _pattern(operator, resolved)
    return found or [], found is not None or operator.startswith("Arn")


def _of_variable(
    key: str,
    condition: CompiledCondition,
    operator: str,
    tokens: Template,
    fixed: Mapping[str, str | list[str]],
) -> tuple[list[Pattern], bool]:
    """Return the patterns of the texts that, in the key's place in a value, match what another key is known to hold."""
    if condition.keys[0] == key:
        # What a text is compared with is made of itself: no pattern tells such texts apart.
        return [], False
    held = fixed.get(condition.keys[0], [])
    texts = [held] if isinstance(held, str) else held
    if "IgnoreCase" not in operator:
        found, complete = fillings(tokens, key, fixed, texts)
        return [whole([text]) for text in found], complete
    lowered = [token.lower() if isinstance(token, str) else token for token in tokens]
    found, complete = fillings(lowered, key, fixed, [text.lower() for text in texts])
    cased = [in_any_case(text) for text in found]
    return [each for each in cased if each is not None], complete and None not in cased


def _pattern(operator: str, tokens: Tokens) -> list[Pattern] | None:
    if operator.startswith("Arn"):
        found = of_arn(tokens)
        return [any_arn()] if found is None else [any_arn(), found]
    if "IgnoreCase" in operator:
        text = "".join(str(token) for token in tokens)
        cased = in_any_case(text)
        return None if cased is None else [cased]
    return [whole(tokens)]


def _bounds(conditions: Sequence[CompiledCondition]) -> Iterable[str]:
    for condition in conditions:
        yield from condition.values


def _numbers(conditions: Sequence[CompiledCondition]) -> list[str]:
    read = {found for text in _bounds(conditions) if (found := number(text)) is not None}
    bounds = sorted(each for each in read if not _is_awkward(each))
    if not bounds:
        return ["0"]
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    every = [bounds[0] - 1, *between, bounds[-1] + 1, *bounds]
    return [_plain(each) for each in every]


def _is_awkward(value: Decimal | None) -> bool:
    """Return whether a number has more digits than can be reckoned with exactly."""
    if value is None:
        return False
    exponent = value.as_tuple().exponent
    return not isinstance(exponent, int) or abs(exponent) > 12 or abs(value) >= 10**12


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _dates(conditions: Sequence[CompiledCondition]) -> list[str]:
    moments = {found for text in _bounds(conditions) if (found := milliseconds(text)) is not None}
    every = sorted({each + step for each in moments for step in (-1, 0, 1)} or {0})
    return [_milliseconds_text(each) for each in every]


def _milliseconds_text(value: int) -> str:
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // 1000:05}.{abs(value) % 1000:03}"


def _moments(conditions: Sequence[CompiledCondition]) -> list[str]:
    """Return moments on both sides of every date, in whole seconds since 1970, as the clock tells them."""
    seconds: set[int] = set()
    for text in _bounds(conditions):
        moment = milliseconds(text)
        if moment is not None:
            seconds |= {moment // 1000 + step for step in (-1, 0, 1)}
        value = number(text)
        if value is not None and abs(value) <= _LAST_MOMENT:
            seconds |= {int(value) + step for step in (-1, 0, 1)}
    return [str(each) for each in sorted(seconds | {0, _LAST_MOMENT}) if 0 <= each <= _LAST_MOMENT]


def _addresses(conditions: Sequence[CompiledCondition]) -> list[str]:
    """Return one address of each part that the networks cut the addresses into."""
    found = [each for text in _bounds(conditions) if (each := network(text)) is not None]
    texts = []
    for version, most in ((4, 2**32 - 1), (6, 2**128 - 1)):
        starts = {0}
        for each in found:
            if each.version == version and each.first <= each.last:
                starts |= {each.first, each.last + 1}
        mapped = (0xFFFF << 32, 0x10000 << 32)
        for start in sorted(starts):
            # IPv4 addresses that are written as IPv6 compare as IPv4.
            at = mapped[1] if version == 6 and mapped[0] <= start < mapped[1] else start
            if at <= most:
                texts.append(str(IPv4Address(at) if version == 4 else IPv6Address(at)))
    return [text for text in texts if address(text) is not None]


def _lists(
    key: str,
    texts: Sequence[str],
    conditions: Sequence[CompiledCondition],
    fixed: Mapping[str, str | list[str]],
) -> tuple[list[list[str]], bool]:
    """Return lists that the conditions tell apart: of one text, and of several where that makes a difference."""

    def answers(values: Sequence[str]) -> tuple[bool, ...]:
        context = {**fixed, key: list(values)}
        return tuple(each.test(context) for each in conditions)

    found: dict[tuple[bool, ...], tuple[str, ...]] = {}
    singles: dict[tuple[bool, ...], tuple[str, ...]] = {}
    # Which texts are alike is told by each text under each condition, and that by lists of one.
    for text in texts:
        singles.setdefault(answers([text]), (text,))
    found.update(singles)
    waiting = list(found.values())
    while waiting:
        values = waiting.pop(0)
        for (text,) in singles.values():
            if text in values:
                continue
            several = (*values, text)
            said = answers(several)
            if said not in found:
                if len(found) >= _MOST_LISTS:
                    return [list(each) for each in found.values()], False
                found[said] = several
                waiting.append(several)
    return [list(each) for each in found.values()], True
