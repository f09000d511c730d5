"""Finds the operation of a request, by the signature's scope and the operation's name or path."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from urllib.parse import unquote

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.bodies import LARGEST_FORM, Form, MalformedBodyError, malformed, repeated, unpacked
from understudy_aws.wire.json_values import LARGEST_JSON
from understudy_aws.wire.model import ServiceShape, load
from understudy_aws.wire.protocol import Protocol, RestRoute, Route
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.service_addresses import ServiceAddresses
from understudy_aws.wire.unserved_services import ERROR_RENDERERS, ErrorRenderer, refusal_of
from understudy_aws.wire.uri_templates import UriTable

DEFAULT_REGION = "us-east-1"
_FORM = "application/x-www-form-urlencoded"
# As clients say it.
_FORMS = frozenset({"", _FORM, f"{_FORM}; charset=utf-8"})
_REGION_SHAPED = re.compile("[a-z0-9-]{1,32}")
_NOWHERE = (None, DEFAULT_REGION)
# A client's credential is the same all day long; what strangers send is remembered only if it is short.
_LONGEST_REMEMBERED = 256


class RoutingError(ApiError):
    """No operation was found; `protocol` is the one to answer in."""

    def __init__(self, protocol: str, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.protocol: ErrorRenderer = ERROR_RENDERERS[protocol]


def route(request: HttpRequest, services: ServiceAddresses) -> Route:
    """Find service, operation and region. Raises RoutingError, and nothing else, whatever came in."""
    service, region = _scope(request)
    headers = request.headers
    id = services.signed_for(service) if service is not None else None
    if service is not None and id is None:
        dialect, refusal = refusal_of(request, service)
        raise RoutingError(dialect, refusal.code, refusal.message, refusal.status)
    if "x-amz-target" in headers:
        return _by_target(request, services, region)
    if request.path != "/":
        found = _by_path(request, services, service, region)
        if found is not None:
            return found
    if "json" in headers.get("content-type", ""):
        return _by_target(request, services, region)
    return _by_action(request, services, id, region)


def spoken_by(request: HttpRequest, services: ServiceAddresses) -> tuple[Protocol, ServiceShape | None]:
    """Return the protocol that a client speaks and the service it means, as far as the head tells."""
    if "x-amz-target" in request.headers:
        id = services.with_target(request.headers["x-amz-target"].rpartition(".")[0])
        return PROTOCOLS["json"], load(id) if id is not None else None
    name, _ = _scope(request)
    id = services.signed_for(name) if name is not None else _by_host(request, services)
    if id is None:
        return PROTOCOLS["query"], None
    service = load(id)
    return PROTOCOLS[service.protocol], service


def _by_path(
    request: HttpRequest, services: ServiceAddresses, service: str | None, region: str
) -> Route | None:
    """Find the operation at the request's path; None if the service has no paths, or an unsigned path is unknown."""
    id = services.signed_for(service) if service is not None else _by_host(request, services)
    candidates = services.with_paths if service is None and id is None else (id,)
    try:
        for known in services.with_paths:
            if known not in candidates:
                continue
            query = repeated(request.query) if request.query else {}
            found = _table(known).find(request.method, request.path, query)
            if found is not None:
                return _rest_route(request, load(known), *found, query, region)
    except MalformedBodyError as error:
        raise RoutingError(
            "rest-json", "SerializationException", f"The request is malformed: {error}."
        ) from error
    if id not in services.with_paths:
        return None
    raise RoutingError(
        "rest-json", "UnknownOperationException", _no_such(f"{request.method} {request.path}"), 404
    )


def _rest_route(  # noqa: PLR0917 - everything a request with a path consists of
    request: HttpRequest,
    service: ServiceShape,
    name: str,
    labels: dict[str, str],
    query: dict[str, list[str]],
    region: str,
) -> Route:
    operation = service.operation(name)
    assert operation is not None, f"{service} has a path for {name}"
    body = _json_body(request, "rest-json")
    return RestRoute(
        service,
        operation,
        PROTOCOLS["rest-json"],
        region,
        body=body,
        encoding=request.headers.get("content-encoding", ""),
        labels=labels,
        query=query,
        headers=request.headers,
    )


@cache
def _table(service: str) -> UriTable:
    return UriTable(load(service).http_bindings())


def _by_target(request: HttpRequest, services: ServiceAddresses, region: str) -> Route:
    headers = request.headers
    target = headers.get("x-amz-target", "")
    prefix, _, name = target.rpartition(".")
    id = services.with_target(prefix)
    if id is None:
        raise RoutingError("json", "UnknownOperationException", _no_such(target), 404)
    found = load(id)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (f"application/x-amz-json-{found.json_version}", "application/x-amz-json-1.1"):
        raise RoutingError(
            "json",
            "SerializationException",
            f"The content type must be application/x-amz-json-{found.json_version}, not {content_type[:64]!r}.",
        )
    operation = found.operation(name)
    if operation is None:
        raise RoutingError("json", "UnknownOperationException", _no_such(target), 404)
    return Route(
        found,
        operation,
        PROTOCOLS["json"],
        region,
        body=_json_body(request, "json", services.largest_body(id)),
        encoding=request.headers.get("content-encoding", ""),
        largest=services.largest_body(id),
    )


def _json_body(request: HttpRequest, dialect: str, largest: int = LARGEST_JSON) -> bytes:
    if len(request.body) > largest:
        raise RoutingError(
            dialect, "RequestEntityTooLargeException", f"The body is larger than {largest} bytes.", 413
        )
    return request.body


def _by_action(request: HttpRequest, services: ServiceAddresses, id: str | None, region: str) -> Route:
    dialect = "ec2" if id == "ec2" else "query"
    fields = _form(request, dialect)
    try:
        action, version = fields.glance("Action"), fields.glance("Version")
    except MalformedBodyError as error:
        refusal = malformed(error)
        raise RoutingError(dialect, refusal.code, refusal.message) from error
    id = id or services.of_version(version) or _by_host(request, services)
    if not action:
        raise RoutingError(dialect, "MissingAction", "The request must contain the parameter Action.")
    if id is None or load(id).protocol not in ("query", "ec2"):
        raise RoutingError(
            load(id).protocol if id else "query",
            "UnknownOperationException",
            "The request names no operation of a service here.",
            404,
        )
    found = load(id)
    operation = found.operation(action)
    # EC2 answers to its older versions too; the others have one.
    if operation is None or (found.protocol == "query" and version != found.api_version):
        raise _invalid_action(found, action, version)
    return Route(found, operation, PROTOCOLS[found.protocol], region, form=fields)


def _form(request: HttpRequest, dialect: str) -> Form:
    """Return the form in the body of a POST, or in the query string."""
    if request.method == "GET":
        return Form(request.query, last_wins=False)
    content_type = request.headers.get("content-type", "")
    if request.body and content_type not in _FORMS:
        content_type = content_type.partition(";")[0].strip().lower()
        if content_type not in _FORMS:
            raise RoutingError(
                dialect, "MalformedInput", f"The content type must be {_FORM}, not {content_type[:64]!r}."
            )
    if len(request.body) > LARGEST_FORM:
        raise RoutingError(
            dialect, "RequestEntityTooLarge", f"The body is larger than {LARGEST_FORM} bytes.", 413
        )
    encoding = request.headers.get("content-encoding", "")
    if encoding and request.body:
        # Of a packed form nothing can be known without unpacking it.
        try:
            return Form(request.query, unpacked(request.body, encoding, LARGEST_FORM))
        except ApiError as error:
            raise RoutingError(dialect, error.code, error.message, error.status) from error
    return Form(request.query, request.body)


def _scope(request: HttpRequest) -> tuple[str | None, str]:
    """Return service and region from the signature's scope; the signature itself is checked later."""
    text = request.headers.get("authorization", "")
    start = text.find("Credential=")
    if start >= 0:
        end = text.find(",", start)
        credential = text[start + 11 : end if end >= 0 else len(text)]
        return _place(credential) if len(credential) <= _LONGEST_REMEMBERED else _read_place(credential)
    start = request.query.find("X-Amz-Credential=")
    return _read_place(unquote(request.query[start + 17 :].split("&", 1)[0])) if start >= 0 else _NOWHERE


def _read_place(credential: str) -> tuple[str | None, str]:
    """Return service and region of a credential, such as `AKIA…/20260102/us-east-1/iam/aws4_request`."""
    parts = (credential.split() or [""])[0].split("/")
    if len(parts) != 5:
        return None, DEFAULT_REGION
    region = parts[2] if _REGION_SHAPED.fullmatch(parts[2]) else DEFAULT_REGION
    return parts[3], region


_place = lru_cache(maxsize=1024)(_read_place)


def _by_host(request: HttpRequest, services: ServiceAddresses) -> str | None:
    return services.signed_for(request.headers.get("host", "").partition(".")[0])


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
