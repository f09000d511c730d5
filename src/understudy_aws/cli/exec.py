"""`understudy exec -- CMD…`: a server that lives as long as one command, in its environment."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from understudy_aws.cli.aws_command import refusal_of, remark_on
from understudy_aws.cli.client_environment import made
from understudy_aws.cli.iam_mode import say_mode
from understudy_aws.cli.options import SETTINGS, settings_of_own_server
from understudy_aws.cli.output import Output
from understudy_aws.cli.refusals import last_number, tell_refusals
from understudy_aws.cli.server_process import ServerProcess, Started
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings

DEFAULTS: Mapping[str, str | int] = {"state": "memory:", "port": 0}
SHOWN = SETTINGS - {"host"}

# What shells answer for a command that is not there, cannot be run, or was killed by signal n (128 + n).
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
_KILLED = 128
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy exec [options] [--] CMD [ARGUMENT ...]"
    parser.add_argument(
        "command_line", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments"
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Run the command; answers its exit code. State in memory and a free port, unless asked otherwise."""
    if not asked.command_line:
        raise UserError("Which command? For example: understudy exec -- aws sts get-caller-identity")
    settings = settings_of_own_server(asked, DEFAULTS)
    with ServerProcess(options_of(settings)) as server:
        started = server.start()
        say_mode(settings.iam, started.endpoint)
        before = last_number(started.server)
        code = run_command(asked.command_line, environment_of(started, settings))
        tell_refusals(started.server, settings, before, out)
        complaints = server.said_aside()
    if complaints:
        out.remark(complaints.rstrip())
    return code


def options_of(settings: Settings) -> list[str]:
    """Return the settings as options for the server's command line."""
    words = []
    for name, value in settings._asdict().items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value != "":
            words += [f"--{option}", str(value)]
    return words


def environment_of(started: Started, settings: Settings) -> dict[str, str]:
    """Return the environment for a command: its AWS clients find this server and no other."""
    # The latter so that `understudy explain`, said inside the command, finds it too.
    return {
        **made(started.endpoint, started.keys, os.environ, started.server.ca_bundle),
        "UNDERSTUDY_STATE": settings.state,
        "UNDERSTUDY_PORT": str(started.port),
    }


def run_command(command_line: Sequence[str], environment: Mapping[str, str], *, aside: bool = False) -> int:
    """Run a command with our terminal, pass signals on, and return its exit code.

    Raises UserError for an AWS CLI that is so old that it would call AWS instead of the server.

    With `aside` what it says on stdout goes to stderr, for stdout is for an answer of ours.
    """
    if refusal := refusal_of(command_line, environment):
        raise UserError(refusal)
    if remark := remark_on(command_line, environment):
        print(f"understudy: {remark}", file=sys.stderr)
    said = sys.stderr if aside else None
    try:
        process = subprocess.Popen(command_line, env=environment, stdout=said)  # noqa: S603 - what we are for
    except OSError as error:
        if _is_nowhere(command_line[0], environment, error):
            print(f"understudy: {command_line[0]}: no such command.", file=sys.stderr)
            return _NOT_FOUND
        print(f"understudy: {command_line[0]}: {error.strerror}.", file=sys.stderr)
        return _NOT_EXECUTABLE

    def forward(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    # Ctrl-C reaches the command by itself, being of our terminal; we wait for what it makes of it.
    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return _KILLED - code if code < 0 else code


def _is_nowhere(command: str, environment: Mapping[str, str], error: OSError) -> bool:
    """Whether there is no such command. Folders of PATH that may not be read are passed over."""
    if isinstance(error, FileNotFoundError):
        return True
    return os.sep not in command and shutil.which(command, os.F_OK, environment.get("PATH")) is None
