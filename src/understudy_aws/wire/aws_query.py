"""The query protocol of IAM and STS: parameters in forms, answers in XML."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.clock import iso_seconds
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse
from understudy_aws.wire.model import Member, OperationShape, ServiceShape, Shape
from understudy_aws.wire.name_texts import name_text
from understudy_aws.wire.names import camel
from understudy_aws.wire.protocol import Protocol, Route
from understudy_aws.wire.query_tree import Reader, ordered, scalar_reader, tree
from understudy_aws.wire.validation import Problem, echo, phrase
from understudy_aws.wire.xml import XmlWriter, escaped

_HEADERS = ("Content-Type", "text/xml")


class AwsQuery(Protocol):
    """Reads and writes the query protocol (iam.md 2.8)."""

    name = "query"

    def __init__(self) -> None:
        self._writer = XmlWriter("query", "member", iso_seconds)

    def read(self, route: Route) -> dict[str, Any]:
        assert route.operation.input is not None
        read = self._reader(route.operation.input)
        value: dict[str, Any] = read(tree(route.form.read(), _malformed), "")
        return value

    def no_text(self) -> ApiError:
        return ApiError("MalformedInput", "The request holds a character that is no text.")

    def invalid(self, service: ServiceShape, problems: list[Problem]) -> ApiError:
        is_iam = service.id == "iam"
        if is_iam:
            # A name or path of other characters is told last, in a text of its own (iam.md 2.4).
            others = [problem for problem in problems if name_text(problem) is None]
            if not others:
                return ApiError("ValidationError", name_text(problems[0]) or "")
            problems = others
        # STS prints the value, IAM does not (iam.md 2.4).
        told = [_told(problem, with_value=not is_iam) for problem in problems]
        plural = "s" if len(told) > 1 else ""
        return ApiError(
            "ValidationError", f"{len(told)} validation error{plural} detected: {'; '.join(told)}"
        )

    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        name, namespace = operation.name, operation.service.xml_namespace
        result = ""
        if operation.output is not None:
            inner = self._writer.renderer(operation.output)(answer or {})
            wrapper = operation.output_wrapper
            result = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
        text = (
            f'<{name}Response xmlns="{namespace}">{result}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
        return HttpResponse(200, text.encode(), (_HEADERS, ("x-amzn-RequestId", request_id)))

    def render_error(self, error: ApiError, service: ServiceShape | None, request_id: str) -> HttpResponse:
        namespace = f' xmlns="{service.xml_namespace}"' if service is not None else ""
        whose = "Sender" if error.is_the_clients else "Receiver"
        # Some of AWS's refusals have a code alone.
        said = f"<Message>{escaped(error.message)}</Message>" if error.message else ""
        text = (
            f"<ErrorResponse{namespace}><Error><Type>{whose}</Type><Code>{escaped(error.code)}</Code>"
            f"{said}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return HttpResponse(error.status, text.encode(), (_HEADERS, ("x-amzn-RequestId", request_id)))

    def _reader(self, shape: Shape) -> Reader:
        made: Reader | None = shape.compiled.get("read query")
        if made is None:
            shape.compiled["read query"] = lambda node, name: shape.compiled["read query"](node, name)  # noqa: PLW0108 - looked up when called
            made = shape.compiled["read query"] = self._make(shape)
        return made

    def _make(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape, flattened=shape.flattened)
        if shape.type == "map":
            return self._map(shape, flattened=shape.flattened)
        return scalar_reader(shape, _not_that)

    def _structure(self, shape: Shape) -> Reader:
        fields = {
            _wire_name(member, name): (name, self._member(member)) for name, member in shape.members.items()
        }

        def read_structure(node: Any, where: str) -> Any:
            if type(node) is not dict:
                raise _malformed(where)
            value = {}
            for name, below in node.items():
                field = fields.get(name)
                # Members AWS does not know are ignored, but a number is an index too many (iam.md 2.8).
                if field is not None:
                    value[field[0]] = field[1](below, name)
                elif where and name.isdecimal():
                    raise _malformed(f"{where}.{name}")
            return value

        return read_structure

    def _member(self, member: Member) -> Reader:
        shape = member.shape
        if shape.type == "list":
            return self._list(shape, flattened=member.flattened)
        if shape.type == "map":
            return self._map(shape, flattened=member.flattened)
        return self._reader(shape)

    def _list(self, shape: Shape, *, flattened: bool) -> Reader:
        element = self._reader(shape.element.shape)
        item = shape.element.location_name or "member"

        def read_list(node: Any, name: str) -> Any:
            if node == "":
                return []  # `Tags=` is how an empty list is sent.
            inner = node if flattened else node.get(item) if type(node) is dict else None
            if inner == "":
                return []
            if type(inner) is not dict:
                raise _malformed(name)
            found = ordered(inner, name, lowest=1, refuse=_malformed)
            for place, (number, _) in enumerate(found, 1):
                if place != number:
                    raise _missing(f"{camel(name)}.{place}.member")
            return [element(below, f"{name}.{number}") for number, below in found]

        return read_list

    def _map(self, shape: Shape, *, flattened: bool) -> Reader:
        key, value = self._reader(shape.key.shape), self._reader(shape.value.shape)
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"

        def read_map(node: Any, name: str) -> Any:
            inner = node if flattened else node.get("entry") if type(node) is dict else None
            if type(inner) is not dict:
                raise _malformed(name)
            entries = {}
            for number, below in ordered(inner, name, lowest=1, refuse=_malformed):
                if type(below) is not dict or key_name not in below or value_name not in below:
                    raise _malformed(f"{name}.{number}")
                entries[key(below[key_name], name)] = value(below[value_name], name)
            return entries

        return read_map


def _wire_name(member: Member, name: str) -> str:
    """Return a member's name in forms: for a flattened list with a named element, the element's name."""
    if member.shape.type == "list" and member.flattened and member.shape.element.location_name:
        return member.shape.element.location_name
    return member.location_name or name


def _told(problem: Problem, *, with_value: bool) -> str:
    if problem.kind == "required":
        return f"Value null at '{problem.path}' failed to satisfy constraint: {phrase(problem)}"
    value = f" '{echo(problem.value)}'" if with_value else ""
    return f"Value{value} at '{problem.path}' failed to satisfy constraint: {phrase(problem)}"


def _missing(path: str) -> ApiError:
    """A gap in a list is a missing element (iam.md 2.8)."""
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null",
    )


def _malformed(name: str) -> ApiError:
    return ApiError("MalformedInput", f"The parameter {name[:200]!r} is malformed.")


def _not_that(_shape: Shape, name: str, _text: str) -> ApiError:
    return _malformed(name)
