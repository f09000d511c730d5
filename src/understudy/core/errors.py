"""Answers that refuse, and failures that are ours."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal in AWS's words: the code, the text and the HTTP status a client sees.

    Raised wherever the rule that refuses is known; rendered in one place, by the caller's protocol.
    `detail` holds further modelled members of the error, by their AWS names.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, *, detail: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail or {}

    @property
    def is_the_clients(self) -> bool:
        """Whether the client can mend this (4xx) or we must (5xx)."""
        return self.status < 500


class UserError(Exception):
    """One clear sentence for the person at the command line; never a trace."""
