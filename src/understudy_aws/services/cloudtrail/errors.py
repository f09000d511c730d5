"""CloudTrail's errors. Codes are of the API description."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def invalid_time_range() -> ApiError:
    return ApiError(
        "InvalidTimeRangeException", "The start time must be before the end time, and not in the future."
    )


def invalid_lookup_attributes(message: str) -> ApiError:
    return ApiError("InvalidLookupAttributesException", message)


def invalid_next_token() -> ApiError:
    return ApiError("InvalidNextTokenException", "Invalid next token.")


def trail_not_found(name: str, account: str) -> ApiError:
    return ApiError("TrailNotFoundException", f"Unknown trail: {name} for the user: {account}")


def invalid_trail_name(message: str) -> ApiError:
    return ApiError("InvalidTrailNameException", message)


def invalid_trail_arn(name: str) -> ApiError:
    return ApiError("CloudTrailARNInvalidException", f"The ARN is not a valid trail ARN: {name}")
