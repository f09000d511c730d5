"""Access Analyzer's refusals, in the shapes its API description gives them."""

from __future__ import annotations

from understudy.core.errors import ApiError


def invalid_field(name: str, message: str) -> ApiError:
    """A member with a value that cannot be, as ValidationException names one."""
    return ApiError(
        "ValidationException",
        message,
        detail={"reason": "fieldValidationFailed", "fieldList": [{"name": name, "message": message}]},
    )
