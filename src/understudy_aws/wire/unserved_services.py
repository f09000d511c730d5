"""Refuses requests to services that are not served here, in the protocol that the client speaks.

A request shows its protocol by itself, so nothing has to be known about the service but its name. That alone tells
the services with XML bodies (botocore's API descriptions, `protocols`) from those with JSON bodies.
"""

from __future__ import annotations

import re
from typing import Protocol

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest, HttpResponse
from understudy_aws.wire.model import ServiceShape
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.xml import escaped

# What requests to services of the rest-xml protocol are signed for.
_WITH_XML = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts", "cloudfront", "route53"})
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]{1,128})")
_CBOR_PATH = re.compile(r"/service/[^/]{1,128}/operation/([A-Za-z0-9]{1,128})")
_NAME = re.compile(r"[A-Za-z0-9]{1,128}")
# An Action stands at the beginning of a form; a large body is not looked through for it.
_FORM_HEAD = 4096
_FOUR_BYTES = 1 << 16


class ErrorRenderer(Protocol):
    """Writes errors; every protocol is one."""

    def render_error(
        self, error: ApiError, service: ServiceShape | None, request_id: str, /
    ) -> HttpResponse: ...


class RestXmlErrors:
    """Writes errors as S3, CloudFront and Route 53 do, so that SDKs read code and message."""

    @staticmethod
    def render_error(error: ApiError, _service: ServiceShape | None, request_id: str, /) -> HttpResponse:
        code, message = escaped(error.code), escaped(error.message)
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        headers = (("Content-Type", "application/xml"), ("x-amz-request-id", request_id))
        return HttpResponse(error.status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), headers)


class CborErrors:
    """Writes errors of the protocol smithy-rpc-v2-cbor: a map of two texts (RFC 8949)."""

    @staticmethod
    def render_error(error: ApiError, _service: ServiceShape | None, request_id: str, /) -> HttpResponse:
        pairs = (("__type", error.code), ("message", error.message))
        body = bytes([0xA0 | len(pairs)]) + b"".join(_cbor_text(text) for pair in pairs for text in pair)
        headers = (
            ("Content-Type", "application/cbor"),
            ("smithy-protocol", "rpc-v2-cbor"),
            ("x-amzn-RequestId", request_id),
        )
        return HttpResponse(error.status, body, headers)


def _cbor_text(text: str) -> bytes:
    """Return a text string, its length in one, two or three bytes as its size asks for."""
    content = text.encode("utf-8", "replace")[: _FOUR_BYTES - 1]
    size = len(content)
    if size < 24:
        return bytes([0x60 | size]) + content
    return (b"\x78" + bytes([size]) if size < 256 else b"\x79" + size.to_bytes(2)) + content


ERROR_RENDERERS: dict[str, ErrorRenderer] = {
    **PROTOCOLS,
    "rest-xml": RestXmlErrors(),
    "cbor": CborErrors(),
}


def refusal_of(request: HttpRequest, service: str) -> tuple[str, ApiError]:
    """Return the protocol to answer in, and the error, for a request that is signed for a service not served here."""
    protocol, operation = _spoken(request, service)
    called = f"{service[:64]}:{operation}" if operation else service[:64]
    message = f"Understudy does not serve {called}."
    return protocol, ApiError("NotImplemented", message, 501)


def _spoken(request: HttpRequest, service: str) -> tuple[str, str]:
    """Return the protocol that a client speaks, and the operation's name where the request has it in plain words."""
    headers = request.headers
    if headers.get("smithy-protocol", "") == "rpc-v2-cbor":
        found = _CBOR_PATH.search(request.path)
        return "cbor", found[1] if found else ""
    if "x-amz-target" in headers:
        name = headers["x-amz-target"].rpartition(".")[2]
        return "json", name if _NAME.fullmatch(name) else ""
    if service in _WITH_XML:
        return "rest-xml", ""
    action = _ACTION.search(request.body[:_FORM_HEAD]) if "form-" in headers.get("content-type", "") else None
    action = action or _ACTION.search(request.query.encode("latin-1", "replace"))
    if action is not None:
        return ("ec2" if service == "ec2" else "query"), action[1].decode()
    # Without a path and without JSON it can only be a form, if a strange one.
    if request.path == "/" and "json" not in headers.get("content-type", ""):
        return "query", ""
    return "rest-json", ""
