"""The errors of flow logs, with AWS's codes and texts (flow-logs.md 13.1)."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.errors import ApiError


def invalid_parameter(message: str) -> ApiError:
    """Return InvalidParameter, which flow logs have where the rest of EC2 has InvalidParameterValue."""
    return ApiError("InvalidParameter", message)


def no_such_flow_logs(ids: Sequence[str]) -> ApiError:
    return ApiError(
        "InvalidFlowLogId.NotFound",
        f"These flow log ids in the input list are not found: [TotalCount: {len(ids)}] {' '.join(ids)}",
    )


def exists_already() -> ApiError:
    return ApiError(
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    )


def invalid_format(text: str) -> ApiError:
    return invalid_parameter(
        f"1 validation error detected: Value '{text}' at 'logFormat' has an invalid format"
    )
