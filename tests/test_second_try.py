"""Which tests are run once more when they fail, and what is told of it (docs/decisions/0055)."""

from __future__ import annotations

from pathlib import Path

import pytest
import second_try

TEST = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({times}))
def test_it(number):
    tried = Path(__file__).with_name(f"tried-{{number}}")
    before = tried.exists()
    tried.touch()
    assert before and not {always}, "the first try fails"
"""


@pytest.fixture
def run(pytester):
    """Run a test of a folder that fails at first, or always; returns what pytest said."""
    support = Path(second_try.__file__).parent
    pytester.makeini(f"[pytest]\naddopts = --import-mode=importlib\npythonpath = {support}\n")
    pytester.makeconftest('pytest_plugins = ["second_try"]')

    def run(folder: str, *arguments: str, times: int = 1, always: bool = False) -> pytest.RunResult:
        place = pytester.path / "tests" / folder
        place.mkdir(parents=True)
        (place / "test_one.py").write_text(TEST.format(times=times, always=always))
        return pytester.runpytest_subprocess(*arguments, "tests")

    return run


@pytest.mark.parametrize("processes", [(), ("--numprocesses", "2")])
def test_what_fails_once_with_real_processes_passes_and_is_told(run, processes):
    said = run("node/ingress", "--second-try", *processes)
    said.assert_outcomes(passed=1)
    assert said.ret == 0
    said.stdout.fnmatch_lines(
        ["*failed once, and were run again*", "*test_it?0? (call)", "*the first try fails*"]
    )


def test_what_fails_twice_fails(run):
    assert run("system", "--second-try", always=True).ret == 1


def test_without_the_option_nothing_is_tried_again(run):
    run("system").assert_outcomes(failed=1)


def test_tests_that_need_no_process_have_one_try(run):
    run("policy", "--second-try").assert_outcomes(failed=1)


@pytest.mark.parametrize("processes", [(), ("--numprocesses", "2")])
def test_more_than_a_few_are_too_many(run, processes):
    said = run("clients", "--second-try", *processes, times=second_try.MOST + 1)
    assert said.ret == 1
    said.stdout.fnmatch_lines(
        [f"{second_try.MOST + 1} tests needed a second try, and at most {second_try.MOST} may."]
    )


def test_the_folders_are_there():
    tests = Path(__file__).parent
    assert all((tests / folder).is_dir() for folder in second_try.FOLDERS)
