"""Understudy in tests: in this process, or as a server that other code and other programs reach.

The pytest plugin (`understudy_aws.pytest_plugin`) makes fixtures of both.
"""

from __future__ import annotations

from understudy_aws.testing.credentials import Credentials
from understudy_aws.testing.in_process import MovableClock, Understudy
from understudy_aws.testing.server import UnderstudyServer

__all__ = ["Credentials", "MovableClock", "Understudy", "UnderstudyServer"]
