"""Terms of a text: `ERROR`, `"two words"`, `?one ?other`, `-not`."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from understudy_aws.services.logs.filter_patterns.pattern import Pattern, invalid_pattern, no_regex

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|([^\s"]+))(?=\s|$)')
_ESCAPED = re.compile(r"\\(.)")
# A term with other characters needs quotes (logs.md 21.4).
_BARE = re.compile(r"\w+")

Test = Callable[[str], bool]


class Terms(msgspec.Struct, frozen=True):
    """All of `every`, none of `none`, and one of `some` unless that is empty."""

    every: tuple[Test, ...]
    some: tuple[Test, ...]
    none: tuple[Test, ...]

    def matches(self, message: str, /) -> bool:
        """Whether a text has the terms."""
        return (
            all(test(message) for test in self.every)
            and (not self.some or any(test(message) for test in self.some))
            and not any(test(message) for test in self.none)
        )


def terms_in(text: str) -> Pattern:
    """Return the terms of a pattern. Raises InvalidParameterException."""
    found: dict[str, list[Test]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise invalid_pattern()
        kind, quoted, regex, bare = term.groups()
        if regex is not None:
            raise no_regex()
        if quoted is not None:
            found[kind].append(_containing(_ESCAPED.sub(r"\1", quoted)))
        elif _BARE.fullmatch(bare):
            found[kind].append(_containing(bare))
        else:
            raise invalid_pattern()
        at = term.end()
    # A `?` beside terms that must all be there changes nothing (user guide: it is ignored).
    some = () if found[""] else found["?"]
    return Terms(tuple(found[""]), tuple(some), tuple(found["-"]))


def _containing(text: str) -> Test:
    return lambda message: text in message
