"""How App Runner asks whether an instance is well (apprunner-services.md 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class HealthCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """A health check. The path is asked for by HTTP alone, and told always. Times are in seconds."""

    protocol: str = "TCP"
    path: str = "/"
    interval: int = 5
    timeout: int = 2
    healthy_threshold: int = 1
    unhealthy_threshold: int = 5


def health_check(former: HealthCheck, asked: Mapping[str, Any]) -> HealthCheck:
    """Return the check that a HealthCheckConfiguration asks for; what it does not say is as it was."""
    return HealthCheck(
        protocol=asked.get("Protocol") or former.protocol,
        path=asked.get("Path") or former.path,
        interval=asked.get("Interval") or former.interval,
        timeout=asked.get("Timeout") or former.timeout,
        healthy_threshold=asked.get("HealthyThreshold") or former.healthy_threshold,
        unhealthy_threshold=asked.get("UnhealthyThreshold") or former.unhealthy_threshold,
    )


def described(check: HealthCheck) -> dict[str, Any]:
    return {
        "Protocol": check.protocol,
        "Path": check.path,
        "Interval": check.interval,
        "Timeout": check.timeout,
        "HealthyThreshold": check.healthy_threshold,
        "UnhealthyThreshold": check.unhealthy_threshold,
    }
