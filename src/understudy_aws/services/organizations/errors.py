"""Organizations' errors. Codes and reasons are of the API description, texts are those that clients were shown."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def management_only() -> ApiError:
    """Return the error for a member account that calls what only the management account may call."""
    return ApiError("AccessDeniedException", "You don't have permissions to access this resource.")


def not_in_use() -> ApiError:
    return ApiError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def already_in_organization() -> ApiError:
    return ApiError(
        "AlreadyInOrganizationException", "The AWS account is already a member of an organization."
    )


def not_empty() -> ApiError:
    return ApiError(
        "OrganizationNotEmptyException",
        "To delete an organization you must first remove all member accounts (except the master).",
    )


def master_cannot_leave() -> ApiError:
    return ApiError(
        "MasterCannotLeaveOrganizationException",
        "You can't remove the management account from an organization. Delete the organization instead.",
    )


def dependency_denied(message: str) -> ApiError:
    """Return the error for a service-linked role that the caller may not make."""
    return ApiError(
        "AccessDeniedForDependencyException",
        message,
        detail={"Reason": "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE"},
    )


_NOT_FOUND = {
    "account": "You specified an account that doesn't exist.",
    "organizational unit": "You specified an organizational unit that doesn't exist.",
    "root": "You specified a root that doesn't exist.",
    "parent": "You specified a parent that doesn't exist.",
    "child": "You specified a child that doesn't exist.",
    "target": "You specified a target that doesn't exist.",
    "policy": "You specified a policy that doesn't exist.",
    "handshake": "You specified a handshake that doesn't exist.",
    "source parent": "You specified a source parent that doesn't exist.",
    "destination parent": "You specified a destination parent that doesn't exist.",
    "create account status": "You specified a create account request that doesn't exist.",
}


def not_found(what: str) -> ApiError:
    """Return the error for a missing `what`, a key of the texts above. The code is derived from it."""
    code = "".join(word.capitalize() for word in what.split())
    return ApiError(f"{code}NotFoundException", _NOT_FOUND[what])


def invalid(reason: str, message: str) -> ApiError:
    """Return InvalidInputException. `reason` is one of InvalidInputExceptionReason."""
    return ApiError("InvalidInputException", message, detail={"Reason": reason})


def constraint(reason: str, message: str) -> ApiError:
    """Return ConstraintViolationException. `reason` is one of ConstraintViolationExceptionReason."""
    return ApiError("ConstraintViolationException", message, detail={"Reason": reason})


def handshake_constraint(reason: str, message: str) -> ApiError:
    """Return HandshakeConstraintViolationException. `reason` is one of HandshakeConstraintViolationExceptionReason."""
    return ApiError("HandshakeConstraintViolationException", message, detail={"Reason": reason})


def duplicate_unit() -> ApiError:
    return ApiError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")


def unit_not_empty() -> ApiError:
    return ApiError(
        "OrganizationalUnitNotEmptyException",
        "The organizational unit still has accounts or organizational units in it.",
    )


def duplicate_account() -> ApiError:
    return ApiError("DuplicateAccountException", "The account is already there.")


def duplicate_policy() -> ApiError:
    return ApiError("DuplicatePolicyException", "A policy with the specified name and type already exists.")


def policy_in_use() -> ApiError:
    return ApiError(
        "PolicyInUseException",
        "The policy is attached to one or more entities. Detach it from all roots, OUs and accounts first.",
    )


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocumentException", message)


def duplicate_attachment() -> ApiError:
    """Return the error for an existing attachment. AWS's text speaks of names (shown to clients of Terraform)."""
    return ApiError(
        "DuplicatePolicyAttachmentException", "A policy with the specified name and type already exists."
    )


def policy_not_attached() -> ApiError:
    return ApiError("PolicyNotAttachedException", "The policy isn't attached to the specified target.")


def type_not_enabled() -> ApiError:
    return ApiError(
        "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types."
    )


def type_already_enabled() -> ApiError:
    return ApiError("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")


def already_registered() -> ApiError:
    return ApiError(
        "AccountAlreadyRegisteredException",
        "The provided account is already a delegated administrator for your organization.",
    )


def not_registered() -> ApiError:
    return ApiError(
        "AccountNotRegisteredException",
        "The provided account is not a registered delegated administrator for your organization.",
    )


def already_closed() -> ApiError:
    return ApiError(
        "AccountAlreadyClosedException", "You attempted to close an account that is already closed."
    )


def no_resource_policy() -> ApiError:
    return ApiError(
        "ResourcePolicyNotFoundException",
        "We can't find a resource policy request with the parameter that you specified.",
    )


def no_effective_policy() -> ApiError:
    return ApiError(
        "EffectivePolicyNotFoundException",
        "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a "
        "member account, the account doesn't have an effective policy of this type. Contact the administrator of your "
        "organization about attaching a policy of this type to the account.",
    )


def not_all_features() -> ApiError:
    return constraint(
        "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE",
        "Your organization must be in all features mode for this operation.",
    )


def type_not_available() -> ApiError:
    return ApiError(
        "PolicyTypeNotAvailableForOrganizationException",
        "You can't use the specified policy type with the feature set currently enabled for this organization.",
    )


def unrecognized_service() -> ApiError:
    return invalid(
        "UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified a service principal that isn't recognized."
    )


def duplicate_handshake() -> ApiError:
    return ApiError(
        "DuplicateHandshakeException", "The account has an invitation to your organization already."
    )


def handshake_already(state: str) -> ApiError:
    return ApiError("HandshakeAlreadyInStateException", f"The handshake is already {state}.")


def handshake_transition(state: str) -> ApiError:
    return ApiError(
        "InvalidHandshakeTransitionException", f"The handshake is {state}, which cannot be changed."
    )
