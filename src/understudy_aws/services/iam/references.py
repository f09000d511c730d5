"""What IAM's entities and policies refer to, and the identifiers by which they do."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.arn import iam
from understudy_aws.data import service_linked_roles as catalogue
from understudy_aws.gateway.references import Reference, References


def identifier(kind: str, account: str, name: str) -> str:
    """Return the identifier of an entity: an ARN without path, in small letters.

    Records name entities by their names, without path and in whatever letter case.
    """
    return iam(account, f"{kind}/{name.lower()}")


def identifier_of_linked_role(account: str, principal: str) -> str:
    """Return the identifier of a service's linked role, there or not."""
    template = catalogue.find(principal)
    assert template is not None, f"{principal} has a template"
    return identifier("role", account, template.role_name)


def identifier_of_policy(arn: str) -> str:
    """Return the identifier of the policy of an ARN; of AWS's own policies it is the ARN."""
    _, _, _, _, account, resource = arn.split(":", 5)
    return arn if account == "aws" else identifier("policy", account, resource.rpartition("/")[2])


def _arn_key(policy: Any) -> tuple[str, str]:
    return policy.account, policy.arn


def _name_key(entity: Any) -> tuple[str, str]:
    return entity.account, entity.name.lower()


def _attached(detach: str) -> Reference[Any]:
    """Return the reference to the attached policies. A service-linked role is deleted with them."""
    return Reference(
        "has attached",
        lambda entity: map(identifier_of_policy, entity.attached),
        index="by_policy",
        key=_arn_key,
        holds=True,
        held=lambda entity: not getattr(entity, "linked_service", ""),
        ended_by=detach,
    )


def _bounded(end: str) -> Reference[Any]:
    return Reference(
        "is bounded by",
        lambda entity: (identifier_of_policy(entity.boundary),) if entity.boundary else (),
        index="by_boundary",
        key=_arn_key,
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
        key=_name_key,
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
        key=_name_key,
        holds=True,
        held=True,
        ended_by="RemoveRoleFromInstanceProfile",
    ),
)
