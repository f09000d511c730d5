"""`understudy attach -- CMD…`: a program of one's own with a network interface of a VPC as its only network."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from time import sleep
from typing import Any

from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.admin.requests import Status as ServerStatus
from understudy_aws.cli.admin_client import (
    NoServerError,
    ask_server,
    no_server,
    understood_server,
)
from understudy_aws.cli.client_environment import inside, trusting
from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import ServerFile, temporary_place
from understudy_aws.controllers.authorities import authorities_in
from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import WANTED, NodeClient, NodeLostError
from understudy_aws.dataplane.edge import api_urls
from understudy_aws.dataplane.linux.command import (
    NetworkEndedError,
    NoNodeError,
    fork_tied,
    hold_signals,
    pass_signals_on,
    run_command,
)
from understudy_aws.dataplane.linux.confinement import OWN_FILES
from understudy_aws.dataplane.messages import GetStatus, Status
from understudy_aws.settings import Settings

_PATIENCE = 20.0
_WHY_SECONDS = 0.5
_FREE_SECONDS, _FREE_POLL_SECONDS = 3.0, 0.02
# What a shell says of a program that was killed.
_KILLED = 128 + signal.SIGKILL
_LOOK_SECONDS = 0.2
# What `--isolated` does not show whole, and what it shows nothing of.
_OF_MANY = ("/home", "/root", "/tmp", "/var")  # noqa: S108 - nothing is put there
_OF_THE_SYSTEM = ("/dev", "/etc", "/proc", "/run", "/sys")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "understudy attach (--subnet SUBNET [--group GROUP]... | --interface ENI) [--] CMD [ARGUMENT ...]"
    )
    add_place(parser)
    parser.add_argument(
        "command_line", nargs=argparse.REMAINDER, metavar="CMD", help="the program and its arguments"
    )


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--subnet", default="", help="the subnet to make an interface in, as long as the program runs"
    )
    place.add_argument(
        "--interface", metavar="ENI", default="", help="an interface there is, attached to nothing"
    )
    parser.add_argument(
        "--group", action="append", default=[], help="a security group of it; by default the VPC's own"
    )
    parser.add_argument("--address", default="", help="its private IPv4 address; by default a free one")
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="show it this machine's programs and the current directory, to read, and none of your other files",
    )
    parser.add_argument(
        "--not-isolated",
        action="store_true",
        help="where this machine can make no networks: run it as a plain process, in this machine's own network",
    )


def run(asked: argparse.Namespace, out: Output) -> int:
    """Run the program; answers its exit code."""
    if not asked.command_line:
        raise UserError(
            "Which program? For example: understudy attach --subnet subnet-0… -- curl http://10.0.1.10"
        )
    return run_attached(asked, out, asked.command_line)


def run_attached(asked: argparse.Namespace, out: Output, command: Sequence[str]) -> int:
    """Attach a program to the interface asked for, run it, and detach it again; answers its exit code."""
    if not command[0]:
        raise UserError("The program's name is empty: the first word of CMD is the program.")
    if asked.interface and (asked.group or asked.address):
        raise UserError(
            f"{asked.interface} has its groups and its address already: --group and --address are of the interface "
            "that --subnet makes. `aws ec2 modify-network-interface-attribute` changes its groups."
        )
    if asked.isolated and asked.not_isolated:
        raise UserError("--isolated and --not-isolated are contraries; say one of them.")
    settings = settings_of(asked)
    server = understood_server(settings)
    if server is None:
        raise no_server(settings)
    attached = ask_server(
        server,
        Attach(
            pid=os.getpid(), command=" ".join(command), interface=asked.interface,
            subnet=asked.subnet, groups=tuple(asked.group), address=asked.address, account=settings.account,
        ),
    )  # fmt: skip
    try:
        node = Path(attached["node"])
        obstacle = _wait_for(server, node, attached["interface"])
        if obstacle and asked.isolated:
            raise UserError(f"{obstacle} So {command[0]} can't be isolated here.")
        if obstacle and not asked.not_isolated:
            raise UserError(
                f"{obstacle} `--not-isolated` runs {command[0]} as a plain process all the same: in this machine's "
                "own network, where VPCs are not and no security group applies."
            )
        out.remark(
            f"{attached['interface']} ({', '.join(attached['addresses'])}) in {attached['subnet']}, "
            f"{', '.join(attached['groups'])}: {command[0]}"
        )
        if obstacle:
            out.remark(f"NOT ISOLATED: {command[0]} is in this machine's own network. {obstacle}")
            return _run_plainly(node, command)
        authority = authorities_in(server.ca_bundle) if server.ca_bundle else ""
        trust = trusting(os.environ, authority, OWN_FILES)
        environment = inside(os.environ, _apis(server, attached), trust)
        readable = None
        if asked.isolated:
            environment, readable = without_home(environment), readable_directory(os.environ)
        return _run(
            node, attached, command, environment, hidden=_hidden_directories(settings), files=trust.files,
            readable=readable,
        )  # fmt: skip
    finally:
        _detach(server, attached["interface"])


def _apis(server: ServerFile, attached: Mapping[str, Any]) -> dict[str, str]:
    """Return the URLs of the APIs by variable. With TLS they are at names, which certificates have."""
    secure = server.endpoint.startswith("https:")
    version = 4 if any(ip_address(each).version == 4 for each in attached["addresses"]) else 6
    endpoints = attached["endpoint_names"] if secure else attached["endpoints"]
    return api_urls(endpoints, secure=secure, version=version)


def _wait_for(server: ServerFile, node: Path, interface: str) -> str:
    """Wait until the interface is there, and return why it is not isolated; empty when it is.

    Raises UserError that says why it is not there.
    """
    until, pause = monotonic_seconds() + _PATIENCE, threading.Event()
    reason, asked_why = "no node runs yet", monotonic_seconds()
    while monotonic_seconds() < until:
        try:
            with NodeClient(node) as client:
                status = client.ask(GetStatus())
        except NodeLostError:
            # The server has more to do now than to say this often.
            if monotonic_seconds() - asked_why > _WHY_SECONDS:
                reason, asked_why = _why(server) or reason, monotonic_seconds()
        else:
            if isinstance(status, Status) and status.converged and interface in status.interfaces:
                return status.obstacle
            reason = (status.error if isinstance(status, Status) else "") or reason
        if "node can't start" in reason:
            break
        pause.wait(0.02)
    raise UserError(f"{interface} could not be made a network of: {reason}")


def _why(server: ServerFile) -> str:
    """Return what keeps the server from starting a node; empty when nothing does that is known."""
    try:
        controllers = ask_server(server, ServerStatus())["controllers"]
    except (NoServerError, UserError) as error:
        return str(error)
    for each in controllers:
        if each["name"] == "network":
            failing = [found["error"] for found in each["failing"]]
            return str(next(iter(failing), each["error"]))
    return ""


def _run(
    node: Path,
    attached: Mapping[str, Any],
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    hidden: Sequence[Path],
    files: Mapping[str, str],
    readable: str | None,
) -> int:
    """Run the command in a process of its own, which enters the interface's network and becomes of no other use."""
    sys.stdout.flush()
    hold_signals()
    child = fork_tied()
    if child == 0:
        code = 70
        try:
            code = run_command(
                node,
                attached["interface"],
                command,
                environment,
                resolver=attached["resolver"],
                hidden=hidden,
                files=files,
                readable=readable,
            )
        except NetworkEndedError as error:
            os.write(2, f"understudy: {error}\n".encode())
            code = _KILLED
        except (NoNodeError, OSError) as error:
            os.write(2, f"understudy: {error}\n".encode())
            code = 2
        finally:
            os._exit(code)
    pass_signals_on(child)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def without_home(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables for a program that has no home: what leads there would only mislead it."""
    kept = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    kept.pop("TMPDIR", None)
    return {**kept, "HOME": "/tmp"}  # noqa: S108 - its own, in memory


def readable_directory(environment: Mapping[str, str]) -> str:
    """Return the current directory, for a program that is to see no other of this user's.

    It is empty where there is more than a project: in a home, in what homes lie in, and where the system has its own.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return ""
    home = Path(environment.get("HOME") or "/").resolve()
    has_more = any(each.is_relative_to(here) for each in (home, *map(Path, _OF_MANY)))
    return "" if has_more or any(here.is_relative_to(each) for each in _OF_THE_SYSTEM) else str(here)


def _hidden_directories(settings: Settings) -> list[Path]:
    """Return where states and their keys are: what is attached is no owner of them."""
    found = [temporary_place()]
    return found if settings.in_memory else [*found, settings.directory.absolute()]


def _run_plainly(node: Path, command: Sequence[str]) -> int:
    """Run the command as a plain process, as long as the network is wanted that it would have been in."""
    try:
        process = subprocess.Popen(command)  # noqa: S603 - the user's own program
    except OSError as error:
        os.write(
            2, f"{command[0]}: {'not found' if isinstance(error, FileNotFoundError) else error}\n".encode()
        )
        return 127 if isinstance(error, FileNotFoundError) else 126
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: process.send_signal(number))
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(_LOOK_SECONDS)
            return code if code >= 0 else 128 - code
        if not (node / WANTED).exists():
            process.kill()


def _detach(server: ServerFile, interface: str) -> None:
    """Let go of an interface, and wait until others can have it: whoever called this may want it next."""
    until = monotonic_seconds() + _FREE_SECONDS
    # Otherwise the server finds out by itself that this process has ended.
    with suppress(NoServerError, UserError):
        while not ask_server(server, Detach(interface=interface, pid=os.getpid()))["free"]:
            if monotonic_seconds() > until:
                return
            sleep(_FREE_POLL_SECONDS)
