"""The few things most tests need."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

from understudy_aws.testing import Understudy

# A slow machine is no failure.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# By name, as its entry point is called: it is loaded once, also where this version was not installed.
pytest_plugins = ["understudy_aws.pytest_plugin", "pytester", "second_try"]

# Under `nohup` processes are born deaf to SIGHUP; those that tests start are to be as in a terminal.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Our tests ask what the server says of wrong parameters, so clients do not look at them first.
Understudy.parameter_validation = False
