"""Requests as they stand on the wire, with or without a signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from understudy_aws.authn.sigv4 import canonical_path, canonical_query
from understudy_aws.core.http import HttpRequest

VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}
FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/x-amz-json-1.0"


def form_request(service: str, fields: Any, **headers: str) -> HttpRequest:
    """A POST of a form: a mapping or pairs, which are encoded, or text that is sent as it is."""
    text = fields if isinstance(fields, str | bytes) else urlencode(fields)
    body = text.encode() if isinstance(text, str) else text
    return _scoped(HttpRequest("POST", "/", "", _headers(FORM, headers), body), service)


def action(service: str, name: str, *pairs: tuple[str, str], **fields: str) -> HttpRequest:
    """An action of a query service; parameters with a dot in their name are given as pairs."""
    always = [("Action", name), ("Version", VERSIONS[service])]
    return form_request(service, [*always, *pairs, *fields.items()])


def json_request(target: str, body: Any, **headers: str) -> HttpRequest:
    """A call of App Runner: a value, or bytes that are sent as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = HttpRequest("POST", "/", "", {"x-amz-target": target, **_headers(JSON, headers)}, raw)
    return _scoped(request, "apprunner")


def rest_request(
    method: str,
    path: str,
    query: str = "",
    *,
    body: bytes = b"",
    service: str = "access-analyzer",
    **headers: str,
) -> HttpRequest:
    """A call that is found by method and path; of Access Analyzer, unless another is named."""
    content_type = headers.pop("content_type", "application/json")
    return _scoped(HttpRequest(method, path, query, _headers(content_type, headers), body), service)


def _headers(content_type: str, more: Mapping[str, str]) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"host": "127.0.0.1:4566", "content-type": content_type, **named}


def _scoped(request: HttpRequest, service: str, region: str = "eu-west-1") -> HttpRequest:
    """With a signature's scope, and no signature to speak of."""
    credential = f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/{region}/{service}/aws4_request, x=y"
    return replace(request, headers={**request.headers, "authorization": credential})


def signed(request: HttpRequest, who: Any, service: str, region: str = "us-east-1") -> HttpRequest:
    """The request signed over its host, its date and its other `x-amz-` headers; `who` has key, secret, a token or none."""
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    covered = {name: text for name, text in request.headers.items() if name.startswith("x-amz-")}
    covered |= {"host": request.headers["host"], "x-amz-date": at}
    names = ";".join(sorted(covered))
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    canonical = "\n".join(
        (
            request.method,
            canonical_path(request.path),
            canonical_query(request.query),
            "".join(f"{name}:{' '.join(covered[name].split())}\n" for name in sorted(covered)),
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    key = f"AWS4{who.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}".encode(), "sha256").hex()
    credential = (
        f"AWS4-HMAC-SHA256 Credential={who.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    headers = {**request.headers, "x-amz-date": at, "authorization": credential}
    if who.session_token is not None:
        headers["x-amz-security-token"] = who.session_token
    return replace(request, headers=headers)


def wire_bytes(request: HttpRequest) -> bytes:
    """The request as HTTP/1.1 has it."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    headers = {**request.headers, "content-length": str(len(request.body))}
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body
