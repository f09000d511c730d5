"""What IAM's entities and policies refer to, and the identifiers by which they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy_aws.core.arn import iam, parse
from understudy_aws.data import service_linked_roles as catalogue
from understudy_aws.gateway.references import Reference, References


def identifier(kind: str, account: str, name: str) -> str:
    """Return the identifier of a group, role or user: an ARN without path, in small letters.

    Records name these by their names, without path and in whatever letter case. Policies are named by their ARNs.
    """
    return iam(account, f"{kind}/{name.lower()}")


def identifier_of_linked_role(account: str, principal: str) -> str:
    """Return the identifier of a service's linked role, there or not."""
    template = catalogue.find(principal)
    assert template is not None, f"{principal} has a template"
    return identifier("role", account, template.role_name)


def _account_and_arn(identifier: str) -> tuple[str, str]:
    """Return how the indexes of attached policies and of boundaries name a policy."""
    arn = parse(identifier)
    return (arn.account, identifier) if arn is not None else ("", "")


def _account_and_name(kind: str) -> Callable[[str], tuple[str, str]]:
    """Return what makes of an identifier how indexes name entities of this kind; nothing of other identifiers."""

    def key(identifier: str) -> tuple[str, str]:
        arn = parse(identifier)
        found, _, name = (
            arn.resource.partition("/") if arn is not None and arn.service == "iam" else ("", "", "")
        )
        return (arn.account, name) if arn is not None and found == kind else ("", "")

    return key


def _attached(detach: str) -> Reference[Any]:
    """Return the reference to the attached policies. A service-linked role is deleted with them."""
    return Reference(
        "has attached",
        lambda entity: entity.attached,
        index="by_policy",
        key=_account_and_arn,
        holds=True,
        held=lambda entity: not getattr(entity, "linked_service", ""),
        ended_by=detach,
    )


def _bounded(end: str) -> Reference[Any]:
    return Reference(
        "is bounded by",
        lambda entity: (entity.boundary,),
        index="by_boundary",
        key=_account_and_arn,
        holds=True,
        ended_by=end,
    )


GROUP_REFERENCES: References = (_attached("DetachGroupPolicy"),)
ROLE_REFERENCES: References = (_attached("DetachRolePolicy"), _bounded("DeleteRolePermissionsBoundary"))
USER_REFERENCES: References = (
    _attached("DetachUserPolicy"),
    _bounded("DeleteUserPermissionsBoundary"),
    Reference(
        "is a member of",
        lambda user: (identifier("group", user.account, name) for name in user.groups),
        index="by_group",
        key=_account_and_name("group"),
        holds=True,
        held=True,
        ended_by="RemoveUserFromGroup",
    ),
)
PROFILE_REFERENCES: References = (
    Reference(
        "has",
        lambda profile: (identifier("role", profile.account, profile.role),) if profile.role else (),
        index="by_role",
        key=_account_and_name("role"),
        holds=True,
        held=True,
        ended_by="RemoveRoleFromInstanceProfile",
    ),
)


def _of_a_user(ended_by: str = "") -> Reference[Any]:
    """Return the reference of what belongs to a user, who is not deleted before it is gone."""
    return Reference(
        "belongs to",
        lambda record: (identifier("user", record.account, record.user),) if record.user else (),
        index="by_user",
        key=_account_and_name("user"),
        holds=True,
        ended_by=ended_by,
    )


CREDENTIAL_REFERENCES: References = (_of_a_user(),)
MFA_DEVICE_REFERENCES: References = (_of_a_user("DeactivateMFADevice"),)
