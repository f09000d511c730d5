"""Converts JSON to parameters and answers to JSON, by one reader and one renderer for each shape, made once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec

from understudy_aws.core.answers import Description
from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import Member, Shape
from understudy_aws.wire.scalars import (
    any_timestamp,
    base64_text,
    blob,
    epoch,
    from_epoch,
    number_text,
    timestamp_writer,
    within,
)

Reader = Callable[[Any], Any]
Renderer = Callable[[Any], Any]
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
# Millions of tiny items are quickly sent and slowly read; no request in JSON comes near this.
LARGEST_JSON = 1024 * 1024
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decoded(body: bytes) -> Any:
    """Decode the JSON of a body; an empty body is an empty structure. Raises ApiError."""
    try:
        value = _DECODE(body) if body.strip() else {}
        if b"\\u" in body and _SURROGATE.search(body):
            # Only a half pair cannot be written again.
            _ENCODE(value)
        return value  # noqa: TRY300 - what comes before it can fail
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable("The request body is no valid JSON.") from error


def no_text() -> ApiError:
    """Return the JSON protocols' error for characters that no text can hold."""
    return unreadable("The request body holds a character that is no text.")


def unreadable(message: str) -> ApiError:
    """Return the JSON protocols' error for a value of another type than its member's."""
    return ApiError("SerializationException", message)


def reader(shape: Shape) -> Reader:
    """Return the function that converts JSON of this shape; it raises ApiError for another type."""
    made: Reader | None = shape.compiled.get("read json")
    if made is None:
        # A shape that contains itself is looked up again while it is being made.
        shape.compiled["read json"] = lambda value: shape.compiled["read json"](value)  # noqa: PLW0108 - looked up when called
        made = shape.compiled["read json"] = _make_reader(shape)
    return made


def structure_reader(members: Mapping[str, Member]) -> Reader:
    """Return the reader of a structure with these members."""
    named = {member.location_name or name: (name, reader(member.shape)) for name, member in members.items()}
    # Only a few structures have members that the wire calls otherwise.
    renamed = any(key != name for key, (name, _) in named.items())
    fields = {key: read for key, (_, read) in named.items()}

    def read_structure(value: Any) -> Any:
        # Members AWS does not know are ignored, and null is as good as absent.
        return {
            name: fields[name](item)
            for name, item in _of_type(value, dict, "a structure").items()
            if item is not None and name in fields
        }

    def read_renamed(value: Any) -> Any:
        return {named[key][0]: item for key, item in read_structure(value).items()}

    return read_renamed if renamed else read_structure


def _make_reader(shape: Shape) -> Reader:
    if shape.is_document:
        return lambda value: value
    if shape.type == "structure":
        return structure_reader(shape.members)
    if shape.type == "list":
        element = reader(shape.element.shape)
        return lambda value: [
            None if item is None else element(item) for item in _of_type(value, list, "a list")
        ]
    if shape.type == "map":
        inner = reader(shape.value.shape)
        return lambda value: {
            name: inner(item) for name, item in _of_type(value, dict, "a map").items() if item is not None
        }
    return _SCALAR_READERS[shape.type]


def renderer(shape: Shape) -> Renderer:
    """Return the function that converts a value of this shape to JSON values."""
    made: Renderer | None = shape.compiled.get("json")
    if made is None:
        shape.compiled["json"] = lambda value: shape.compiled["json"](value)  # noqa: PLW0108 - looked up when called
        made = shape.compiled["json"] = _make_renderer(shape)
    return made


def structure_renderer(members: Mapping[str, Member]) -> Renderer:
    """Return the renderer of a structure with these members; it raises KeyError for one that is not among them."""
    named = {
        name: (member.location_name or name, member_renderer(member)) for name, member in members.items()
    }
    renamed = any(key != name for name, (key, _) in named.items())
    fields = {name: render for name, (_, render) in named.items()}

    def render_structure(value: Any) -> Any:
        return {name: fields[name](item) for name, item in value.items() if item is not None}

    def render_renamed(value: Any) -> Any:
        return {named[name][0]: item for name, item in render_structure(value).items()}

    return render_renamed if renamed else render_structure


def member_renderer(member: Member) -> Renderer:
    """Return the renderer of a member, which may have its own timestamp format."""
    if member.shape.type == "timestamp" and member.timestamp_format:
        return _timestamp_renderer(member.timestamp_format)
    return renderer(member.shape)


def _make_renderer(shape: Shape) -> Renderer:
    if shape.type == "structure" and not shape.is_document:
        return _kept(shape)
    if shape.type == "list":
        element = member_renderer(shape.element)
        return lambda values: [element(value) for value in values]
    if shape.type == "map":
        inner = member_renderer(shape.value)
        return lambda values: {name: inner(value) for name, value in values.items()}
    if shape.type == "timestamp":
        return _timestamp_renderer(shape.timestamp_format)
    return _SCALAR_RENDERERS.get(shape.type, _itself)


def _kept(shape: Shape) -> Renderer:
    """The renderer of a structure; of a view the text is kept."""
    render_items = structure_renderer(shape.members)
    # One description may stand for several shapes.
    key = f"json {shape.name}"

    def render(value: Any) -> Any:
        if type(value) is Description:
            kept = value.rendered.get(key)
            if kept is None:
                kept = value.rendered[key] = msgspec.Raw(_ENCODE(render_items(value)))
            return kept
        return render_items(value)

    return render


def _timestamp_renderer(format: str) -> Renderer:
    return epoch if format in ("", "unixTimestamp") else timestamp_writer(format)


def _itself(value: Any) -> Any:
    return value


def _number(value: float) -> float | str:
    """Return a number as JSON writes it; infinities and NaN become text."""
    return value if isfinite(value) else number_text(value)


def _of_type(value: Any, expected: type, called: str) -> Any:
    if type(value) is not expected:
        raise unreadable(f"{_KINDS.get(type(value), 'VALUE')} can not be converted to {called}")
    return value


def _text(value: Any) -> str:
    text: str = _of_type(value, str, "a String")
    return text


def _integer(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    number: int = _of_type(value, int, "an Integer")
    try:
        return within(number, 64)
    except ValueError as error:
        raise unreadable("The value can not be converted to an Integer") from error


def _float(value: Any) -> float:
    if type(value) is int:
        return float(value)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    number: float = _of_type(value, float, "a Double")
    return number


def _timestamp(value: Any) -> datetime:
    try:
        if type(value) in (int, float):
            return from_epoch(value)
        return any_timestamp(_text(value))
    except ValueError as error:
        raise unreadable("The value can not be converted to a Timestamp") from error


def _blob(value: Any) -> bytes:
    try:
        return blob(_text(value))
    except ValueError as error:
        raise unreadable("The value can not be converted to a Blob") from error


_SCALAR_READERS: dict[str, Reader] = {
    "string": _text,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": lambda value: _of_type(value, bool, "a Boolean"),
    "blob": _blob,
    "timestamp": _timestamp,
}
_SCALAR_RENDERERS: dict[str, Renderer] = {"blob": base64_text, "float": _number, "double": _number}
_KINDS = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    bool: "BOOLEAN_VALUE",
    list: "START_ARRAY",
    dict: "START_OBJECT",
    type(None): "NULL_VALUE",
}
