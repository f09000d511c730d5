"""Answers administrative requests from a state that no server runs on."""

from __future__ import annotations

from typing import Any

import msgspec

from understudy_aws.admin.errors import AdminError
from understudy_aws.admin.requests import AdminRequest
from understudy_aws.app import build
from understudy_aws.cli.server_files import files_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings


def answer(settings: Settings, request: AdminRequest) -> Any:
    """Open the state, answer one request, and close the state again.

    The answer is made of the values JSON has, as a server's would be. Raises UserError when the request is refused
    and when the state cannot be opened.
    """
    app = build(settings)
    try:
        app.admin.keeper = files_of(settings)
        try:
            found = msgspec.json.encode(app.admin.answer(request))
        except AdminError as refusal:
            raise UserError(str(refusal)) from refusal
    finally:
        app.close()
    return msgspec.json.decode(found)
