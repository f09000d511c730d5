"""Prints text for people and JSON for programs; colours on a terminal only.

Whatever callers sent may be in what is printed, so control characters never reach a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Literal

from understudy_aws.cli.printable import as_json
from understudy_aws.core.printable import printable

Colour = Literal["bold", "dim", "red", "green", "yellow"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
# Stand for the escape sequences until a line is printed: what begins a colour, and what ends it.
_MARKS = {"bold": "\ufdd0", "dim": "\ufdd1", "red": "\ufdd2", "green": "\ufdd3", "yellow": "\ufdd4"}
_END = "\ufdef"
_SEQUENCES = str.maketrans(
    {**{mark: f"\x1b[{_CODES[name]}m" for name, mark in _MARKS.items()}, _END: "\x1b[0m"}
)


class Output:
    """Prints one command's answer on stdout, and remarks for the person on stderr."""

    def __init__(self, *, as_json: bool = False, colour: bool = True) -> None:
        self.as_json = as_json
        self._colour = colour and sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def line(self, text: str = "") -> None:
        """Print a line and flush it, because another program may wait for it."""
        text = printable(text)
        print(text.translate(_SEQUENCES) if self._colour else text, flush=True)

    def value(self, value: Any) -> None:
        """Print one JSON document on one line."""
        self.document(value)

    def document(self, value: Any, *, indent: int | None = None) -> None:
        """Print a JSON document, on several lines if indented."""
        print(as_json(value, indent=indent), flush=True)

    def remark(self, text: str) -> None:
        """Print something that is not part of the answer, which may have several lines."""
        for line in text.splitlines() or [""]:
            print(printable(line), file=sys.stderr, flush=True)

    def paint(self, text: str, colour: Colour) -> str:
        """Return the text in a colour, if colours are on."""
        return f"{_MARKS[colour]}{text}{_END}" if self._colour else text

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print columns as wide as their longest cell, the last one as it comes."""
        rows = [[printable(cell) for cell in row] for row in rows]
        widths = [max([len(head), *(len(row[at]) for row in rows)]) for at, head in enumerate(heads)]

        def fitted(cells: Sequence[str]) -> str:
            return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

        self.line(self.paint(fitted(heads), "bold"))
        for row in rows:
            self.line(fitted(row))

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Print names and values, one pair per line."""
        width = max(len(name) for name, _ in facts)
        for name, value in facts:
            self.line(f"{self.paint(name.ljust(width), 'bold')}  {value}")


def counted(count: int, noun: str) -> str:
    """Return a number and what it counts: `1 packet`, `2 packets`."""
    return f"{count} {noun}{'s' if count != 1 else ''}"


def spoken(seconds: int) -> str:
    """Return a length of time in its largest unit: `3 hours`."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return counted(seconds // size, name)
    return counted(seconds, "second")


def shortened(text: str, most: int) -> str:
    """Return the first line of a text, cut to so many characters, with a mark where something is left out."""
    first = next(iter(text.splitlines()), "")
    return text if len(text) <= most and first == text else f"{first[: most - 1].rstrip()}…"
