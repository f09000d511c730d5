"""What every condition operator offers: a comparison made from the policy's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.patterns import Matches

T = TypeVar("T")
# True: the request's value matches one of the policy's; False: none; None: the request's value cannot be
# compared at all, so that neither the operator nor its negation matches (recorded, policies.md 4.4).
Compare = Callable[[str, Context], bool | None]


class Comparison(msgspec.Struct, frozen=True):
    """A compiled right-hand side.

    `variables` are the keys its policy variables ask for. `broken` says that a value could not be read:
    values are tried in order and end at the first broken one, which cannot grant (recorded, policies.md 4.4).
    `exact` is the whole comparison when it is nothing but membership, `matches` when it is nothing but
    patterns: the commonest conditions cost one look-up or one match.
    """

    compare: Compare
    variables: tuple[str, ...] = ()
    broken: bool = False
    exact: frozenset[str] | None = None
    matches: Matches | None = None


Compile = Callable[[tuple[str, ...], bool], Comparison]


def ordered(read: Callable[[str], T | None], holds: Callable[[T, T], bool]) -> Compile:
    """Return the operator for which `holds(value of the request, value of the policy)`, both as `read` reads them.

    There are no variables in it. A value of the policy that cannot be read breaks the comparison; one of the request
    equals nothing.
    """

    def compile_values(values: tuple[str, ...], _variables: bool) -> Comparison:
        bounds: list[T] = []
        for text in values:
            bound = read(text)
            if bound is None:
                break
            bounds.append(bound)

        def compare(value: str, _context: Context) -> bool:
            given = read(value)
            return given is not None and any(holds(given, bound) for bound in bounds)

        return Comparison(compare, broken=len(bounds) < len(values))

    return compile_values
