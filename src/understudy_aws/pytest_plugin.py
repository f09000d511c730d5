"""pytest's plugin: fixtures, and an option that points the boto3 of a whole suite at an Understudy.

It imports nothing of Understudy's before a fixture or the option is used, so a suite that uses neither pays nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from understudy_aws.testing import Understudy, UnderstudyServer

_SCOPES = ("function", "class", "module", "package", "session")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("understudy").addoption(
        "--understudy",
        action="store_true",
        help="point every AWS client of the suite that names no endpoint at an Understudy server of its own",
    )
    parser.addini("understudy", "Whether --understudy is on.", type="bool", default=False)
    parser.addini(
        "understudy_reset",
        f"With --understudy, the state is new for each of these: {', '.join(_SCOPES)}.",
        default="function",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # This early, because a client reads the environment when it is made, which may be when a conftest is imported.
    _start(early_config, early_config.known_args_namespace)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "understudy(**settings): the settings of the `understudy` fixture in this test, by name"
    )
    # Where the plugin is loaded by a conftest, the hook before has passed.
    _start(config, config.option)


def pytest_unconfigure(config: pytest.Config) -> None:
    started = config.pluginmanager.unregister(name=_Suite.NAME)
    if started is not None:
        started.stop()


@pytest.fixture
def understudy(request: pytest.FixtureRequest) -> Iterator[Understudy]:
    """An Understudy in this process, with nothing in it but the first account; the `understudy` marker sets it up."""
    marker = request.node.get_closest_marker("understudy")
    _need_boto3()
    with import_module("understudy_aws.testing").Understudy(**(marker.kwargs if marker else {})) as made:
        yield made


@pytest.fixture(scope="session")
def understudy_server(request: pytest.FixtureRequest) -> Iterator[UnderstudyServer]:
    """An Understudy server, in a process of its own, for the session; with xdist, one for each worker."""
    suite = request.config.pluginmanager.get_plugin(_Suite.NAME)
    if suite is not None:
        yield suite.server
        return
    _need_boto3()
    with import_module("understudy_aws.testing").UnderstudyServer() as server:
        yield server


def _need_boto3() -> None:
    """Fail the test with one sentence when boto3 is not installed."""
    try:
        import_module("understudy_aws.testing.sdk").session()
    except _user_error() as error:
        pytest.fail(str(error), pytrace=False)


def _user_error() -> type[Exception]:
    found: type[Exception] = import_module("understudy_aws.core.errors").UserError
    return found


def _start(config: pytest.Config, options: object) -> None:
    """Start the suite's server, when it is asked for and tests will run in this process."""
    if not (getattr(options, "understudy", False) or config.getini("understudy")):
        return
    workers_run_the_tests = getattr(options, "numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ
    if workers_run_the_tests or config.pluginmanager.has_plugin(_Suite.NAME):
        return
    scope = config.getini("understudy_reset")
    if scope not in _SCOPES:
        raise pytest.UsageError(f"understudy_reset is one of {', '.join(_SCOPES)}, not {scope!r}.")
    try:
        suite = _Suite()
    except _user_error() as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(suite, _Suite.NAME)
    config.pluginmanager.register(
        import_module("understudy_aws.testing.suite_reset"), "understudy-suite-reset"
    )


class _Suite:
    """The server of a suite, and this process's environment pointed at it until `stop`."""

    NAME = "understudy-suite"

    def __init__(self) -> None:
        self.server: UnderstudyServer = import_module("understudy_aws.testing").UnderstudyServer()
        self.server.start()
        before, wanted = dict(os.environ), self.server.environment()
        changed = {name for name, _ in before.items() ^ wanted.items()}
        self._before = {name: before.get(name) for name in changed}
        _set({name: wanted.get(name) for name in changed})

    def stop(self) -> None:
        _set(self._before)
        self.server.stop()


def _set(variables: Mapping[str, str | None]) -> None:
    """Set variables of the environment; those without a value are removed."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
