"""Reads AWS's API descriptions from botocore's data; no other module does, and none imports botocore's code."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.wire.names import snake


class _Reference(msgspec.Struct, rename="camel"):
    shape: str
    location: str = ""
    location_name: str = ""
    query_name: str = ""
    flattened: bool = False
    idempotency_token: bool = False
    timestamp_format: str = ""
    result_wrapper: str = ""
    json_value: bool = msgspec.field(default=False, name="jsonvalue")


class _ErrorTrait(msgspec.Struct, rename="camel"):
    code: str = ""
    http_status_code: int = 400


class _RawShape(msgspec.Struct, rename="camel"):
    type: str
    members: dict[str, _Reference] = {}
    required: list[str] = []
    member: _Reference | None = None
    key: _Reference | None = None
    value: _Reference | None = None
    enum: list[str] = []
    pattern: str = ""
    min: float | None = None
    max: float | None = None
    flattened: bool = False
    timestamp_format: str = ""
    payload: str = ""
    document: bool = False
    json_value: bool = msgspec.field(default=False, name="jsonvalue")
    event_stream: bool = msgspec.field(default=False, name="eventstream")
    error: _ErrorTrait | None = None
    exception: bool = False
    fault: bool = False
    sensitive: bool = False


class _Http(msgspec.Struct, rename="camel"):
    method: str = "POST"
    request_uri: str = "/"
    response_code: int = 200


class _RawOperation(msgspec.Struct, rename="camel"):
    name: str
    http: _Http = msgspec.field(default_factory=_Http)
    input: _Reference | None = None
    output: _Reference | None = None
    errors: list[_Reference] = []
    authtype: str = ""
    auth: list[str] = []


class _Metadata(msgspec.Struct, rename="camel"):
    api_version: str
    protocol: str
    endpoint_prefix: str
    signing_name: str = ""
    json_version: str = ""
    target_prefix: str = ""
    xml_namespace: str = ""


class _Description(msgspec.Struct):
    """A service's description, its operations and shapes still as text: EC2 has thousands and few are asked for."""

    metadata: _Metadata
    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]

    def operation(self, name: str) -> _RawOperation | None:
        text = self.operations.get(name)
        return None if text is None else _read_operation(text)

    def shape(self, name: str) -> _RawShape:
        return _read_shape(self.shapes[name])


_read_operation = msgspec.json.Decoder(_RawOperation).decode
_read_shape = msgspec.json.Decoder(_RawShape).decode


class Shape:
    """A type of an API: a structure, list, map or scalar, with its constraints.

    `compiled` holds what protocols derived from it (a parser, a renderer), so that each is derived once.
    """

    __slots__ = ("_members", "_raw", "_service", "compiled", "name", "type")

    def __init__(self, service: ServiceShape, name: str, raw: _RawShape) -> None:
        self.name = name
        self.type = raw.type
        self.compiled: dict[str, Any] = {}
        self._raw = raw
        self._service = service
        self._members: dict[str, Member] | None = None

    @property
    def members(self) -> Mapping[str, Member]:
        """A structure's members, by AWS's names."""
        if self._members is None:
            self._members = {name: Member(self._service, ref) for name, ref in self._raw.members.items()}
        return self._members

    @property
    def element(self) -> Member:
        """A list's element."""
        assert self._raw.member is not None, f"{self.name} is no list"
        return Member(self._service, self._raw.member)

    @property
    def key(self) -> Member:
        """A map's key."""
        assert self._raw.key is not None, f"{self.name} is no map"
        return Member(self._service, self._raw.key)

    @property
    def value(self) -> Member:
        """A map's value."""
        assert self._raw.value is not None, f"{self.name} is no map"
        return Member(self._service, self._raw.value)

    @property
    def required(self) -> list[str]:
        return self._raw.required

    @property
    def enum(self) -> list[str]:
        return self._raw.enum

    @property
    def pattern(self) -> str:
        """A Java regular expression that the whole of a text must match; empty for none."""
        return self._raw.pattern

    @property
    def min(self) -> float | None:
        return self._raw.min

    @property
    def max(self) -> float | None:
        return self._raw.max

    @property
    def flattened(self) -> bool:
        return self._raw.flattened

    @property
    def timestamp_format(self) -> str:
        return self._raw.timestamp_format

    @property
    def payload(self) -> str:
        """The member that is the whole body where a path says the rest; empty for none."""
        return self._raw.payload

    @property
    def is_document(self) -> bool:
        """Whether any JSON value is one of these."""
        return self._raw.document

    @property
    def is_event_stream(self) -> bool:
        return self._raw.event_stream

    @property
    def is_json_value(self) -> bool:
        return self._raw.json_value

    @property
    def is_sensitive(self) -> bool:
        """Whether AWS's description marks values of this shape as secrets."""
        return self._raw.sensitive


class Member:
    """A shape as part of another shape or of a request, with the name it has there on the wire."""

    __slots__ = ("_reference", "shape")

    def __init__(self, service: ServiceShape, reference: _Reference) -> None:
        self.shape = service.shape(reference.shape)
        self._reference = reference

    @property
    def location(self) -> str:
        """`uri`, `querystring`, `header`, `headers` or `statusCode`; empty for the body."""
        return self._reference.location

    @property
    def location_name(self) -> str:
        return self._reference.location_name

    @property
    def timestamp_format(self) -> str:
        """`iso8601`, `rfc822` or `unixTimestamp`; empty for what the protocol writes in such a place."""
        return self._reference.timestamp_format or self.shape.timestamp_format

    @property
    def is_json_value(self) -> bool:
        """Whether this text is JSON, which in a header is written as base64."""
        return self._reference.json_value or self.shape.is_json_value

    @property
    def query_name(self) -> str:
        return self._reference.query_name

    @property
    def flattened(self) -> bool:
        return self._reference.flattened or self.shape.flattened

    @property
    def is_idempotency_token(self) -> bool:
        return self._reference.idempotency_token


class OperationShape:
    """An operation: its input shape, its output shape and the errors it documents."""

    __slots__ = (
        "errors", "idempotency_token_member", "input", "is_unsigned", "members", "name", "output", "output_wrapper",
        "required", "service", "status",
    )  # fmt: skip

    def __init__(self, service: ServiceShape, raw: _RawOperation) -> None:
        self.service = service
        self.name = raw.name
        self.status = raw.http.response_code
        # Callers of such an operation have no credentials yet: AssumeRoleWithSAML and its like.
        self.is_unsigned = raw.authtype == "none" or raw.auth == [_NO_AUTH]
        self.input = service.shape(raw.input.shape) if raw.input else None
        self.output = service.shape(raw.output.shape) if raw.output else None
        self.output_wrapper = raw.output.result_wrapper if raw.output else ""
        fields = self.input.members if self.input else {}
        self.members: dict[str, str] = {snake(name): name for name in fields}
        self.required: tuple[str, ...] = (
            tuple(snake(name) for name in self.input.required) if self.input else ()
        )
        # EC2's descriptions mark most members of this name, and the documentation of all of them says the same.
        tokens = [
            snake(name)
            for name, member in fields.items()
            if member.is_idempotency_token or name == "ClientToken"
        ]
        self.idempotency_token_member: str | None = tokens[0] if tokens else None
        self.errors: dict[str, int] = dict(service.error(reference.shape) for reference in raw.errors)

    def __repr__(self) -> str:
        return f"OperationShape({self.service.id}:{self.name})"


class ServiceShape:
    """A service: its protocol and its operations, each made when first asked for."""

    def __init__(self, id: str, description: _Description) -> None:
        metadata = description.metadata
        self.id = id
        self.protocol = metadata.protocol
        self.api_version = metadata.api_version
        self.json_version = metadata.json_version
        # How the refusal of a signature is worded (`authn.errors`): by protocol, and JSON 1.1 has a way of its own.
        newer = metadata.protocol == "json" and metadata.json_version == "1.1"
        self.dialect = "json-1.1" if newer else metadata.protocol
        self.signing_name = metadata.signing_name or metadata.endpoint_prefix
        self.target_prefix = metadata.target_prefix
        self.xml_namespace = (
            metadata.xml_namespace or f"http://{id}.amazonaws.com/doc/{metadata.api_version}/"
        )
        self.operation_names = frozenset(description.operations)
        self._description = description
        self._operations: dict[str, OperationShape] = {}
        self._shapes: dict[str, Shape] = {}
        self._error_shapes: dict[str, str] | None = None

    def operation(self, name: str) -> OperationShape | None:
        """Return the operation of that name; None if there is none."""
        found = self._operations.get(name)
        if found is None and (raw := self._description.operation(name)) is not None:
            found = self._operations[name] = OperationShape(self, raw)
        return found

    def shape(self, name: str) -> Shape:
        """Return the shape of that name, the same object each time."""
        found = self._shapes.get(name)
        if found is None:
            found = self._shapes[name] = Shape(self, name, self._description.shape(name))
        return found

    def error(self, shape_name: str) -> tuple[str, int]:
        """An error's code on the wire, and its HTTP status."""
        raw = self._description.shape(shape_name)
        status = raw.error.http_status_code if raw.error else 500 if raw.fault else 400
        return (raw.error.code if raw.error and raw.error.code else shape_name), status

    def error_shape(self, code: str) -> Shape | None:
        """The members of the error of that code on the wire; None if the service describes none such."""
        if self._error_shapes is None:
            self._error_shapes = {
                (raw.error.code if raw.error and raw.error.code else name): name
                for name, raw in ((name, self._description.shape(name)) for name in self._description.shapes)
                if raw.exception or raw.error
            }
        name = self._error_shapes.get(code)
        return None if name is None else self.shape(name)

    def http_bindings(self) -> Iterator[tuple[str, str, str]]:
        """Return each operation's HTTP binding: its name, method and URI template."""
        for name, text in self._description.operations.items():
            raw = _read_operation(text)
            yield name, raw.http.method, raw.http.request_uri

    def __repr__(self) -> str:
        return f"ServiceShape({self.id})"


@cache
def load(service_id: str) -> ServiceShape:
    """The description of a service that is served, read when first asked for."""
    return described(service_id)


def versions(service_id: str) -> list[str]:
    """The API versions of a service, such as `2016-11-15`, without reading a description. Raises FileNotFoundError."""
    return [folder.name for folder in (_data() / service_id).iterdir()]


def described(service_id: str) -> ServiceShape:
    """The newest description of a service, by its folder in botocore's data. Raises FileNotFoundError."""
    newest = _data() / service_id / max(versions(service_id))
    packed = newest / "service-2.json.gz"
    text = (
        zlib.decompress(packed.read_bytes(), _GZIP)
        if packed.exists()
        else (newest / "service-2.json").read_bytes()
    )
    return ServiceShape(service_id, msgspec.json.decode(text, type=_Description))


_NO_AUTH = "smithy.api#noAuth"
# zlib's word for a gzip header with the largest window; the gzip module itself takes a quarter longer.
_GZIP = 31


def _data() -> Path:
    spec = find_spec("botocore")
    assert spec is not None, "botocore is a dependency"
    assert spec.origin is not None, "botocore is an ordinary package"
    return Path(spec.origin).parent / "data"
