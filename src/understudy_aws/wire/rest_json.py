"""The REST JSON protocol of Access Analyzer: parameters in the path, the query string, headers and a JSON body.

Event streams are not spoken: no operation served here has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse
from understudy_aws.wire.json_values import (
    decoded,
    no_text,
    reader,
    renderer,
    structure_reader,
    structure_renderer,
    unreadable,
)
from understudy_aws.wire.model import Member, OperationShape, ServiceShape, Shape
from understudy_aws.wire.protocol import Protocol, RestRoute, Route
from understudy_aws.wire.rest_texts import header_reader, header_writer, label_reader, query_reader
from understudy_aws.wire.scalars import header_text
from understudy_aws.wire.validation import Problem, report, sentence

_ENCODE = msgspec.json.Encoder().encode
_WITHOUT_BODY = (204, 304)
_JSON = "application/json"
# Ways to say the same, which differ from service to service: `fieldValidationFailed`, `FIELD_VALIDATION_FAILED`.
_INVALID_FIELD = "fieldvalidationfailed"


class _Reading(NamedTuple):
    """How an input is read: the members outside the body, and the body."""

    placed: tuple[tuple[str, Callable[[RestRoute], Any]], ...]
    body: Callable[[RestRoute], dict[str, Any]]


class _Writing(NamedTuple):
    """How an output is written: the members in headers, the one that is the status, and the body."""

    headers: Mapping[str, Callable[[Any], list[tuple[str, str]]]]
    status: str
    body: Callable[[Mapping[str, Any]], tuple[bytes, str]]


class RestJson(Protocol):
    """Reads and writes Reads and writes AWS restJson1 (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html)."""

    name = "rest-json"

    def read(self, route: Route) -> dict[str, Any]:
        assert isinstance(route, RestRoute)
        assert route.operation.input is not None
        reading = _reading(route.operation.input)
        value = reading.body(route)
        for name, read in reading.placed:
            item = read(route)
            if item is not None:
                value[name] = item
        return value

    def no_text(self) -> ApiError:
        return no_text()

    def invalid(self, service: ServiceShape, problems: list[Problem]) -> ApiError:
        shape = service.error_shape("ValidationException")
        detail = {} if shape is None else _fields(shape, problems)
        return ApiError("ValidationException", report(problems), detail=detail)

    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        headers = [("x-amzn-RequestId", request_id)]
        if operation.output is None:
            return HttpResponse(operation.status, b"", tuple(headers))
        status, body = operation.status, {}
        writing = _writing(operation.output)
        for name, item in (answer or {}).items():
            if item is None:
                continue
            if name in writing.headers:
                headers += writing.headers[name](item)
            elif name == writing.status:
                status = item
            else:
                body[name] = item
        content, content_type = writing.body(body)
        if status in _WITHOUT_BODY:
            return HttpResponse(status, b"", tuple(headers))
        if content_type and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", content_type))
        return HttpResponse(status, content, tuple(headers))

    def render_error(self, error: ApiError, service: ServiceShape | None, request_id: str) -> HttpResponse:
        headers = [("Content-Type", _JSON), ("x-amzn-RequestId", request_id)]
        headers.append(("x-amzn-ErrorType", header_text(error.code)))
        # SDKs take the code from the header or from the body, where its name is another.
        body: dict[str, Any] = {"__type": error.code}
        shape = service.error_shape(error.code) if service is not None else None
        members = shape.members if shape is not None else {}
        spelled = next((name for name in members if name.lower() == "message"), "message")
        written = _writing(shape).headers if shape is not None else {}
        for name, item in {spelled: error.message, **error.detail}.items():
            if name in written:
                headers += written[name](item)
            elif name in members:
                body |= structure_renderer({name: members[name]})({name: item})
            else:
                body[name] = item
        return HttpResponse(error.status, _ENCODE(body), tuple(headers))


def _fields(shape: Shape, problems: list[Problem]) -> dict[str, Any]:
    """Return the members of an error that lists invalid fields; they are found by their shapes."""
    detail: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.shape.type == "list" and {"name", "message"} <= member.shape.element.shape.members.keys():
            detail[name] = [{"name": problem.path, "message": sentence(problem)} for problem in problems]
        for value in member.shape.enum:
            if value.replace("_", "").lower() == _INVALID_FIELD:
                detail[name] = value
    return detail


def _reading(shape: Shape) -> _Reading:
    made: _Reading | None = shape.compiled.get("read rest")
    if made is None:
        placed = tuple(
            (name, _placed_reader(member, member.location_name or name))
            for name, member in shape.members.items()
            if member.location
        )
        made = shape.compiled["read rest"] = _Reading(placed, _body_reader(shape))
    return made


def _placed_reader(member: Member, key: str) -> Callable[[RestRoute], Any]:
    """Return the function that reads a member outside the body; it returns None if the request lacks it."""
    if member.location == "uri":
        label = label_reader(member)
        return lambda route: label(route.labels[key])
    if member.location == "querystring":
        query = query_reader(member, key)
        return lambda route: query(route.query)
    header = header_reader(member, key)
    return lambda route: header(route.headers)


def _body_reader(shape: Shape) -> Callable[[RestRoute], dict[str, Any]]:
    if shape.payload:
        return _payload_reader(shape, shape.payload, shape.members[shape.payload])
    members = {name: member for name, member in shape.members.items() if not member.location}
    if not members:
        return lambda _route: {}
    read = structure_reader(members)

    def read_body(route: RestRoute) -> dict[str, Any]:
        value: dict[str, Any] = read(_json(route))
        return value

    return read_body


def _payload_reader(shape: Shape, name: str, member: Member) -> Callable[[RestRoute], dict[str, Any]]:
    """Return the function that reads a body that is one member. An empty body is that member only if it is required."""
    required = name in shape.required
    if member.shape.is_event_stream:
        return lambda _route: {}
    if member.shape.type == "blob":
        return lambda route: {name: route.content()} if route.body or required else {}
    if member.shape.type == "string":
        return lambda route: {name: _text(route.content())} if route.body or required else {}
    read = reader(member.shape)
    return lambda route: {name: read(_json(route))} if route.content().strip() else {}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise unreadable("The request body is no valid UTF-8.") from error


def _json(route: RestRoute) -> Any:
    content_type = route.headers.get("content-type", "")
    if route.body and content_type and "json" not in content_type.lower():
        raise ApiError(
            "UnsupportedMediaTypeException",
            f"The content type must be {_JSON}, not {content_type[:64]!r}.",
            415,
        )
    return decoded(route.content())


def _writing(shape: Shape) -> _Writing:
    made: _Writing | None = shape.compiled.get("rest")
    if made is None:
        headers = {
            name: header_writer(member, member.location_name or name)
            for name, member in shape.members.items()
            if member.location in ("header", "headers")
        }
        statuses = [name for name, member in shape.members.items() if member.location == "statusCode"]
        made = shape.compiled["rest"] = _Writing(headers, "".join(statuses), _body_writer(shape))
    return made


def _body_writer(shape: Shape) -> Callable[[Mapping[str, Any]], tuple[bytes, str]]:
    """Return the function that writes a body and tells its content type."""
    if not shape.payload:
        members = {name: member for name, member in shape.members.items() if not member.location}
        render = structure_renderer(members)
        return lambda body: (_ENCODE(render(body)), _JSON)
    name, member = shape.payload, shape.members[shape.payload]
    if member.shape.type == "blob":
        return lambda body: (body.get(name, b""), "application/octet-stream")
    if member.shape.type == "string":
        return lambda body: (body.get(name, "").encode(), "text/plain")
    render = renderer(member.shape)
    return lambda body: (_ENCODE(render(body[name])) if name in body else b"{}", _JSON)
