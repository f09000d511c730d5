"""Git repositories for tests: made by git itself, without anybody's settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Mary Major",
    "GIT_AUTHOR_EMAIL": "mary@example.com",
    "GIT_COMMITTER_NAME": "Mary Major",
    "GIT_COMMITTER_EMAIL": "mary@example.com",
}


def git(place: Path, *words: str) -> str:
    """Run git in a directory, and return what it says."""
    done = subprocess.run(
        ["git", *words], cwd=place, env=_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def write_files(place: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def commit(place: Path, files: Mapping[str, str], branch: str = "main") -> str:
    """Commit files to a branch of a repository, which is made if there is none; returns the commit."""
    place.mkdir(parents=True, exist_ok=True)
    if not (place / ".git").exists():
        git(place, "init", "--quiet", f"--initial-branch={branch}")
    write_files(place, files)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(place, "rev-parse", "HEAD")
