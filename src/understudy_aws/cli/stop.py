"""`understudy stop`: stop the server of a state, and wait until it has stopped."""

from __future__ import annotations

import argparse
import os
import signal
import threading

from understudy_aws.cli.admin_client import health_of, no_server, running_server
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import files_of
from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.settings import Settings

# Requests under way are answered first, and background work ends its step.
_PATIENCE = 20.0


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(asked: argparse.Namespace, out: Output) -> int:
    """Stop it; exits 0 also when none runs, for that is what was wanted. Raises UserError when it goes on."""
    settings = settings_of(asked)
    server = running_server(settings)
    if server is None:
        # What runs for a server that lives is never ended apart from it.
        last = None if settings.in_memory else files_of(settings).read_server()
        if last is not None and health_of(last) is not None:
            raise no_server(settings)
        ended = _end_network(settings)
        if out.as_json:
            out.value({"stopped": None, "network_ended": ended})
        elif ended:
            out.line(
                f"No server runs for {settings.state}; the network it had left, and what ran in it, has ended."
            )
        else:
            out.line(f"No server runs for {settings.state}; nothing is to be stopped.")
        return 0
    try:
        os.kill(server.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise UserError(
            f"The server is process {server.pid} of another user, who alone can stop it."
        ) from None
    until, pause = monotonic_seconds() + _PATIENCE, threading.Event()
    while _is_there(server.pid):
        if monotonic_seconds() > until:
            raise UserError(
                f"Process {server.pid} goes on after {_PATIENCE:.0f} s; `kill -9 {server.pid}` ends it."
            )
        pause.wait(0.02)
    ended = _end_network(settings)
    if out.as_json:
        out.value({"stopped": server.endpoint, "network_ended": ended})
    else:
        out.line(
            f"The server at {server.endpoint} has stopped; its state is {_kept(settings.in_memory, settings.state)}."
        )
    return 0


def _end_network(settings: Settings) -> bool:
    """End the network that a server has left running, and every program in it; returns whether there was one."""
    return not settings.in_memory and NodeLauncher(settings.directory / "node", tied=False).stop()


def _is_there(pid: int) -> bool:
    """Whether a process runs. One that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - no more than a look
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def _kept(in_memory: bool, state: str) -> str:
    return "gone with it" if in_memory else f"kept in {state}"
