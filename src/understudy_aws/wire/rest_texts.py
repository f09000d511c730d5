"""Reads parameters from path labels, query strings and headers, and writes answers to headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.wire.json_values import decoded, unreadable
from understudy_aws.wire.model import Member
from understudy_aws.wire.scalars import (
    any_timestamp,
    base64_text,
    blob,
    decimal_number,
    header_text,
    number_text,
    small_number,
    timestamp_writer,
    whole_number,
)

_BOOLEANS = {"true": True, "false": False}
_ENCODE = msgspec.json.Encoder().encode
# An element of a list in a header: quoted where it holds a comma.
_ELEMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')
_PRESIGNED = "x-amz-"


def label_reader(member: Member) -> Callable[[str], Any]:
    """Return the function that reads a path label. All readers here raise ApiError for another type."""
    return _scalar_reader(member)


def query_reader(member: Member, key: str) -> Callable[[Mapping[str, Sequence[str]]], Any]:
    """Return the function that reads a member from a decoded query string; it returns None if it is absent.

    A list is its name repeated, of another name given twice the first counts; a map is the whole query string
    but for its signature.
    """
    shape = member.shape
    if shape.type == "list":
        element = _scalar_reader(shape.element)
        return lambda query: [element(text) for text in query[key]] if key in query else None
    if shape.type == "map":
        whole = shape.value.shape.type == "list"
        return lambda query: (
            {
                name: list(texts) if whole else texts[0]
                for name, texts in query.items()
                if not name.lower().startswith(_PRESIGNED)
            }
            or None
        )
    read = _scalar_reader(member)
    return lambda query: read(query[key][0]) if key in query else None


def header_reader(member: Member, key: str) -> Callable[[Mapping[str, str]], Any]:
    """Return the function that reads a member from headers, whose names are lower-case; it returns None if absent.

    A map is all headers that begin with its name on the wire, less that.
    """
    key = key.lower()
    if member.location == "headers":
        prefix = member.location_name.lower()
        return lambda headers: (
            {name[len(prefix) :]: text for name, text in headers.items() if name.startswith(prefix)} or None
        )
    if member.shape.type == "list":
        element = _scalar_reader(member.shape.element)
        return lambda headers: [element(text) for text in _elements(headers[key])] if key in headers else None
    read = _json_value if member.is_json_value else _scalar_reader(member)
    return lambda headers: read(headers[key]) if key in headers else None


def header_writer(member: Member, key: str) -> Callable[[Any], list[tuple[str, str]]]:
    """Return the function that writes a member as a header of that name, or a map as several with that prefix."""
    if member.location == "headers":
        prefix = member.location_name
        return lambda value: [
            (header_text(f"{prefix}{name}"), header_text(str(text))) for name, text in value.items()
        ]
    if member.shape.type == "list":
        element = _scalar_writer(member.shape.element)
        return lambda value: [(key, ",".join(_quoted(header_text(element(item))) for item in value))]
    if member.is_json_value:
        return lambda value: [(key, base64_text(_ENCODE(value)))]
    write = _scalar_writer(member)
    return lambda value: [(key, header_text(write(value)))]


def _elements(text: str) -> list[str]:
    """Split a list in a header into its elements."""
    found, place = [], 0
    while place < len(text):
        element = _ELEMENT.match(text, place)
        assert element is not None, "a text up to a comma is an element"
        quoted, plain = element.groups()
        found.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip())
        place = element.end()
    return found


def _quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _scalar_reader(member: Member) -> Callable[[str], Any]:
    convert, called = _READERS[member.shape.type]

    def read(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            raise unreadable(f"STRING_VALUE can not be converted to {called}") from None

    return read


def _scalar_writer(member: Member) -> Callable[[Any], str]:
    if member.shape.type == "timestamp":
        return timestamp_writer(member.timestamp_format or "rfc822")
    return _WRITERS[member.shape.type]


def _json_value(text: str) -> Any:
    try:
        return decoded(blob(text))
    except ValueError:
        raise unreadable("STRING_VALUE can not be converted to a JSON value") from None


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text)
    if value is None:
        raise ValueError(text)
    return value


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "string": (str, "a String"),
    "integer": (small_number, "an Integer"),
    "long": (whole_number, "a Long"),
    "float": (decimal_number, "a Float"),
    "double": (decimal_number, "a Double"),
    "boolean": (_boolean, "a Boolean"),
    "blob": (blob, "a Blob"),
    "timestamp": (any_timestamp, "a Timestamp"),
}
_WRITERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "integer": str,
    "long": str,
    "float": number_text,
    "double": number_text,
    "boolean": lambda value: "true" if value else "false",
    "blob": base64_text,
}
