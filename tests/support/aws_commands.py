"""The AWS CLI 2, where this machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess


def second_version() -> str | None:
    """The first `aws` command on the PATH that is of version 2."""
    for folder in os.get_exec_path():
        found = shutil.which("aws", path=folder)
        if found and _version(found).startswith("aws-cli/2"):
            return found
    return None


def _version(command: str) -> str:
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
