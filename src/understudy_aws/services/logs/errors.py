"""CloudWatch Logs' errors (logs.md 21.1). Their HTTP status is 400."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def validation(message: str) -> ApiError:
    """Return ValidationException, which newer members have where older ones have InvalidParameterException."""
    return ApiError("ValidationException", message)


def no_such_group() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified log group does not exist.")


def no_such_stream() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified log stream does not exist.")


def no_such_resource() -> ApiError:
    """Return the error of the tagging operations for an ARN of nothing."""
    return ApiError("ResourceNotFoundException", "The specified resource does not exist.")


def no_such_key(arn: str) -> ApiError:
    """Return the error for a key of KMS; there are none here."""
    return ApiError(
        "AccessDeniedException",
        f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'",
    )


def exists_already(what: str) -> ApiError:
    """Return the error for a `log group` or a `log stream` that is there already."""
    return ApiError("ResourceAlreadyExistsException", f"The specified {what} already exists")


def too_many() -> ApiError:
    return ApiError("LimitExceededException", "Resource limit exceeded.")


def too_many_tags(arn: str) -> ApiError:
    return ApiError(
        "TooManyTagsException", "The resource can have no more than 50 tags.", detail={"resourceName": arn}
    )


def bad_token() -> ApiError:
    return invalid_parameter("The specified nextToken is invalid.")


def not_served(what: str) -> ApiError:
    """Return the error for something that AWS has and this server does not."""
    return ApiError("NotImplemented", f"Understudy does not serve {what}.", 501)
