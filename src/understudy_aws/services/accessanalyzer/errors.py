"""Access Analyzer's errors."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def invalid_field(name: str, message: str) -> ApiError:
    """Return ValidationException for a member with a value it cannot have."""
    return ApiError(
        "ValidationException",
        message,
        detail={"reason": "fieldValidationFailed", "fieldList": [{"name": name, "message": message}]},
    )
