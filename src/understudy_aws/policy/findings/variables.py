"""Policy variables in a text as its author wrote them, the broken ones included."""

from __future__ import annotations

import msgspec

from understudy_aws.policy.language.memo import memoized

ESCAPES = frozenset("*?$")
# More than anybody writes into one text; the rest of a hostile one is passed over.
MOST = 256


class WrittenVariable(msgspec.Struct, frozen=True):
    """From `${` up to its brace: where it starts, how it is written, and whether the brace is there."""

    start: int
    text: str
    is_closed: bool

    @property
    def body(self) -> str:
        """What stands between the braces."""
        return self.text[2:-1] if self.is_closed else self.text[2:]

    @property
    def name(self) -> str:
        """The context key, as written."""
        return self.body.partition(",")[0]

    @property
    def default(self) -> str | None:
        """What follows the comma, as written; None without a comma."""
        _, comma, default = self.body.partition(",")
        return default if comma else None

    @property
    def is_escape(self) -> bool:
        """`${*}`, `${?}` and `${$}` stand for one character."""
        return self.is_closed and self.body in ESCAPES


@memoized(4096)
def variables_in(text: str) -> tuple[WrittenVariable, ...]:
    """Return every `${…}` of a text, in order, up to `MOST`."""
    found: list[WrittenVariable] = []
    start = text.find("${")
    while start >= 0 and len(found) < MOST:
        end = text.find("}", start)
        following = text.find("${", start + 2)
        # A brace behind the next variable's beginning closes that one.
        is_closed = end >= 0 and not 0 <= following < end
        stop = end + 1 if is_closed else (following if following >= 0 else len(text))
        found.append(WrittenVariable(start, text[start:stop], is_closed))
        start = text.find("${", stop)
    return tuple(found)
