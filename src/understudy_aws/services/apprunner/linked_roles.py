"""App Runner's two service-linked roles, made with the permission of whoever needs one first (apprunner.md 4.1)."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.services.apprunner import errors
from understudy_aws.services.iam.service_linked_roles import ensure_service_linked_role

MANAGEMENT = "apprunner.amazonaws.com"
NETWORKING = "networking.apprunner.amazonaws.com"


def ensure_linked_role(call: Call, principal: str) -> None:
    """Make a linked role of App Runner's in the caller's account, unless it is there. Raises if the caller may not."""
    try:
        ensure_service_linked_role(call, principal)
    except ApiError as error:
        if error.status == 403:
            raise errors.may_not_create_the_role() from error
        raise
