"""One line of a Condition block, compiled: operator, key and values to a test of the request's context."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec

from understudy_aws.policy.engine.conditions import address, arn, binary, boolean, date, numeric, string
from understudy_aws.policy.engine.conditions.operand import Comparison, Compile
from understudy_aws.policy.language.context_keys import (
    Context,
    is_absent,
    is_ambiguous,
    is_list_key,
    is_tag_key,
)
from understudy_aws.policy.language.document import LEGACY, Condition, MalformedPolicy
from understudy_aws.policy.language.patterns import Matches, lower_ascii, matches_everything

Test = Callable[[Context], bool]


class Operator(msgspec.Struct, frozen=True):
    """An operator by its AWS name; a negated one holds where its comparison does not."""

    name: str
    compile: Compile
    negated: bool = False
    # A malformed ARN in a policy cannot grant, but a Deny that holds one is applied (recorded, policies.md 4.4).
    denies_when_broken: bool = False


class CompiledCondition(msgspec.Struct, frozen=True):
    """A compiled condition. `keys` are the context keys it asks for: its own first, then its variables'."""

    operator: str
    key: str
    values: tuple[str, ...]
    test: Test
    keys: tuple[str, ...]
    broken: bool


class Spelling(msgspec.Struct, frozen=True):
    """An operator as a policy writes it, taken apart: set prefix, operator, IfExists."""

    quantifier: str
    operator: Operator | None
    if_exists: bool

    @property
    def is_null(self) -> bool:
        """The one operator that looks at presence instead of values."""
        return self.operator is None


def _negatable(positive: str, negative: str, compiled: Compile, *, denies: bool = False) -> list[Operator]:
    return [
        Operator(positive, compiled, denies_when_broken=denies),
        Operator(negative, compiled, negated=True, denies_when_broken=denies),
    ]


OPERATORS = {
    each.name.lower(): each
    for each in (
        *_negatable("StringEquals", "StringNotEquals", string.equals),
        *_negatable("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", string.equals_ignoring_case),
        *_negatable("StringLike", "StringNotLike", string.like),
        *_negatable("NumericEquals", "NumericNotEquals", numeric.equals),
        Operator("NumericLessThan", numeric.less_than),
        Operator("NumericLessThanEquals", numeric.less_than_equals),
        Operator("NumericGreaterThan", numeric.greater_than),
        Operator("NumericGreaterThanEquals", numeric.greater_than_equals),
        *_negatable("DateEquals", "DateNotEquals", date.equals),
        Operator("DateLessThan", date.less_than),
        Operator("DateLessThanEquals", date.less_than_equals),
        Operator("DateGreaterThan", date.greater_than),
        Operator("DateGreaterThanEquals", date.greater_than_equals),
        Operator("Bool", boolean.equals),
        Operator("BinaryEquals", binary.equals),
        *_negatable("IpAddress", "NotIpAddress", address.within),
        *_negatable("ArnEquals", "ArnNotEquals", arn.like, denies=True),
        *_negatable("ArnLike", "ArnNotLike", arn.like, denies=True),
    )
}

_QUANTIFIERS = ("forallvalues", "foranyvalue")
_SUFFIX = "ifexists"


def spelling(text: str) -> Spelling | None:
    """Return the parts of an operator as written, or None when AWS knows no such operator. Case does not matter."""
    name = lower_ascii(text)
    quantifier, colon, rest = name.partition(":")
    if colon:
        if quantifier not in _QUANTIFIERS:
            return None
        name = rest
    else:
        quantifier = ""
    if name == "null":
        return Spelling(quantifier, None, if_exists=False)
    if_exists = name.endswith(_SUFFIX)
    operator = OPERATORS.get(name.removesuffix(_SUFFIX) if if_exists else name)
    return None if operator is None else Spelling(quantifier, operator, if_exists)


# Conditions with more text than this are compiled anew: so what is remembered stays small.
_MOST_SHARED = 4096


def compile_condition(raw: Condition, variables: bool, in_deny: bool) -> CompiledCondition:
    """Return the compiled condition, shared by every statement that spells it alike.

    Raises MalformedPolicy when the operator does not exist.
    """
    characters = len(raw.key) + sum(map(len, raw.values))
    return (_shared if characters <= _MOST_SHARED else _compiled)(raw, variables, in_deny)


def _compiled(raw: Condition, variables: bool, in_deny: bool) -> CompiledCondition:
    key = raw.key.lower()
    spelled = spelling(raw.operator)
    if spelled is None:
        raise MalformedPolicy(LEGACY)
    if spelled.operator is None:
        wanted = [boolean.TRUTHS.get(value.lower()) for value in raw.values]
        presence = _of_known_tags((key,), _presence(key, wanted), in_deny)
        return CompiledCondition(raw.operator, raw.key, raw.values, presence, (key,), None in wanted)
    compared = spelled.operator.compile(raw.values, variables)
    test = _plain_test(key, spelled, compared)
    if test is None:
        value_test = _value_test(spelled.operator, compared, in_deny)
        test = _test(key, spelled, value_test, _when_absent(spelled, compared.broken, in_deny))
    keys = tuple(dict.fromkeys((key, *compared.variables)))
    return CompiledCondition(
        raw.operator, raw.key, raw.values, _of_known_tags(keys, test, in_deny), keys, compared.broken
    )


def _of_known_tags(keys: tuple[str, ...], test: Test, in_deny: bool) -> Test:
    """Return the test, but on the safe side where one of the keys stands for two tags (policies.md 4.4)."""
    tags = tuple(filter(is_tag_key, keys))
    if not tags:
        return test

    def tested(context: Context) -> bool:
        for key in tags:
            if is_ambiguous(key, context):
                return in_deny
        return test(context)

    return tested


_shared = lru_cache(maxsize=16_384)(_compiled)


def _presence(key: str, wanted: list[bool | None]) -> Test:
    """Null: an empty text is present (recorded, policies.md 4.4)."""
    if wanted == [False]:
        return lambda context: bool(context.get(key)) or context.get(key) == ""
    return lambda context: is_absent(key, context) in wanted


ValueTest = Callable[[str, Context], bool | None]


def _value_test(operator: Operator, compared: Comparison, in_deny: bool) -> ValueTest:
    """Return whether one value of the request satisfies the operator, negation and broken operands included."""
    compare = compared.compare
    if compared.broken:
        otherwise = in_deny and operator.denies_when_broken
        if operator.negated:
            return lambda value, context: compare(value, context) is not True and otherwise
        return lambda value, context: compare(value, context) is True or otherwise
    if operator.negated:
        return lambda value, context: compare(value, context) is False
    return compare


def _when_absent(spelled: Spelling, broken: bool, in_deny: bool) -> bool:
    """Return what the condition says of a request without its key (policies.md 4.4)."""
    assert spelled.operator is not None, "Null has a test of its own"
    if broken and (not in_deny or spelled.operator.denies_when_broken):
        # An operand that cannot be read never grants, also where the key is absent, of which AWS says nothing.
        return in_deny
    if spelled.quantifier == "foranyvalue":
        return spelled.if_exists
    return spelled.if_exists or spelled.operator.negated or spelled.quantifier == "forallvalues"


def _test(key: str, spelled: Spelling, value_test: ValueTest, when_absent: bool) -> Test:
    if spelled.quantifier == "forallvalues":
        return _for_all_values(key, value_test, when_absent)
    if spelled.quantifier == "foranyvalue":
        return _for_any_value(key, value_test, when_absent)
    if is_list_key(key):
        return lambda context: when_absent and is_absent(key, context)
    return _single_value(key, value_test, when_absent)


def _plain_test(key: str, spelled: Spelling, compared: Comparison) -> Test | None:
    """Return the same test as `_test`, for membership and patterns, without a function per value."""
    exact, matches = compared.exact, compared.matches
    if spelled.operator is None or (exact is None and matches is None):
        return None
    negated = spelled.operator.negated
    if spelled.quantifier == "forallvalues":
        return None if exact is None or negated else _all_in(key, exact)
    if spelled.quantifier or is_list_key(key):
        return None
    when_absent = spelled.if_exists or negated
    if exact is None:
        return None if when_absent or matches is None else _like(key, matches)
    return _not_among(key, exact) if negated else _among(key, exact, when_absent)


def _among(key: str, values: frozenset[str], when_absent: bool) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return value in values
        return when_absent and not value

    return test


def _not_among(key: str, values: frozenset[str]) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return value not in values
        return not value

    return test


def _like(key: str, matches: Matches) -> Test:
    if matches is matches_everything:
        return lambda context: isinstance(context.get(key), str)

    def test(context: Context) -> bool:
        value = context.get(key)
        return isinstance(value, str) and matches(value)

    return test


def _all_in(key: str, values: frozenset[str]) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if value is None:
            return True
        return value in values if isinstance(value, str) else values.issuperset(value)

    return test


def _single_value(key: str, value_test: ValueTest, when_absent: bool) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return bool(value_test(value, context))
        # A list that is there never matches a plain operator, negated or not (recorded truth table, policies.md 4.4).
        return when_absent and not value

    return test


def _for_all_values(key: str, value_test: ValueTest, when_absent: bool) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return bool(value_test(value, context))
        # Nothing to check is nothing that fails (policies.md 4.4).
        return all(value_test(each, context) for each in value) if value else when_absent

    return test


def _for_any_value(key: str, value_test: ValueTest, when_absent: bool) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return bool(value_test(value, context))
        if not value:
            return when_absent
        return any(value_test(each, context) for each in value)

    return test
