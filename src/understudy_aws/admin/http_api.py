"""The administrative API over HTTP: `/_understudy/…` and `/_localstack/health`, in JSON."""

from __future__ import annotations

import hmac
import logging
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from understudy_aws.admin.administration import Administration
from understudy_aws.admin.errors import (
    AdminError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
)
from understudy_aws.admin.requests import REQUESTS, AdminRequest
from understudy_aws.core.http import HttpRequest, HttpResponse, ResponseInSteps, Steps
from understudy_aws.store.protocol import DamagedError, StoreError

PREFIXES = ("/_understudy/", "/_localstack/")

_LOG = logging.getLogger(__name__)
_TOKEN_HEADER = "x-understudy-token"  # noqa: S105 - a header's name
_ID = "{id}"


class _ForbiddenError(AdminError):
    """The request has no token, or a wrong one."""


class _WrongMethodError(AdminError):
    """The path exists, but not with this HTTP method."""


_STATUSES: dict[type[AdminError], int] = {
    InvalidRequestError: 400,
    _ForbiddenError: 403,
    NotFoundError: 404,
    _WrongMethodError: 405,
    ConflictError: 409,
    NotReadyError: 503,
}
_FIXED: dict[str, list[type[AdminRequest]]] = {}
for _each in REQUESTS:
    if not _each.path.endswith(_ID):
        _FIXED.setdefault(_each.path, []).append(_each)
_WITH_ID = {request.path.removesuffix(_ID): request for request in REQUESTS if request.path.endswith(_ID)}


class AdminApi:
    """Turns HTTP requests into administrative requests and their answers into JSON.

    Requests that are not public must carry the server's `token`, which only the owner can read. A web page in a
    browser on this machine therefore can neither read nor change anything. What runs in a VPC cannot with it either.
    """

    def __init__(self, administration: Administration, token: str) -> None:
        self.token = token
        self._administration = administration

    def handle(self, request: HttpRequest) -> HttpResponse | ResponseInSteps:
        """Answer one HTTP request. A refusal is `{"error": one sentence}`."""
        try:
            asked = self._read(request)
            steps = self._administration.answer_in_steps(asked)
            if steps is not None:
                # The trail may hold very many calls, and accounts very many principals.
                return ResponseInSteps(_answered(steps))
            return _response(200, self._administration.answer(asked))
        except (AdminError, StoreError) as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001 - whoever asked is told that it was not his mistake
            return _failed(error)

    @staticmethod
    def not_durable(reason: str) -> HttpResponse:
        """The answer to a request whose changes could not be made durable, for a reason that is one sentence."""
        return _unavailable(reason)

    def _read(self, request: HttpRequest) -> AdminRequest:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.rstrip("/")
        asked, id = _find(path, method)
        given = request.headers.get(_TOKEN_HEADER, "").encode("utf-8", "surrogateescape")
        known = hmac.compare_digest(given, self.token.encode())
        public = asked is not None and asked.public and method in asked.methods
        if request.inside and not public:
            # Whatever a service has come to know, it administers nothing.
            raise _ForbiddenError(
                "This request is taken from this machine alone, and from nothing that runs in a VPC."
            )
        # A wrong token is refused for public requests too: the client means another server, which is gone.
        if not known and (given or not public):
            raise _ForbiddenError(
                "This request needs the server's token, which is in server.json of its state directory."
            )
        if asked is None:
            raise NotFoundError(f"There is no {path} here.")
        if method not in asked.methods:
            raise _WrongMethodError(f"{path} does not take {method}.")
        return _decoded(asked, method, request, id)


def _answered(steps: Steps[Any]) -> Steps[HttpResponse]:
    try:
        answer = yield from steps
    except (AdminError, StoreError) as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(error)
    return _response(200, answer)


def _refused(error: AdminError | StoreError) -> HttpResponse:
    if isinstance(error, AdminError):
        return _response(_STATUSES[type(error)], {"error": str(error)})
    if isinstance(error, DamagedError):
        return _response(503, {"error": str(error)})
    return _unavailable(str(error))


def _failed(error: Exception) -> HttpResponse:
    """Answer that a mistake of ours was met, which the log shows."""
    _LOG.error("an administrative request failed", exc_info=error)
    return _response(500, {"error": f"The server failed inside: {type(error).__name__}: {error}"})


def _unavailable(reason: str) -> HttpResponse:
    return _response(503, {"error": f"What the request changed could not be kept: {reason}"})


def _response(status: int, answer: Any) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode(answer) + b"\n", (("Content-Type", "application/json"),))


def _find(path: str, method: str) -> tuple[type[AdminRequest] | None, str | None]:
    """Return the request type of a path, for this method if there is one, and the id in the path if there is one."""
    if path in _FIXED:
        found = _FIXED[path]
        return next((each for each in found if method in each.methods), found[0]), None
    for prefix, request in _WITH_ID.items():
        if path.startswith(prefix):
            return request, unquote(path.removeprefix(prefix))
    return None, None


def _decoded(asked: type[AdminRequest], method: str, request: HttpRequest, id: str | None) -> AdminRequest:
    """Read the request's parameters from query string or body. Raises InvalidRequestError."""
    if not asked.__struct_fields__:
        return asked()
    given: dict[str, Any] = {}
    if method == "POST" and (request.body or not request.query):
        found = _decoded_body(asked, request.body or b"{}")
        if not request.query:
            return found
        given = msgspec.to_builtins(found)
    # With POST a name alone, such as `?keep_keys`, is a yes.
    for name, values in parse_qs(request.query, keep_blank_values=method == "POST").items():
        given[name] = values[-1] or "true"
    if id is not None:
        given["id"] = id
    try:
        return msgspec.convert(given, asked, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"The query is not what {asked.path} takes: {error}.") from error


def _decoded_body(asked: type[AdminRequest], body: bytes) -> AdminRequest:
    """Read the request's parameters from a JSON body. Raises InvalidRequestError."""
    try:
        found = msgspec.json.decode(body, type=asked)
        # Half a surrogate pair, written as an escape, is read but is no text.
        msgspec.json.encode(found)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidRequestError(f"The body is not what {asked.path} takes: {error}.") from None
    return found
