"""Policy texts in which the places that findings have to name are marked."""

from __future__ import annotations

import json
import re

from understudy_aws.policy.findings import Finding
from understudy_aws.policy.language.positions import IndexStep, KeyStep, Location, SubstringStep, ValueStep

_MARKS = re.compile("[«»]")


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks « », and the offsets of what stood between them, in order."""
    starts: list[int] = []
    spans: list[tuple[int, int]] = []
    for number, mark in enumerate(_MARKS.finditer(text)):
        offset = mark.start() - number
        if mark.group() == "«":
            starts.append(offset)
        else:
            spans.append((starts.pop(), offset))
    assert not starts, "every mark is closed"
    return _MARKS.sub("", text), sorted(spans)


def spans_of(findings: list[Finding]) -> list[tuple[int, int]]:
    """The offsets of every place the findings name, each once, in order."""
    places = {location.span for finding in findings for location in finding.locations}
    return sorted((span.start.offset, span.end.offset) for span in places)


def assert_agrees(text: str, location: Location) -> None:
    """Path and span of a location have to mean the same, in a document that holds no key twice."""
    start, end = location.span.start, location.span.end
    lines = re.split(r"\r\n|\r|\n", text)
    for position in (start, end):
        before = text[: position.offset]
        assert len(re.split(r"\r\n|\r|\n", before)) == position.line
        assert len(re.split(r"\r\n|\r|\n", before)[-1]) == position.column - 1
        assert position.column - 1 <= len(lines[position.line - 1])
    value = json.loads(text)
    written = text[start.offset : end.offset]
    for step in location.path:
        match step:
            case IndexStep(index):
                value = value[index]
            case ValueStep(key):
                value = value[key]
            case KeyStep(key):
                assert key in value
                assert json.loads(written) == key
                return
            case SubstringStep(first, length):
                assert json.loads(f'"{written}"') == value[first : first + length]
                return
    assert json.loads(written) == value
