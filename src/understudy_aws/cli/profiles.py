"""Edits profiles in AWS's own files line by line, so that everything else in them stays unchanged."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SECTION = re.compile(r"\s*\[\s*(.*?)\s*\]\s*(?:[#;].*)?$")
_SETTING = re.compile(r"([^\s=:#;\[][^=:]*?)\s*[=:]\s*(.*?)\s*$")


def read_profile(text: str, section: str) -> dict[str, str] | None:
    """Return the settings of a section without nested ones; None when there is no such section."""
    lines = text.splitlines()
    at = _find(lines, section)
    if at is None:
        return None
    found: dict[str, str] = {}
    for line in lines[at + 1 : _end(lines, at)]:
        setting = _SETTING.match(line)
        if setting:
            found[setting[1].lower()] = setting[2]
    return found


def sections(text: str) -> list[str]:
    """Return the names of all sections in order."""
    return [_plain(found[1]) for found in map(_SECTION.match, text.splitlines()) if found]


def with_profile(text: str, section: str, values: Mapping[str, str | None]) -> str:
    """Return the file's text with these settings in a section, which is added if it is missing; None removes a setting.

    Other sections, other settings, comments and blank lines stay where they are.
    """
    lines = text.splitlines()
    at = _find(lines, section)
    if at is None:
        if lines and lines[-1].strip():
            lines.append("")
        lines.append(f"[{section}]")
        at = len(lines) - 1
    body = _edited(lines[at + 1 : _end(lines, at)], values)
    return "\n".join([*lines[: at + 1], *body, *lines[_end(lines, at) :]]) + "\n"


def _edited(body: list[str], values: Mapping[str, str | None]) -> list[str]:
    """Return a section's lines with settings replaced in place and new ones added at the end."""
    missing = {name: value for name, value in values.items() if value is not None}
    edited: list[str] = []
    dropping = False
    for line in body:
        setting = _SETTING.match(line)
        if setting is None:
            # Indented lines below a setting belong to it, and go where it goes.
            nested = line[:1] in (" ", "\t") and line.strip()
            if not (dropping and nested):
                edited.append(line)
            dropping = dropping and bool(nested)
            continue
        name = setting[1].lower()
        dropping = name in values
        if name in missing:
            edited.append(f"{name} = {missing.pop(name)}")
        elif not dropping:
            edited.append(line)
    last = max((at for at, line in enumerate(edited) if line.strip()), default=-1)
    return [
        *edited[: last + 1],
        *(f"{name} = {value}" for name, value in missing.items()),
        *edited[last + 1 :],
    ]


def _find(lines: list[str], section: str) -> int | None:
    for at, line in enumerate(lines):
        found = _SECTION.match(line)
        if found and _plain(found[1]) == section:
            return at
    return None


def _plain(name: str) -> str:
    """A section's name with single blanks and without the quotes AWS allows around a profile's."""
    return " ".join(name.replace('"', "").replace("'", "").split())


def _end(lines: list[str], at: int) -> int:
    for after in range(at + 1, len(lines)):
        if _SECTION.match(lines[after]):
            return after
    return len(lines)


def write_private(path: Path, text: str) -> None:
    """Write a file its owner alone can read, whole or not at all. Follows a link to where the file is."""
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_text(path: Path) -> str:
    """A file's text; empty when there is none."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
