"""Sends administrative requests to the server of a state, or answers them from the state when no server runs."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from understudy_aws.admin.requests import AdminRequest, Health, as_http
from understudy_aws.cli.loading import load
from understudy_aws.cli.server_files import ServerFile, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

_TIMEOUT = 30.0  # seconds


class NoServerError(Exception):
    """Nothing listens at the endpoint of a server."""


def running_server(settings: Settings) -> ServerFile | None:
    """Return the server of this state if it answers; another program on its port is not one."""
    server = files_of(settings).read_server()
    if server is None:
        return None
    try:
        ask_server(server, Health())
    except (NoServerError, UserError):
        return None
    return server


def ask(settings: Settings, request: AdminRequest) -> Any:
    """Return the answer to a request as JSON values, from the running server or else from the state itself.

    Raises UserError when the request is refused, and when there is neither a server nor a state.
    """
    server = running_server(settings)
    if server is not None:
        return ask_server(server, request)
    if settings.in_memory:
        raise UserError(f"No server in memory runs on port {settings.port}. Start one with `understudy up`.")
    if not (settings.directory / "understudy.db").exists():
        raise UserError(
            f"No server runs and there is no state in {settings.directory}. Start one with `understudy up`."
        )
    return load("offline").answer(settings, request)


def ask_server(server: ServerFile, request: AdminRequest) -> Any:
    """Return a server's answer to a request. Raises NoServerError, or UserError when the request is refused."""
    connection = _connection(server)
    method, target, body = as_http(request)
    try:
        connection.request(
            method,
            target,
            body=body or None,
            headers={"X-Understudy-Token": server.token, "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        status, content = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoServerError(server.endpoint) from error
    finally:
        connection.close()
    return read_answer(status, content)


def read_answer(status: int, content: bytes) -> Any:
    """Return the JSON values of an HTTP answer. Raises UserError with the server's sentence for a refusal."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UserError("What answers there is no Understudy server.")
    if status >= 400:
        raise UserError(str(answer.get("error", f"The server answered {status}.")))
    return answer


def _connection(server: ServerFile) -> http.client.HTTPConnection:
    where = urlsplit(server.endpoint)
    if where.scheme == "https":
        context = ssl.create_default_context(cafile=server.certificate or None)
        return http.client.HTTPSConnection(
            where.hostname or "", where.port, timeout=_TIMEOUT, context=context
        )
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT)
