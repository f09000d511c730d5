"""The errors that clients of the API and people at the command line get."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An error as AWS answers it: the code, the text and the HTTP status that a client sees.

    Operations raise it; the client's protocol renders it. `detail` holds further modelled members of the error, by
    their AWS names. `reason` is a clause of ours that says more than AWS does; the trail keeps it, and no client sees
    it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        detail: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail or {}
        self.reason = reason

    @property
    def is_the_clients(self) -> bool:
        """Whether the fault is the client's (4xx) and not the server's (5xx)."""
        return self.status < 500


class UserError(Exception):
    """An error that the command line prints as one sentence, without a stack trace."""


class InternalError(Exception):
    """A mistake of ours that the server has met; the text is a sentence."""
