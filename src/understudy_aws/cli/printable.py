"""Writes for terminals of every encoding: JSON stays JSON, and what an encoding lacks is replaced."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from understudy_aws.core.printable import printable

_ASCII = {
    "…": "...",
    "→": "->",
    "—": "-",
    "“": '"',
    "”": '"',
    "•": "*",
    "─": "-",
    "│": "|",
    "├": "|",
    "└": "`",
    "✓": "ok",
    "✗": "no",
}
_ERRORS = "understudy"


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that a terminal can show: unprintable characters are JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=not _speaks_unicode(), default=str, indent=indent)
    return "\n".join(map(printable, text.split("\n")))


def make_streams_safe() -> None:
    """Let stdout and stderr replace what their encoding lacks instead of failing."""
    codecs.register_error(_ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERRORS)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), "it is registered for writing"
    text = error.object[error.start : error.end]
    spelled = (_ASCII.get(each) or each.encode("ascii", "backslashreplace").decode("ascii") for each in text)
    return "".join(spelled), error.end


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in {"utf8", "utf16", "utf32"}
