"""Questions to a server's side doors: over its socket when one runs, in this process when none does."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from understudy.cli.loading import load
from understudy.cli.server_files import ServerFile, files_of
from understudy.core.errors import UserError
from understudy.settings import Settings

_PATIENCE = 30.0


class NobodyAnswersError(Exception):
    """Nothing listens where a server once did."""


def running(settings: Settings) -> ServerFile | None:
    """The server of this state, if it answers; not somebody who took the port of one that is gone."""
    server = files_of(settings).read_server()
    if server is None:
        return None
    try:
        over_socket(server, "GET", "/_understudy/health")
    except (NobodyAnswersError, UserError):
        return None
    return server


def ask(settings: Settings, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the side door answers, from the running server or else from the state itself.

    Raises UserError with the door's own sentence when it refuses, and when there is nothing to ask.
    """
    server = running(settings)
    if server is not None:
        return over_socket(server, method, path, body)
    if settings.in_memory:
        raise UserError(f"No server in memory runs on port {settings.port}. Start one with `understudy up`.")
    if not (settings.directory / "understudy.db").exists():
        raise UserError(
            f"No server runs and there is no state in {settings.directory}. Start one with `understudy up`."
        )
    return load("opened_state").ask(settings, method, path, body)


def over_socket(server: ServerFile, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What a server's side door answers. Raises NobodyAnswersError, or UserError with the door's sentence."""
    connection = _connection(server)
    try:
        connection.request(
            method,
            path,
            body=None if body is None else json.dumps(body),
            headers={"X-Understudy-Token": server.token, "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        status, content = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NobodyAnswersError(server.endpoint) from error
    finally:
        connection.close()
    return answer_of(status, content)


def answer_of(status: int, content: bytes) -> Any:
    """A door's answer, read. Raises UserError with its sentence when it is a refusal."""
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
            where.hostname or "", where.port, timeout=_PATIENCE, context=context
        )
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=_PATIENCE)
