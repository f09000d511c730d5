"""AWS JSON: a target in a header, JSON in and out. App Runner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from understudy.core.answers import Answer, View
from understudy.core.errors import ApiError
from understudy.core.http import HttpResponse
from understudy.wire.model import OperationShape, ServiceShape, Shape
from understudy.wire.protocol import Protocol, Route
from understudy.wire.scalars import base64_text, blob, moment, timestamp, within
from understudy.wire.validation import Problem, echo, phrase

Reader = Callable[[Any], Any]
Renderer = Callable[[Any], Any]
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


class AwsJson(Protocol):
    """Reference apprunner.md 1.1."""

    name = "json"

    def read(self, route: Route) -> dict[str, Any]:
        assert route.operation.input is not None
        try:
            document = _DECODE(route.body) if route.body.strip() else {}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise _unreadable("The request body is no valid JSON.") from error
        value: dict[str, Any] = self._reader(route.operation.input)(document)
        return value

    def invalid(self, service: ServiceShape, problems: list[Problem]) -> ApiError:
        told = [
            f"Value {_quoted(problem.value)} at '{problem.path}' "
            f"failed to satisfy constraint: {phrase(problem)}"
            for problem in problems
        ]
        plural = "s" if len(told) > 1 else ""
        return ApiError(
            # Where a service has an error of its own for this, it is that one (reference apprunner.md 1.1).
            "InvalidRequestException" if service.id == "apprunner" else "ValidationException",
            f"{len(told)} validation error{plural} detected: {'; '.join(told)}",
        )

    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        body = b"{}"
        if operation.output is not None:
            body = _ENCODE(self._renderer(operation.output)(answer or {}))
        return HttpResponse(200, body, self._headers(operation.service, request_id))

    def render_error(self, error: ApiError, service: ServiceShape | None, request_id: str) -> HttpResponse:
        # SDKs read either spelling of the message; App Runner's model has the capital one.
        body = {"__type": error.code, "message": error.message, "Message": error.message, **error.detail}
        headers = (*self._headers(service, request_id), ("x-amzn-ErrorType", _header_safe(error.code)))
        return HttpResponse(error.status, _ENCODE(body), headers)

    @staticmethod
    def _headers(service: ServiceShape | None, request_id: str) -> tuple[tuple[str, str], ...]:
        version = service.json_version if service is not None and service.json_version else "1.0"
        return (("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", request_id))

    def _reader(self, shape: Shape) -> Reader:
        made: Reader | None = shape.compiled.get("read json")
        if made is None:
            shape.compiled["read json"] = lambda value: shape.compiled["read json"](value)  # noqa: PLW0108 - looked up when called
            made = shape.compiled["read json"] = self._make_reader(shape)
        return made

    def _make_reader(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self._structure_reader(shape)
        if shape.type == "list":
            element = self._reader(shape.element.shape)
            return lambda value: [
                None if item is None else element(item) for item in _of_type(value, list, "a list")
            ]
        if shape.type == "map":
            inner = self._reader(shape.value.shape)
            return lambda value: {
                name: inner(item) for name, item in _of_type(value, dict, "a map").items() if item is not None
            }
        return _SCALAR_READERS[shape.type]

    def _structure_reader(self, shape: Shape) -> Reader:
        fields = {name: self._reader(member.shape) for name, member in shape.members.items()}

        def read_structure(value: Any) -> Any:
            # Members AWS does not know are ignored, and null is as good as absent.
            return {
                name: fields[name](item)
                for name, item in _of_type(value, dict, "a structure").items()
                if item is not None and name in fields
            }

        return read_structure

    def _renderer(self, shape: Shape) -> Renderer:
        made: Renderer | None = shape.compiled.get("json")
        if made is None:
            shape.compiled["json"] = lambda value: shape.compiled["json"](value)  # noqa: PLW0108 - looked up when called
            made = shape.compiled["json"] = self._make_renderer(shape)
        return made

    def _make_renderer(self, shape: Shape) -> Renderer:
        if shape.type == "structure":
            return self._structure_renderer(shape)
        if shape.type == "list":
            element = self._renderer(shape.element.shape)
            return lambda values: [element(value) for value in values]
        if shape.type == "map":
            inner = self._renderer(shape.value.shape)
            return lambda values: {name: inner(value) for name, value in values.items()}
        if shape.type == "timestamp":
            return _epoch
        if shape.type == "blob":
            return base64_text
        return lambda value: value

    def _structure_renderer(self, shape: Shape) -> Renderer:
        fields = {name: self._renderer(member.shape) for name, member in shape.members.items()}
        # One view may stand in places of several shapes.
        key = f"json {shape.name}"

        def render_structure(value: Any) -> Any:
            if type(value) is View:
                kept = value.rendered.get(key)
                if kept is None:
                    kept = value.rendered[key] = msgspec.Raw(_ENCODE(render_items(value)))
                return kept
            return render_items(value)

        def render_items(value: Any) -> Any:
            return {name: fields[name](item) for name, item in value.items() if item is not None}

        return render_structure


def _quoted(value: Any) -> str:
    return "null" if value is None else f"'{echo(value)}'"


def _of_type(value: Any, expected: type, called: str) -> Any:
    if type(value) is not expected:
        raise _unreadable(f"{_KINDS.get(type(value), 'VALUE')} can not be converted to {called}")
    return value


def _unreadable(message: str) -> ApiError:
    return ApiError("SerializationException", message)


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
        raise _unreadable("The value can not be converted to an Integer") from error


def _float(value: Any) -> float:
    if type(value) is int:
        return float(value)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    number: float = _of_type(value, float, "a Double")
    return number


def _moment(value: Any) -> datetime:
    try:
        if type(value) in (int, float):
            return moment(value)
        return timestamp(_text(value))
    except ValueError as error:
        raise _unreadable("The value can not be converted to a Timestamp") from error


def _blob(value: Any) -> bytes:
    try:
        return blob(_text(value))
    except ValueError as error:
        raise _unreadable("The value can not be converted to a Blob") from error


def _epoch(value: datetime) -> float:
    """Seconds since the epoch to the millisecond; whole ones as integers."""
    seconds = round(value.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _header_safe(code: str) -> str:
    return "".join(letter for letter in code if letter.isascii() and letter.isprintable())


_SCALAR_READERS: dict[str, Reader] = {
    "string": _text,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": lambda value: _of_type(value, bool, "a Boolean"),
    "blob": _blob,
    "timestamp": _moment,
}
_KINDS = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    bool: "BOOLEAN_VALUE",
    list: "START_ARRAY",
    dict: "START_OBJECT",
    type(None): "NULL_VALUE",
}
