"""EC2's query protocol: parameters in forms, answers in XML; both differ from the query protocol of IAM."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse
from understudy_aws.wire.model import Member, OperationShape, ServiceShape, Shape
from understudy_aws.wire.names import camel
from understudy_aws.wire.protocol import Protocol, Route
from understudy_aws.wire.query_tree import Reader, ordered, scalar_reader, tree
from understudy_aws.wire.scalars import iso_milliseconds
from understudy_aws.wire.validation import Problem, phrase
from understudy_aws.wire.xml import XmlWriter, escaped

_HEADERS = ("Content-Type", "text/xml;charset=UTF-8")
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# The member of tags, attributes, filters and options whose text may be empty.
_VALUE = "Value"
# What lists are called where they are missing; others are called as the API description calls them (ec2.md 7.2).
_SETS = {"Resources": "resourceIdSet", "Tags": "tagSet"}
# What belongs to the request and not to the operation.
_COMMON = frozenset(
    [
        "Action",
        "Version",
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "Expires",
        "SecurityToken",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    ]
)


class Ec2Query(Protocol):
    """Reads and writes EC2's query protocol (ec2.md 7.2)."""

    name = "ec2"
    unavailable = "Unavailable"

    def __init__(self) -> None:
        self._writer = XmlWriter("ec2", "item", iso_milliseconds)

    def read(self, route: Route) -> dict[str, Any]:
        assert route.operation.input is not None
        fields = {name: value for name, value in route.form.read().items() if name not in _COMMON}
        value: dict[str, Any] = self._reader(route.operation.input)(tree(fields, _unknown), "")
        return value

    def no_text(self) -> ApiError:
        return ApiError("InvalidParameterValue", "The request holds a character that is no text.")

    def invalid(self, _service: ServiceShape, problems: list[Problem]) -> ApiError:
        problem = problems[0]
        if problem.kind == "required":
            return ApiError(
                "MissingParameter", f"The request must contain the parameter {_missing_name(problem)}"
            )
        return _invalid_value(camel(problem.name), problem.value, phrase(problem))

    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        name = operation.name
        # Operations without output say that all went well in one word.
        inner = (
            self._writer.renderer(operation.output)(answer or {})
            if operation.output
            else "<return>true</return>"
        )
        text = (
            f'{_DECLARATION}<{name}Response xmlns="{operation.service.xml_namespace}/">'
            f"<requestId>{request_id}</requestId>{inner}</{name}Response>"
        )
        return HttpResponse(200, text.encode(), (_HEADERS, ("x-amzn-RequestId", request_id)))

    def render_error(self, error: ApiError, _service: ServiceShape | None, request_id: str) -> HttpResponse:
        text = (
            f"{_DECLARATION}<Response><Errors><Error><Code>{escaped(error.code)}</Code>"
            f"<Message>{escaped(error.message)}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return HttpResponse(error.status, text.encode(), (_HEADERS, ("x-amzn-RequestId", request_id)))

    def _reader(self, shape: Shape) -> Reader:
        made: Reader | None = shape.compiled.get("read ec2")
        if made is None:
            shape.compiled["read ec2"] = lambda node, name: shape.compiled["read ec2"](node, name)  # noqa: PLW0108 - looked up when called
            made = shape.compiled["read ec2"] = self._make(shape)
        return made

    def _make(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        return scalar_reader(
            shape, lambda of, name, text: _invalid_value(camel(name), text, _EXPECTED[of.type])
        )

    def _structure(self, shape: Shape) -> Reader:
        fields = {
            _wire_name(member, name): (name, self._reader(member.shape))
            for name, member in shape.members.items()
        }

        def read_structure(node: Any, where: str) -> Any:
            if type(node) is not dict:
                raise _invalid_value(camel(where), node, "A structure is expected.")
            value = {}
            for name, below in node.items():
                field = fields.get(name)
                if field is None:
                    raise _unknown(name)
                # An empty text counts as absent, but for the value of a tag or an attribute (ec2.md 7.2).
                if below == "" and name != _VALUE:
                    continue
                value[field[0]] = field[1](below, name)
            return value

        return read_structure

    def _list(self, shape: Shape) -> Reader:
        element = self._reader(shape.element.shape)

        def refuse(name: str) -> ApiError:
            return ApiError("InvalidParameterValue", f"The index of the parameter {name[:200]} is invalid.")

        def read_list(node: Any, name: str) -> Any:
            if type(node) is not dict:
                raise _unknown(name)
            # Any first index and any gaps are fine.
            found = [below for _, below in ordered(node, name, lowest=0, refuse=refuse)]
            if "" in found and name != _VALUE:
                raise _invalid_value(camel(name), "", "The value cannot be empty")
            return [element(below, name) for below in found]

        return read_list


def _wire_name(member: Member, name: str) -> str:
    """Return a member's name in forms: its query name, else its location name with a capital, else its own."""
    if member.query_name:
        return member.query_name
    if member.location_name:
        return member.location_name[:1].upper() + member.location_name[1:]
    return name


def _missing_name(problem: Problem) -> str:
    """Return what AWS calls a parameter that is missing: a single one as on the wire, a list by a name of its own."""
    member = problem.member
    assert member is not None, "a problem of this kind has its member"
    if member.shape.type == "list":
        return _SETS.get(problem.name, camel(problem.name))
    return _wire_name(member, problem.name)


def _unknown(name: str) -> ApiError:
    return ApiError("UnknownParameter", f"The parameter {name[:200]} is not recognized")


def _invalid_value(name: str, value: Any, why: str) -> ApiError:
    return ApiError(
        "InvalidParameterValue", f"Value ({str(value)[:200]}) for parameter {name} is invalid. {why}"
    )


_EXPECTED = {
    "string": "A text is expected.",
    "integer": "An integer is expected.",
    "long": "An integer is expected.",
    "float": "A number is expected.",
    "double": "A number is expected.",
    "boolean": "A boolean is expected.",
    "blob": "Base64 is expected.",
    "timestamp": "A timestamp is expected.",
}
