"""What the registry's HTTP API answers, its errors in the form that clients of it read (registry.md 24.3)."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpResponse

_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")
_JSON = ("Content-Type", "application/json; charset=utf-8")
# What each error of the service is to clients of registries: the status and the code.
_ERRORS = {
    "AccessDeniedException": (403, "DENIED"),
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ReferencedImagesNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "LayersNotFoundException": (404, "BLOB_UNKNOWN"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
}


def answered(status: int, body: bytes = b"", *headers: tuple[str, str]) -> HttpResponse:
    """Return an answer of the registry."""
    return HttpResponse(status, body, (_VERSION, *headers))


def as_json(value: Any, *headers: tuple[str, str]) -> HttpResponse:
    """Return a value as JSON."""
    return answered(200, json.dumps(value).encode(), _JSON, *headers)


def failed(status: int, code: str, message: str, *headers: tuple[str, str]) -> HttpResponse:
    """Return an error."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return answered(status, body, _JSON, *headers)


def refused(error: ApiError) -> HttpResponse:
    """Return an error of the service as clients of registries read it."""
    status, code = _ERRORS.get(
        error.code, (error.status, "UNSUPPORTED" if error.status == 501 else "UNKNOWN")
    )
    return failed(status, code, error.message)


def unknown_client(host: str, why: str) -> HttpResponse:
    """Return that a token is needed, and how it is given."""
    challenge = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
    return failed(401, "UNAUTHORIZED", why, ("WWW-Authenticate", challenge))
