"""The records of auto scaling configurations, and of the one that new services get (apprunner.md 2.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.apprunner.revisions import (
    PROVIDED_ID,
    PROVIDED_NAME,
    Revision,
    Revisions,
    revisions_table,
)
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

KIND = "autoscalingconfiguration"


class AutoScalingConfiguration(Revision, frozen=True, kw_only=True):
    """A revision of an auto scaling configuration. Its defaults are AWS's (apprunner.md 2.2)."""

    KIND: ClassVar[str] = KIND

    max_concurrency: int = 100
    min_size: int = 1
    max_size: int = 25


class DefaultAutoScaling(Record, frozen=True, kw_only=True):
    """Which revision new services get in a Region that name none. Without a record it is the one AWS provides."""

    account: str
    region: str
    configuration: str


def _provided(account: str, region: str) -> AutoScalingConfiguration:
    # AWS tells no time; App Runner was there from that day on.
    return AutoScalingConfiguration(
        account=account,
        region=region,
        name=PROVIDED_NAME,
        id=PROVIDED_ID,
        revision=1,
        created=datetime(2021, 5, 18, tzinfo=UTC),
    )


auto_scaling_configurations = revisions_table(
    "apprunner/auto-scaling-configuration", AutoScalingConfiguration
)
revisions = Revisions(
    AutoScalingConfiguration, "auto scaling configuration", auto_scaling_configurations, _provided
)
auto_scaling_defaults = Table(
    "apprunner/auto-scaling-default",
    DefaultAutoScaling,
    key=lambda record: (record.account, record.region),
    indexes={"by_configuration": lambda record: (record.configuration,)},
)
AUTO_SCALING_DEFAULT_REFERENCES: References = (
    Reference(
        "takes",
        lambda default: (default.configuration,),
        index="by_configuration",
        holds=True,
    ),
)
# As long as deleted connectors (docs/decisions/0008).
deleted_auto_scaling_configurations = Expiry(
    "deleted auto scaling configurations",
    auto_scaling_configurations,
    "deleted",
    kept_for=timedelta(hours=1),
    most=1000,
)


def default_arn(tx: Transaction, account: str, region: str) -> str:
    """Return the ARN of the configuration that new services get which name none."""
    default = auto_scaling_defaults.get(tx, account, region)
    return default.configuration if default is not None else _provided(account, region).arn
