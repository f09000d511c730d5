"""Starts a server that goes on in the background when this command has ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from understudy_aws.cli.exec import options_of
from understudy_aws.cli.server_process import Started, started_of
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings


def start(settings: Settings) -> Started:
    """Start a server in a session of its own, and return when it answers. Raises UserError with its own sentence."""
    # -P: whatever lies in the current directory shall not be taken for one of Python's modules.
    command = [sys.executable, "-P", "-m", "understudy_aws", "up", "--json", "--log-to-file"]
    with tempfile.TemporaryFile("w+") as aside:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*command, *options_of(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=aside,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None, "stdout is a pipe"
        with process.stdout as said:
            line = said.readline()
        if not line:
            process.wait()
            aside.seek(0)
            sentence = aside.read().strip().rpartition("\n")[2].removeprefix("understudy: ")
            raise UserError(sentence or "The server did not start and did not say why.")
        # It is nobody's child any more; Python would wait for it otherwise.
        process.returncode = 0
    return started_of(json.loads(line))
