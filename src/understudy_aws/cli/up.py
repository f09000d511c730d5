"""`understudy up`: start a server, print what it does and does not do, and serve until a signal stops it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import msgspec

from understudy_aws import __version__
from understudy_aws.app import App, build
from understudy_aws.cli.options import SETTINGS, settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import ServerFile, ServerFiles, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.server.run import run as serve
from understudy_aws.services import accounts
from understudy_aws.services.iam.users import access_keys
from understudy_aws.settings import Settings

_IAM = {
    "strict": "policies are enforced",
    "soft": "POLICIES ARE NOT ENFORCED: what they would refuse passes and is noted in the trail",
    "off": "NO POLICY IS ASKED: every caller with valid keys may do everything",
}
_CLOCK = {
    "instant": "background work is done within a second",
    "aws": "background work takes AWS's seconds, and new roles take time to be known",
}


SHOWN = SETTINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # For our own child processes: stop when stdin closes, so that no server outlives who started it.
    parser.add_argument("--lifeline", action="store_true", help=argparse.SUPPRESS)


def run(asked: argparse.Namespace, out: Output) -> int:
    """Serve until SIGTERM or SIGINT. Raises UserError when port or state cannot be used."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = settings_of(asked)
    app = build(settings)
    try:
        _serve(app, asked.lifeline, out)
    finally:
        app.close()
    return 0


def first_account(app: App) -> tuple[str, accounts.Keys | None]:
    """Return the account to show, and its keys if it was created now: the first start creates one.

    Raises UserError when the settings name an account this state does not hold.
    """
    wanted = app.settings.account
    with app.database.transaction() as tx:
        known = [account.id for account in accounts.in_order(tx)]
    if not known:
        first = app.settings.first_account
        return first, app.make_account(first)
    if not wanted:
        return known[0], None
    if wanted in known:
        return wanted, None
    raise UserError(
        f"This state holds account {', '.join(known)} and not {wanted}; see `understudy account add`."
    )


def _serve(app: App, lifeline: bool, out: Output) -> None:
    settings = app.settings
    opened: list[ServerFiles] = []

    def ready(port: int) -> None:
        # Only now, so that a start that fails over its port has made no account.
        account, new_keys = first_account(app)
        files = files_of(settings, port=port)
        opened.append(files)
        endpoint = _endpoint(settings, port)
        app.admin.keeper = files
        if new_keys is not None:
            files.write_keys(account, new_keys.access_key_id, new_keys.secret_access_key)
        else:
            keep_administrators_keys(app, files)
        files.write_server(ServerFile(endpoint, os.getpid(), app.admin_api.token, settings.tls_certificate))
        Announcement(settings, endpoint, account, files, new_keys).give(out)

    try:
        serve(
            app,
            host=settings.host,
            port=settings.port,
            ready=ready,
            background=_background(app, lifeline),
            tls_certificate=settings.tls_certificate,
        )
    finally:
        for files in opened:
            files.remove_server()
            if settings.in_memory:
                files.forget_keys()


def keep_administrators_keys(app: App, files: ServerFiles) -> None:
    """Write the administrators' keys that the owner's file lacks, as after a crash at the first start."""
    with app.database.transaction() as tx:
        for account in accounts.in_order(tx):
            if files.read_keys(account.id) is not None:
                continue
            owner = (account.id, accounts.ADMINISTRATOR.lower())
            key = next((each for each in access_keys.scan(tx) if (each.account, each.user) == owner), None)
            if key is not None:
                files.write_keys(account.id, key.id, key.secret)


def _background(app: App, lifeline: bool) -> Sequence[Any]:
    works: list[Any] = [app.controllers.run]
    if lifeline:
        works.append(_stop_with_stdin)
    return works


async def _stop_with_stdin() -> None:
    """Send this process SIGTERM when the other end of its stdin is closed."""
    closed = asyncio.Event()

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            closed.set()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), readable)
    await closed.wait()
    os.kill(os.getpid(), signal.SIGTERM)


def _endpoint(settings: Settings, port: int) -> str:
    scheme = "https" if settings.tls_certificate else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def notes(settings: Settings) -> list[str]:
    """Return sentences about what is not enforced and not served here."""
    said = []
    if settings.iam != "strict":
        said.append(f"IAM is {settings.iam}: {_IAM[settings.iam]}.")
    if not _is_loopback(settings.host):
        said.append(
            f"LISTENING ON {settings.host}: everybody who can reach this machine can reach this server."
        )
    if not settings.tls_certificate:
        said.append("Plain HTTP: requests are signed, but whoever sees the traffic can read it.")
    said.append(
        "No packets: this version keeps VPCs and connectors as records; App Runner services do not run yet."
    )
    if settings.in_memory:
        said.append("State is in memory: it is gone when the server stops.")
    return said


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Announcement(msgspec.Struct, frozen=True):
    """What a server prints when it is ready."""

    settings: Settings
    endpoint: str
    account: str
    files: ServerFiles
    new_keys: accounts.Keys | None

    def give(self, out: Output) -> None:
        """Print one JSON line for programs; for people, facts on stdout and remarks on stderr."""
        if out.as_json:
            out.value(self._values())
            return
        out.line(f"{out.paint('Understudy', 'bold')} {__version__} is up. Ctrl-C stops it.")
        out.facts(self._facts())
        for note in notes(self.settings):
            out.remark(note)
        out.remark('In another terminal: eval "$(understudy env)"')

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "version": __version__,
            "endpoint": self.endpoint,
            "account": self.account,
            "iam": self.settings.iam,
            "clock": self.settings.clock,
            "state": self.settings.state,
            "server_file": str(self.files.server),
            "credentials_file": str(self.files.credentials),
            "notes": notes(self.settings),
        }
        if self.new_keys is not None:
            values["access_key_id"] = self.new_keys.access_key_id
            values["secret_access_key"] = self.new_keys.secret_access_key
        return values

    def _facts(self) -> list[tuple[str, str]]:
        settings = self.settings
        facts = [
            ("endpoint", self.endpoint),
            ("account", self.account),
            ("iam", f"{settings.iam}: {_IAM[settings.iam]}"),
            ("clock", f"{settings.clock}: {_CLOCK[settings.clock]}"),
            ("state", settings.state),
            ("keys", f"{self.files.credentials} (profile {self.account})"),
        ]
        if self.new_keys is not None:
            facts += [
                ("access key", self.new_keys.access_key_id),
                ("secret key", f"{self.new_keys.secret_access_key} (shown this once)"),
            ]
        return facts
