"""The Regions that App Runner answers in."""

from __future__ import annotations

from understudy_aws.data.regions import APP_RUNNER_REGIONS
from understudy_aws.gateway.call import Call
from understudy_aws.services.apprunner import errors


def require_supported_region(call: Call) -> None:
    """Raise in a Region without App Runner (apprunner.md 4.5, S9)."""
    if call.region not in APP_RUNNER_REGIONS:
        raise errors.no_endpoint(call.region)
