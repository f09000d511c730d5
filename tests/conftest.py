"""The few things most tests need."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from understudy_aws.testing import Understudy

# A slow machine is no failure.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


@pytest.fixture
def understudy():
    """A whole understudy in this process, strict, in memory."""
    with Understudy() as made:
        yield made
