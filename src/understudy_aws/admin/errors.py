"""Refusals of the administrative API. Each holds one sentence for the person who asked."""

from __future__ import annotations


class AdminError(Exception):
    """A request to the administrative API was refused."""


class InvalidRequestError(AdminError):
    """The request is malformed, or asks for something that makes no sense."""


class NotFoundError(AdminError):
    """The request names something that does not exist."""


class ConflictError(AdminError):
    """The request would create something that exists already."""


class NotReadyError(AdminError):
    """The server runs but cannot serve AWS requests yet."""
