"""Which operation is this request for? A look-up by the signature's scope and the operation's name."""

from __future__ import annotations

import re
from urllib.parse import unquote

from understudy.core.errors import ApiError
from understudy.core.http import HttpRequest
from understudy.wire.bodies import MalformedBodyError, form, unpacked
from understudy.wire.model import ServiceShape, load
from understudy.wire.protocol import Protocol, Route
from understudy.wire.protocols import PROTOCOLS

DEFAULT_REGION = "us-east-1"
# Millions of tiny items are quickly sent and slowly read; no request App Runner takes comes near this.
LARGEST_JSON = 1024 * 1024
_SIGNING_NAMES = {"iam": "iam", "sts": "sts", "ec2": "ec2", "apprunner": "apprunner"}
_TARGETS = {"AppRunner": "apprunner"}
_VERSIONS = {"2010-05-08": "iam", "2011-06-15": "sts", "2016-11-15": "ec2"}
_FORM = "application/x-www-form-urlencoded"
_REGION_SHAPED = re.compile("[a-z0-9-]{1,32}")


class RoutingError(ApiError):
    """Nobody here can answer this; `protocol` is the one to say so in."""

    def __init__(self, protocol: str, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.protocol: Protocol = PROTOCOLS[protocol]


def route(request: HttpRequest) -> Route:
    """Find service, operation and region. Raises RoutingError, and nothing else, whatever came in."""
    service, region = _scope(request)
    if "x-amz-target" in request.headers or "json" in request.headers.get("content-type", ""):
        return _by_target(request, region)
    if service is not None and service not in _SIGNING_NAMES:
        raise RoutingError("query", "NotImplemented", f"Understudy does not serve {service[:64]!r}.", 501)
    return _by_action(request, service, region)


def _by_target(request: HttpRequest, region: str) -> Route:
    target = request.headers.get("x-amz-target", "")
    prefix, _, name = target.rpartition(".")
    id = _TARGETS.get(prefix)
    if id is None:
        raise RoutingError("json", "UnknownOperationException", _no_such(target), 404)
    found = load(id)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (f"application/x-amz-json-{found.json_version}", "application/x-amz-json-1.1"):
        raise RoutingError(
            "json",
            "SerializationException",
            f"The content type must be application/x-amz-json-{found.json_version}, not {content_type[:64]!r}.",
        )
    operation = found.operation(name)
    if operation is None:
        raise RoutingError("json", "UnknownOperationException", _no_such(target), 404)
    try:
        body = unpacked(request)
    except ApiError as error:
        raise RoutingError("json", error.code, error.message, error.status) from error
    if len(body) > LARGEST_JSON:
        raise RoutingError(
            "json", "RequestEntityTooLargeException", f"The body is larger than {LARGEST_JSON} bytes.", 413
        )
    return Route(found, operation, PROTOCOLS["json"], region, body=body)


def _by_action(request: HttpRequest, service: str | None, region: str) -> Route:
    dialect = "ec2" if service == "ec2" else "query"
    fields = _form(request, dialect)
    id = _SIGNING_NAMES.get(service or "") or _VERSIONS.get(fields.get("Version", "")) or _by_host(request)
    if not fields.get("Action"):
        raise RoutingError(dialect, "MissingAction", "The request must contain the parameter Action.")
    if id is None or load(id).protocol == "json":
        raise RoutingError(
            "json" if id else "query",
            "UnknownOperationException",
            "The request names no operation of a service here.",
            404,
        )
    found = load(id)
    action, version = fields["Action"], fields.get("Version", "")
    operation = found.operation(action)
    # EC2 answers to its older versions too; the others have one.
    if operation is None or (found.protocol == "query" and version != found.api_version):
        raise _invalid_action(found, action, version)
    return Route(found, operation, PROTOCOLS[found.protocol], region, form=fields)


def _form(request: HttpRequest, dialect: str) -> dict[str, str]:
    """The form in the body of a POST, or in the query string."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "GET" and request.body and content_type not in (_FORM, ""):
        raise RoutingError(
            dialect, "MalformedInput", f"The content type must be {_FORM}, not {content_type[:64]!r}."
        )
    try:
        fields = form(request.query, last_wins=request.method != "GET") if request.query else {}
        if request.method != "GET" and request.body:
            fields.update(form(unpacked(request).decode(), last_wins=True))
    except (MalformedBodyError, UnicodeDecodeError) as error:
        raise RoutingError(dialect, "MalformedQueryString", f"The request is malformed: {error}.") from error
    except ApiError as error:
        raise RoutingError(dialect, error.code, error.message, error.status) from error
    return fields


def _scope(request: HttpRequest) -> tuple[str | None, str]:
    """Service and region as the signature names them; the signature itself is checked later."""
    text = request.headers.get("authorization", "")
    start = text.find("Credential=")
    if start >= 0:
        scope = text[start + 11 :].split(",", 1)[0].split()[:1]
        parts = scope[0].split("/") if scope else []
    else:
        start = request.query.find("X-Amz-Credential=")
        parts = unquote(request.query[start + 17 :].split("&", 1)[0]).split("/") if start >= 0 else []
    if len(parts) != 5:
        return None, DEFAULT_REGION
    region = parts[2] if _REGION_SHAPED.fullmatch(parts[2]) else DEFAULT_REGION
    return parts[3], region


def _by_host(request: HttpRequest) -> str | None:
    return _SIGNING_NAMES.get(request.headers.get("host", "").partition(".")[0])


def _invalid_action(service: ServiceShape, action: str, version: str) -> RoutingError:
    if service.protocol == "ec2":
        return RoutingError(
            "ec2", "InvalidAction", f"The action {action[:128]} is not valid for this web service."
        )
    return RoutingError(
        service.protocol,
        "InvalidAction",
        f"Could not find operation {action[:128]} for version {version[:32] or 'NO_VERSION_SPECIFIED'}",
    )


def _no_such(target: str) -> str:
    return f"There is no operation {target[:128]!r}."
