"""The records of observability configurations (apprunner.md 2.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from understudy_aws.gateway.expiry import Expiry
from understudy_aws.services.apprunner.revisions import (
    PROVIDED_ID,
    PROVIDED_NAME,
    Revision,
    Revisions,
    revisions_table,
)


class ObservabilityConfiguration(Revision, frozen=True, kw_only=True):
    """A revision of an observability configuration. Without a vendor there is no tracing."""

    KIND: ClassVar[str] = "observabilityconfiguration"

    trace_vendor: str = ""


def _provided(account: str, region: str) -> ObservabilityConfiguration:
    # AWS tells no time; these configurations were there from that day on.
    return ObservabilityConfiguration(
        account=account,
        region=region,
        name=PROVIDED_NAME,
        id=PROVIDED_ID,
        revision=1,
        created=datetime(2022, 4, 11, tzinfo=UTC),
        trace_vendor="AWSXRAY",
    )


observability_configurations = revisions_table(
    "apprunner/observability-configuration", ObservabilityConfiguration
)
revisions = Revisions(
    ObservabilityConfiguration, "observability configuration", observability_configurations, _provided
)
# As long as deleted connectors (docs/decisions/0008).
deleted_observability_configurations = Expiry(
    "deleted observability configurations",
    observability_configurations,
    "deleted",
    kept_for=timedelta(hours=1),
    most=1000,
)
