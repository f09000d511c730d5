"""Shows the line of a text that a finding is about, with a mark under the place."""

from __future__ import annotations

import re

from understudy_aws.policy import Span

# Wide enough for most lines, narrow enough for a terminal.
_WIDTH = 96
# How much of a long line is shown before the place.
_BEFORE = 32

_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def excerpt(text: str, span: Span) -> tuple[str, str] | None:
    """Return a line and the marks under it: of a long line the part near the place, of several lines the first.

    None where the span marks nothing, as at the end of a text.
    """
    lines = _LINE_END.split(text)
    line = lines[span.start.line - 1]
    start = span.start.column - 1
    end = span.end.column - 1 if span.end.line == span.start.line else len(line)
    if end <= start:
        return None
    indent = len(line) - len(line.lstrip())
    first = min(start, indent if len(line) - indent <= _WIDTH else max(indent, start - _BEFORE))
    shown = line[first : first + _WIDTH]
    before = "…" if line[:first].strip() else ""
    after = "…" if line[first + _WIDTH :].strip() else ""
    marks = "^" * (min(end, first + len(shown)) - start)
    # One character stays one character, so that the marks stand where they should.
    return f"{before}{_CONTROL.sub(' ', shown)}{after}", f"{' ' * (len(before) + start - first)}{marks}"
