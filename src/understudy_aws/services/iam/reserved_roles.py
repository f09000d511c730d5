"""Names and paths that roles of customers cannot have (service-linked-roles.md 1.4)."""

from __future__ import annotations

from understudy_aws.services.iam import errors

LINKED_ROLES = "/aws-service-role/"
# Where IAM Identity Center makes its roles.
OF_AWS = "/aws-reserved/"
_LINKED_NAME = "AWSServiceRoleFor"


def check_new_role(name: str, path: str) -> None:
    """Raise InvalidInput for a role that would look like one of AWS's own."""
    lowered = path.lower()
    if lowered.startswith(LINKED_ROLES):
        raise errors.invalid_input(
            f"Path prefix '{LINKED_ROLES}' can only be used for AWS Service linked Roles"
        )
    if lowered.startswith(OF_AWS):
        # AWS's own text is not known (docs/decisions/0008).
        raise errors.invalid_input(f"Path prefix '{OF_AWS}' can only be used by AWS")
    if name.startswith(_LINKED_NAME):
        raise errors.invalid_input(
            f"Role name prefix {_LINKED_NAME} can only be used for AWS Service Linked Roles"
        )


def belongs_to_aws(path: str) -> bool:
    """Whether nobody but AWS changes the roles under a path, whatever is changed of them."""
    return path.lower().startswith(OF_AWS)
