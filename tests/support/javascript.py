"""The AWS SDK for JavaScript: where scripts/try-tools has installed it, or else what npm fetches now."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from served_account import TOOLS

_PATIENCE = 120.0
_ONCE = ("--fetch-retries=0", f"--fetch-timeout={int(_PATIENCE * 1000)}")


def modules_with(package: str, place: Path) -> Path:
    """Return a folder of modules that has a package, which is installed at a place if need be.

    Skips the test where there is no Node.js or the package can't be had.
    """
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    modules = TOOLS / "node_modules"
    if (modules / package).is_dir():
        return modules
    if not shutil.which("npm"):
        pytest.skip(f"npm, which installs {package}, is not installed")
    words = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *_ONCE]
    try:
        done = subprocess.run(
            [*words, "--prefix", place, package],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed {package} within {_PATIENCE:.0f} s")
    if done.returncode:
        reason = done.stderr.strip().partition("\n")[0]
        pytest.skip(f"npm can't install {package}: {reason}")
    return place / "node_modules"
