"""AWS JSON: the operation in a header, all else in JSON; App Runner speaks 1.0, Organizations 1.1."""

from __future__ import annotations

from typing import Any

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse
from understudy_aws.wire.json_values import decoded, no_text, reader, renderer
from understudy_aws.wire.model import OperationShape, ServiceShape
from understudy_aws.wire.protocol import Protocol, Route
from understudy_aws.wire.scalars import header_text
from understudy_aws.wire.validation import Problem, report

_ENCODE = msgspec.json.Encoder().encode


class AwsJson(Protocol):
    """Reads and writes AWS JSON (apprunner.md 1.1)."""

    name = "json"

    def read(self, route: Route) -> dict[str, Any]:
        assert route.operation.input is not None
        value: dict[str, Any] = reader(route.operation.input)(decoded(route.content()))
        return value

    def no_text(self) -> ApiError:
        return no_text()

    def invalid(self, service: ServiceShape, problems: list[Problem]) -> ApiError:
        # Where a service has an error of its own for this, it is that one (apprunner.md 1.1).
        if service.id == "organizations":
            reason, text = _REASONS[problems[0].kind]
            return ApiError("InvalidInputException", text, detail={"Reason": reason})
        return ApiError(_INVALID.get(service.id, "ValidationException"), report(problems))

    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        body = b"{}"
        if operation.output is not None:
            body = _ENCODE(renderer(operation.output)(answer or {}))
        return HttpResponse(200, body, self._headers(operation.service, request_id))

    def render_error(self, error: ApiError, service: ServiceShape | None, request_id: str) -> HttpResponse:
        # SDKs read either spelling of the message; App Runner's model has the capital one.
        body = {"__type": error.code, "message": error.message, "Message": error.message, **error.detail}
        headers = (*self._headers(service, request_id), ("x-amzn-ErrorType", header_text(error.code)))
        return HttpResponse(error.status, _ENCODE(body), headers)

    @staticmethod
    def _headers(service: ServiceShape | None, request_id: str) -> tuple[tuple[str, str], ...]:
        version = service.json_version if service is not None and service.json_version else "1.0"
        return (("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", request_id))


# The error that a service has for what does not fit its shape (apprunner.md 1.1, logs.md 21.1, registry.md 24.5).
_INVALID = {
    "apprunner": "InvalidRequestException",
    "ecr": "InvalidParameterException",
    "logs": "InvalidParameterException",
}

# Organizations' InvalidInputException tells the first of them only: a reason, and a text that names no member.
_REASONS = {
    "required": ("INPUT_REQUIRED", "You must provide a value for all required parameters."),
    "pattern": ("INVALID_PATTERN", "You provided a value that does not match the required pattern."),
    "longest": ("MAX_LENGTH_EXCEEDED", "You provided a value that is longer than allowed."),
    "shortest": ("MIN_LENGTH_EXCEEDED", "You provided a value that is shorter than allowed."),
    "most": ("MAX_VALUE_EXCEEDED", "You provided a value that is larger than allowed."),
    "least": ("MIN_VALUE_EXCEEDED", "You provided a value that is smaller than allowed."),
    "enum": ("INVALID_ENUM", "You specified an invalid value."),
}
