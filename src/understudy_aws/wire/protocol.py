"""The interface of all protocols: read parameters, write answers and errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse
from understudy_aws.wire.bodies import NO_FORM, Form, unpacked
from understudy_aws.wire.json_values import LARGEST_JSON
from understudy_aws.wire.model import OperationShape, ServiceShape
from understudy_aws.wire.names import snake
from understudy_aws.wire.validation import Problem, validator


class Route(msgspec.Struct, frozen=True):
    """The operation a request is for, its region and its protocol.

    `form` is the request's form for the query protocols. `body` is the body for the JSON protocols, in the content
    `encoding` it came in; unpacked it has at most `largest` bytes. Neither is looked into before the signature is known
    to hold.
    """

    service: ServiceShape
    operation: OperationShape
    protocol: Protocol
    region: str
    form: Form = NO_FORM
    body: bytes = b""
    encoding: str = ""
    largest: int = LARGEST_JSON

    def content(self) -> bytes:
        """Return the unpacked body. Raises ApiError."""
        return unpacked(self.body, self.encoding, self.largest) if self.encoding else self.body

    @property
    def may_hold_nul(self) -> bool:
        """Whether a parameter may hold a NUL character, which is no text."""
        if self.form is not NO_FORM:
            return self.form.may_hold_nul
        return b"u0000" in self.body or bool(self.encoding)


class RestRoute(Route, frozen=True):
    """A route found by method and path, with the path's labels, the query string and the headers."""

    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def may_hold_nul(self) -> bool:
        """Whether a parameter may hold a NUL character, which is no text."""
        return bool(self.labels or self.query) or b"u0000" in self.body or bool(self.encoding)


def holds_nul(value: Any) -> bool:
    """Whether a text anywhere in a value holds a NUL character."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                return True
        elif isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


class Protocol(ABC):
    """One of AWS's protocols. Knows shapes, and no operation by name."""

    name: str
    # The code of the error that says: not now, try again.
    unavailable = "ServiceUnavailable"

    def parse(self, route: Route) -> dict[str, Any]:
        """Read and check the parameters: top-level members in snake case, everything below by AWS's names.

        Raises ApiError in the service's words for whatever is malformed, missing or out of bounds.
        """
        shape = route.operation.input
        if shape is None:
            return {}
        value = self.read(route)
        check = validator(shape)
        if check is not None:
            problems: list[Problem] = []
            check(value, "", "", problems)
            if problems:
                raise self.invalid(route.service, problems)
        if route.may_hold_nul and holds_nul(value):
            raise self.no_text()
        return {snake(name): item for name, item in value.items()}

    def parse_unchecked(self, route: Route) -> dict[str, Any]:
        """Read the parameters of an operation that is not served, and check nothing.

        What cannot be read is as if it had not been sent.
        """
        if route.operation.input is None:
            return {}
        try:
            value = self.read(route)
        except ApiError:
            return {}
        return {} if holds_nul(value) else {snake(name): item for name, item in value.items()}

    @abstractmethod
    def read(self, route: Route) -> dict[str, Any]:
        """Read the input structure, by AWS's names."""

    @abstractmethod
    def no_text(self) -> ApiError:
        """Return the error for characters that no text can hold."""

    @abstractmethod
    def invalid(self, service: ServiceShape, problems: list[Problem], /) -> ApiError:
        """Return the error for constraints that do not hold."""

    @abstractmethod
    def render(self, operation: OperationShape, answer: Answer | None, request_id: str) -> HttpResponse:
        """Write an answer that is given by AWS's names. Members that are None are left out.

        A member the output shape does not have is our own mistake and raises KeyError.
        """

    @abstractmethod
    def render_error(self, error: ApiError, service: ServiceShape | None, request_id: str, /) -> HttpResponse:
        """Write an error."""
