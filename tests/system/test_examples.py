"""The example projects' own suites pass, as their readers run them.

Those that are services have no suite; `test_deployed_examples.py` deploys them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server_process import clean_environment

EXAMPLES = sorted(
    path.parent
    for path in (Path(__file__).parent.parent.parent / "examples").glob("*/README.md")
    if not (path.parent / "apprunner.yaml").exists()
)

pytestmark = pytest.mark.system


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_suite_passes(example, tmp_path):
    there = shutil.copytree(example, tmp_path / example.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "understudy_aws.pytest_plugin"],
        cwd=there,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_workflow_runs_that_suite(example):
    workflows = [path.read_text() for path in (example / ".github" / "workflows").glob("*.yml")]
    assert workflows
    assert all("python -m pytest\n" in text for text in workflows)
