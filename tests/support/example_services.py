"""The examples that are services, and what this machine lacks for building them."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def missing_for(registry: str) -> str:
    """Why nothing can be installed from a registry; empty when it can."""
    for program in ("git", "bwrap"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        with urllib.request.urlopen(registry, timeout=10):
            return ""
    except (OSError, urllib.error.URLError) as error:
        return f"{registry} can't be reached: {error}"
