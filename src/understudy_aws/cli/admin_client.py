"""Sends administrative requests to the server of a state, or answers them from the state when no server runs."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from understudy_aws import __version__
from understudy_aws.admin.build import BUILD
from understudy_aws.admin.requests import FORMAT, AdminRequest, Health, as_http
from understudy_aws.cli.iam_mode import say_mode
from understudy_aws.cli.invocation import command
from understudy_aws.cli.loading import load
from understudy_aws.cli.profiles import read_text
from understudy_aws.cli.server_files import ServerFile, files_of, servers_in_memory
from understudy_aws.core.errors import InternalError, UserError
from understudy_aws.settings import DEFAULTS, Settings

_FAILED = 500
_TIMEOUT = 30.0  # seconds


class NoServerError(Exception):
    """Nothing listens at the endpoint of a server."""


def running_server(settings: Settings) -> ServerFile | None:
    """Return the server of this state if it answers, of whatever version; another program on its port is not one.

    A port that is neither the default nor the server's asks for another server.
    """
    server, _ = _running(settings)
    return server


def understood_server(settings: Settings) -> ServerFile | None:
    """Return the server of this state, if it answers, to ask it something else than how it is.

    Raises UserError when it is of another version.
    """
    server, health = _running(settings)
    if server is not None:
        check_version(settings, server, health)
    return server


def _running(settings: Settings) -> tuple[ServerFile | None, Mapping[str, Any]]:
    """Return the server of this state and what it says of itself; None when it does not answer."""
    server = files_of(settings).read_server()
    if server is None or settings.port not in (0, DEFAULTS["port"], server.port):
        return None, {}
    health = health_of(server)
    if health is None:
        return None, {}
    say_mode(health.get("iam", "strict"), server.endpoint)
    return server, health


def health_of(server: ServerFile) -> Mapping[str, Any] | None:
    """Return what a server says of itself, or None when it does not answer."""
    try:
        said: Mapping[str, Any] = ask_server(server, Health())
    except (NoServerError, UserError):
        return None
    return said


def check_version(settings: Settings, server: ServerFile, health: Mapping[str, Any]) -> None:
    """Raise UserError when a server is not of this command's version, whose answers are not what they seem."""
    if health.get("build") == BUILD:
        return
    theirs = health.get("format", 1)
    relation = (
        "of another build than" if theirs == FORMAT else "older than" if theirs < FORMAT else "newer than"
    )
    if theirs > FORMAT:
        cure = "Use the command that it was started with."
    else:
        lost = " What it holds in memory goes with it." if settings.in_memory else ""
        stop, start = command("stop", settings), command("up", settings)
        cure = f"Restart it with this one: `{stop}`, then `{start}`.{lost}"
    raise UserError(
        f"The server at {server.endpoint} is Understudy {health.get('version', '?')}, {relation} this command, "
        f"which is {__version__}. {cure}"
    )


def no_server(settings: Settings) -> UserError:
    """The error for a server that is asked for and does not run: what runs instead, or how to start it."""
    start = command("up", settings)
    if settings.in_memory:
        return UserError(f"No server in memory runs on port {settings.port}. Start one with `{start}`.")
    server = files_of(settings).read_server()
    if server is not None and health_of(server) is not None:
        return UserError(
            f"The server of {settings.state} listens on port {server.port}, and none of it on {settings.port}."
        )
    reason = f"No server runs for {settings.state}."
    if not (settings.directory / "understudy.db").exists():
        reason = f"No server runs and there is no state in {settings.state}."
    reason = f"{reason} Start one with `{start}`."
    others = [each for each in servers_in_memory() if health_of(each) is not None]
    if others:
        asked = command("status", settings._replace(state="memory:"), port=others[0].port)
        reason = f"{reason} (One in memory runs on port {others[0].port}: `{asked}`.)"
    return UserError(reason)


def ask(settings: Settings, request: AdminRequest) -> Any:
    """Return the answer to a request as JSON values, from the running server or else from the state itself.

    Raises UserError when the request is refused, and when there is neither a server nor a state.
    """
    server = understood_server(settings)
    if server is not None:
        return ask_server(server, request)
    if settings.in_memory or not (settings.directory / "understudy.db").exists():
        raise no_server(settings)
    left = files_of(settings).read_server()
    if left is not None and health_of(left) is not None:
        # It runs, on another port than was asked for.
        raise no_server(settings)
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
    """Return the JSON values of an HTTP answer.

    Raises UserError with the server's sentence for a refusal, and InternalError for a mistake of ours.
    """
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UserError("What answers there is no Understudy server.")
    if status == _FAILED:
        raise InternalError(f"{answer.get('error', 'The server failed')}. Its log shows where.")
    if status >= 400:
        raise UserError(str(answer.get("error", f"The server answered {status}.")))
    return answer


def _connection(server: ServerFile) -> http.client.HTTPConnection:
    where = urlsplit(server.endpoint)
    if where.scheme == "https":
        return _Pinned(where.hostname or "", where.port, server.certificate)
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT)


class _Pinned(http.client.HTTPSConnection):
    """A connection to the server that shows this very certificate, whatever names are in it and whoever signed it."""

    def __init__(self, host: str, port: int | None, certificate: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        # It is compared with the server's own instead, before anything is sent.
        context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=_TIMEOUT, context=context)
        self._certificate = certificate

    def connect(self) -> None:
        super().connect()
        shown = self.sock.getpeercert(binary_form=True)
        if shown != _first_certificate(self._certificate):
            self.close()
            raise ConnectionError("another certificate than the server's")


def _first_certificate(file: str) -> bytes | None:
    """Return the first certificate of a PEM file, or None when there is none."""
    found = re.search(
        r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", read_text(Path(file)), re.DOTALL
    )
    return ssl.PEM_cert_to_DER_cert(found[0]) if found else None
