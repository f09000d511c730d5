"""Loads modules by name, because most commands need few of them.

The one place in this package that imports inside a function. The server's parts take ten times as long to
import as `understudy --help` may take, and `status` asks a running server without needing any of them.
"""

from __future__ import annotations

import importlib
from typing import Any


def load(module: str) -> Any:
    """Return a module of this package: `understudy_aws.cli.who_can` for `who-can`."""
    return importlib.import_module(f"understudy_aws.cli.{module.replace('-', '_')}")
