"""What App Runner looks at in EC2 for a caller, with the caller's own permissions (docs/decisions/0006)."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.services.apprunner import errors


def seen(call: Call, describe_operation: str, **params: Any) -> Answer:
    """Return what EC2 shows the caller. Its errors become App Runner's."""
    try:
        return call.onward("ec2", describe_operation, **params)
    except ApiError as error:
        if error.status == 403:
            raise ApiError("AccessDeniedException", error.message, 403) from error
        raise errors.invalid_request(error.message) from error
