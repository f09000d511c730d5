"""Secrets Manager's errors (secrets.md 22.4). Their HTTP status is 400."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def no_such_secret() -> ApiError:
    return ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def no_such_version(what: str) -> ApiError:
    """Return the error for a version that a secret does not have: `staging label: …` or `VersionId: …`."""
    return ApiError(
        "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}"
    )


def exists_already(name: str) -> ApiError:
    return ApiError(
        "ResourceExistsException", f"The operation failed because the secret {name} already exists."
    )


def token_in_use(token: str, arn: str) -> ApiError:
    """Return the error for a token that made a version of another value."""
    return ApiError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
    )


def marked_for_deletion() -> ApiError:
    return invalid_request(
        "You can't perform this operation on the secret because it was marked for deletion."
    )


def too_many(message: str) -> ApiError:
    return ApiError("LimitExceededException", message)


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocumentException", message)


def public_policy() -> ApiError:
    return ApiError("PublicPolicyException", "The resource policy allows broad access to the secret.")


def bad_token() -> ApiError:
    return ApiError("InvalidNextTokenException", "The NextToken value is invalid.")


def key_of_another_account() -> ApiError:
    """Return the error for a value that another account asks for: AWS's own key serves its own account alone."""
    return invalid_request(
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS "
        "service key."
    )


def no_key(key: str) -> ApiError:
    """Return the error for a key of KMS of the customer's: there are none here."""
    return ApiError("NotImplemented", f"Understudy does not serve KMS, so there is no key {key}.", 501)
