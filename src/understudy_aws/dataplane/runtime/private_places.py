"""Directories of this machine that no service is given as its source code.

A request for a service names any directory, and whoever may ask for a service need not be the user whom the node runs
as: it may be the program of another service, with the credentials of a role.
"""

from __future__ import annotations

import os
from pathlib import Path

_OF_THE_SYSTEM = ("/boot", "/dev", "/etc", "/proc", "/run", "/sys")


def is_private(path: Path, node: Path, *, is_repository: bool) -> bool:
    """Whether a directory is among the system's, this user's own or those of a node, or holds all of a home.

    In a home those whose name begins with a dot are private. Of a git repository only what was committed is given, so
    that a node may keep its own files in one.
    """
    real, kept = path.resolve(), node.resolve()
    home = Path(os.environ.get("HOME") or os.devnull).resolve()
    if real == home or real in home.parents or real.is_relative_to(kept):
        return True
    if not is_repository and real in kept.parents:
        return True
    if real.is_relative_to(home) and real.relative_to(home).parts[0].startswith("."):
        return True
    return any(real.is_relative_to(each) for each in _OF_THE_SYSTEM)
