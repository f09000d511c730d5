"""With `--second-try`, a test of real processes that fails is run once more, and told of at the end.

Such tests share a machine with each other: now and then one meets a full processor or a port that somebody took. When
more than a few have needed it in a run something is wrong, and the run fails. See docs/decisions/0055.
"""

from __future__ import annotations

import pytest

# The folders whose tests hang on a kernel, on processes and on the time that these take. Others have no such excuse.
FOLDERS = ("clients", "contracts", "dataplane", "node", "system")
MOST = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--second-try", action="store_true", help="run what fails with real processes once more")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("second_try"):
        return
    places = [config.rootpath / "tests" / folder for folder in FOLDERS]
    for item in items:
        if any(item.path.is_relative_to(place) for place in places):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if len(_failed_once(session.config)) > MOST and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    failed = _failed_once(terminalreporter.config)
    if not failed:
        return
    terminalreporter.section("failed once, and were run again")
    for report in failed:
        terminalreporter.write_line(f"{report.nodeid} ({report.when})\n{report.longreprtext}\n")
    if len(failed) > MOST:
        terminalreporter.write_line(f"{len(failed)} tests needed a second try, and at most {MOST} may.")


def _failed_once(config: pytest.Config) -> list[pytest.TestReport]:
    """Return how the first tries failed; in a worker of xdist nothing is known."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("rerun", ())) if reporter is not None else []
