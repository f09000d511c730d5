"""Knows whether an AWS CLI obeys `AWS_ENDPOINT_URL`: an older one goes to AWS itself, whatever is set."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The first of each major version that reads the variable (AWS SDKs and tools reference guide, "Service-specific
# endpoints": since 2.13.0 and 1.29.0). Debian 12 has 2.9.19.
_FIRST = {1: (1, 29, 0), 2: (2, 13, 0)}
# Programs that are likely to call it in their turn.
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "make", "env", "timeout", "xargs"})
_ENOUGH = 20.0


def version_of(program: str, environment: Mapping[str, str] | None = None) -> tuple[int, int, int] | None:
    """Return the version that an AWS CLI tells of itself, or None when it tells none."""
    try:
        done = subprocess.run(  # noqa: S603 - what the user is about to run anyway
            [program, "--version"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=_ENOUGH,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"aws-cli/(\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def spoken_version(program: str) -> str:
    """Return the version of an AWS CLI as people write it, or an empty text."""
    return ".".join(map(str, version_of(program) or ()))


def problem_with(program: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a sentence when an AWS CLI is too old to be led to a server by variables; else an empty text."""
    found = version_of(program, environment)
    first = _FIRST.get(found[0]) if found else None
    if found is None or first is None or found >= first:
        return ""
    needed = ".".join(map(str, first))
    version = ".".join(map(str, found))
    return (
        f"{program} is the AWS CLI {version}, which does not obey AWS_ENDPOINT_URL and calls "
        f"AWS itself; {needed} is the first that does. `pip install awscli` has a newer one; this one takes "
        "--endpoint-url."
    )


def refusal_of(command_line: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return why a command must not be run: it is an AWS CLI that would call AWS itself."""
    if Path(command_line[0]).name != "aws" or any(word.startswith("--endpoint-url") for word in command_line):
        return ""
    found = shutil.which(command_line[0], path=environment.get("PATH"))
    return problem_with(found, environment) if found else ""


def remark_on(command_line: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what is to be said of a command that may call an AWS CLI, when the one on PATH would call AWS itself."""
    name = Path(command_line[0]).name
    if name not in _SHELLS and not name.endswith(".sh"):
        return ""
    found = shutil.which("aws", path=environment.get("PATH"))
    return problem_with(found, environment) if found else ""
