"""Breaks lines between words to fit a terminal, and keeps columns aligned."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap

# Columns end where two or more spaces stand; a column that begins further right than this is not kept.
_FURTHEST = 44
_GAP = re.compile(r"\S {2,}(?=\S)")
_DOCUMENT = re.compile(r'\s*(["{}\[\]]|-?\d)')
_NARROWEST = 40


def width() -> int | None:
    """Return how wide lines may be: COLUMNS, or the terminal's width; None for a pipe."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return max(_NARROWEST, shutil.get_terminal_size().columns)
    return None


def wrapped(line: str, columns: int | None) -> list[str]:
    """Break a line into lines of at most so many columns; ARNs and lines of JSON stay whole.

    What follows the first line stands under where the last column of it begins.
    """
    # Two words are a name and an ARN, which would only be taken apart.
    if columns is None or len(line) <= columns or _DOCUMENT.match(line) or len(line.split()) <= 2:
        return [line]
    indent = len(line) - len(line.lstrip())
    hang = indent + 2
    for gap in _GAP.finditer(line, indent, indent + _FURTHEST):
        hang = gap.end()
    return textwrap.wrap(
        line,
        columns,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
