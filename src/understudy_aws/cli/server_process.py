"""Runs a server in a child process, which ends when this process ends, even if it is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from understudy_aws.cli.server_files import Keys, ServerFile, ServerFiles
from understudy_aws.core.errors import UserError

_PATIENCE = 10.0


class Started(msgspec.Struct, frozen=True):
    """What a server says of itself when it is ready; `ingress` is empty while a free port is still to be taken."""

    endpoint: str
    account: str
    files: ServerFiles
    ingress: str

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    @property
    def keys(self) -> Keys:
        """The administrator's keys. Raises UserError when they were taken away."""
        keys = self.files.read_keys(self.account)
        if keys is None:
            raise UserError(f"{self.files.credentials} holds no keys for account {self.account}.")
        return keys

    @property
    def server(self) -> ServerFile:
        """Where it listens, and the token of its administrative API. Raises UserError when the file is gone."""
        server = self.files.read_server()
        if server is None:
            raise UserError(f"{self.files.server} is gone.")
        return server


def started_of(said: Mapping[str, Any]) -> Started:
    """Return what a server has said with `--json`."""
    files = ServerFiles(Path(said["server_file"]), Path(said["credentials_file"]))
    return Started(said["endpoint"], said["account"], files, said["ingress"])


class ServerProcess:
    """`understudy up` as a child process. Leaving the block stops it.

    The server holds the other end of a pipe and stops when that closes, so that nothing is left running
    even when this process is killed. It is in a session of its own: Ctrl-C is for us to handle.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self.options = options
        self._process: subprocess.Popen[str] | None = None
        # A file and no pipe: nobody reads along, and a full pipe would stop the server.
        self._said_aside = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the block

    def start(self) -> Started:
        """Start it and wait until it answers. Raises UserError with its own sentence if it does not."""
        # -P: whatever lies in the current directory shall not be taken for one of Python's modules.
        command = [sys.executable, "-P", "-m", "understudy_aws", "up", "--json", "--lifeline", *self.options]
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said_aside,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None, "stdout is a pipe"
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate(timeout=_PATIENCE)
            self._process = None
            sentence = self.said_aside().strip().rpartition("\n")[2].removeprefix("understudy: ")
            raise UserError(sentence or "The server did not start and did not say why.")
        return started_of(json.loads(line))

    def said_aside(self) -> str:
        """Return what it has written to stderr."""
        self._said_aside.seek(0)
        return self._said_aside.read()

    def kill(self) -> None:
        """Kill it with SIGKILL, so that it writes nothing more."""
        assert self._process is not None, "it was started"
        self._process.kill()
        self._process.communicate()
        self._process = None

    def stop(self) -> None:
        """Ask it to stop, and wait; SIGKILL if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._said_aside.close()
