"""IAM's refusals (reference iam.md 1, 2.3, 2.4)."""

from __future__ import annotations

from understudy.core.errors import ApiError


def no_such(kind: str, name: str) -> ApiError:
    """`kind` as IAM spells it: user, role, group."""
    return ApiError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)


def no_such_inline_policy(kind: str, name: str) -> ApiError:
    return ApiError("NoSuchEntity", f"The {kind} policy with name {name} cannot be found.", 404)


def no_such_policy(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def not_attachable_unknown(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)


def not_attached(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def exists(message: str) -> ApiError:
    return ApiError("EntityAlreadyExists", message, 409)


def conflict(message: str) -> ApiError:
    return ApiError("DeleteConflict", message, 409)


def quota(name: str, limit: int) -> ApiError:
    return ApiError("LimitExceeded", f"Cannot exceed quota for {name}: {limit}", 409)


def limit(message: str) -> ApiError:
    return ApiError("LimitExceeded", message, 409)


def invalid_input(message: str) -> ApiError:
    return ApiError("InvalidInput", message)


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message)


def protected(role: str) -> ApiError:
    """Everything but a description, on a service-linked role (reference iam.md 1.2)."""
    return ApiError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS",
    )


def access_denied(message: str) -> ApiError:
    return ApiError("AccessDenied", message, 403)
