"""A fixture that makes the server of a suite new; `--understudy` registers this module as a plugin of pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from understudy_aws.testing.server import UnderstudyServer


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - what pytest passes
    """Return what the state lives for: the ini setting, which the plugin has checked."""
    return config.getini("understudy_reset")


@pytest.fixture(autouse=True, scope=_scope)
def _understudy_is_new(understudy_server: UnderstudyServer) -> None:
    understudy_server.reset()
