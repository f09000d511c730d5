"""A state asked directly, when no server runs on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from understudy.app import build
from understudy.cli.asking import answer_of
from understudy.cli.server_files import files_of
from understudy.core.http import HttpRequest
from understudy.settings import Settings


def ask(settings: Settings, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the side door answers. Raises UserError with its sentence, and when the state cannot be opened."""
    app = build(settings)
    try:
        app.doors.keeper = files_of(settings)
        where = urlsplit(path)
        request = HttpRequest(
            method=method,
            path=where.path,
            query=where.query,
            headers={"x-understudy-token": app.doors.token, "content-type": "application/json"},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        response = app.handle(request)
        app.make_durable()
    finally:
        app.close()
    return answer_of(response.status, response.body)
