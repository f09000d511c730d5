"""`understudy up` as a process of its own on a free port, and the environment of commands run against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from nodes import environment as environment_for_python
from nodes import identity, python_of
from restrictions import restricted

# A server that has been told to stop has long done so by then, on a slow machine too.
_LONGEST_STOP = 60


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment without anything that configures AWS's clients, Understudy or its lines' width."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("AWS_", "UNDERSTUDY_", "COLUMNS"))
    }
    return {**kept, "HOME": str(home), "AWS_PAGER": "", **more}


def environment_of(user: int | None, home: Path, **more: str) -> dict[str, str]:
    """The environment of commands of a user, whose home is given; None is this user.

    Another user's has nothing of this user's session, and what finds this Understudy.
    """
    if user is None:
        return clean_environment(home, **more)
    return {**environment_for_python(), "HOME": str(home), "AWS_PAGER": "", **more}


class ServerProcess:
    """A server process. As a context it is killed at the end, if it has not ended before.

    `restriction` is one of `restrictions.py` that it runs under, and `user` who runs it, or None for this user.
    """

    def __init__(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        restriction: str = "",
        user: int | None = None,
    ) -> None:
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - `end` closes it
        words = [python_of(user), "-m", "understudy_aws", "up", "--port", "0", "--show-keys", *arguments]
        self.process = subprocess.Popen(
            restricted(restriction, *words) if restriction else words,
            cwd=None if user is None else "/",
            **identity(user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A file takes whatever the server complains of; a pipe nobody reads would stop it.
            stderr=self._complaints,
            text=True,
            env=environment,
        )

    @cached_property
    def said(self) -> dict[str, Any]:
        """What the server told, with `--json`, when it was ready."""
        line = self.line()
        assert line, self.end(None)
        return json.loads(line)

    def line(self) -> str:
        """The next line of its output."""
        return self.process.stdout.readline()

    def end(self, how: int | None = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal, if one is given, and wait; answers exit code, output and complaints not read yet."""
        if how is not None:
            self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=_LONGEST_STOP)
        with self._complaints:
            self._complaints.seek(0)
            return self.process.returncode, out, self._complaints.read()

    def close(self) -> None:
        """Kill it, unless it has ended."""
        if not self._complaints.closed:
            self.end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
