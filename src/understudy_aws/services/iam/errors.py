"""IAM's errors (service-linked-roles.md 1, iam.md 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Callable

from understudy_aws.core.errors import ApiError

# Makes the refusal about one name or ARN.
About = Callable[[str], ApiError]


def no_such(kind: str, name: str) -> ApiError:
    """Return NoSuchEntity. `kind` is user, role or group, as IAM spells it."""
    return ApiError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)


def no_such_inline_policy(kind: str, name: str) -> ApiError:
    return ApiError("NoSuchEntity", f"The {kind} policy with name {name} cannot be found.", 404)


def no_such_policy(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def no_such_version(arn: str, version: str) -> ApiError:
    return ApiError(
        "NoSuchEntity", f"Policy {arn} version {version} does not exist or is not attachable.", 404
    )


def no_such_job(id: str) -> ApiError:
    """Return the error for an id that no job has. The code is modelled, the text is ours (docs/decisions/0049)."""
    return ApiError("NoSuchEntity", f"Job {id} was not found.", 404)


def no_such_delegation_request(id: str) -> ApiError:
    """Return the error for an id that no delegation request has. The code is modelled, the text is ours."""
    return ApiError("NoSuchEntity", f"Delegation request {id} cannot be found.", 404)


def no_such_access_key(id: str) -> ApiError:
    return ApiError("NoSuchEntity", f"The Access Key with id {id} cannot be found.", 404)


def no_boundary(kind: str, name: str) -> ApiError:
    """Return the error for an entity without boundary. The code is AWS's; its text is not known (iam.md 2.4)."""
    return ApiError("NoSuchEntity", f"The permissions boundary of {kind} {name} cannot be found.", 404)


def not_attachable_unknown(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)


def no_such_boundary_policy(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


def not_attached(arn: str) -> ApiError:
    return ApiError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def reserved_policy(kind: str) -> ApiError:
    """Return the error for a policy that only AWS attaches (service-linked-roles.md 1.3)."""
    return ApiError("PolicyNotAttachable", f"Cannot attach AWS reserved policy to an IAM {kind}.")


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


def no_tags() -> ApiError:
    """Return the error for a list of tags without any (credentials.md 30.1)."""
    return invalid_input("The provided tag map must not be null/empty.")


def no_tag_keys() -> ApiError:
    """Return the error for a list of tag keys without any (credentials.md 30.1)."""
    return invalid_input("The provided tag keys must not be null/empty.")


def no_manual_expiry() -> ApiError:
    """Return the error for setting a status that only time sets (credentials.md 30.3)."""
    return invalid_input("Operation does not support status Expired")


def malformed_certificate(message: str) -> ApiError:
    return ApiError("MalformedCertificate", message)


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message)


def protected(role: str) -> ApiError:
    """Return the error for a change to a service-linked role other than of description and tags.

    It is in service-linked-roles.md 1.2.
    """
    return ApiError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS",
    )


def access_denied(message: str) -> ApiError:
    return ApiError("AccessDenied", message, 403)
