"""`understudy up`: start a server, print what it does and does not do, and serve until a signal stops it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import shlex
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from understudy_aws import __version__
from understudy_aws.app import App, build
from understudy_aws.cli.invocation import command
from understudy_aws.cli.loading import load
from understudy_aws.cli.options import SETTINGS, settings_of
from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import Keys, ServerFile, ServerFiles, files_of, private_directory
from understudy_aws.controllers.authorities import authorities_in
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import INGRESS
from understudy_aws.server.run import check_address, free_port, tls_context
from understudy_aws.server.run import run as serve
from understudy_aws.services import accounts
from understudy_aws.services.apprunner.ingress_address import decide_ingress, ingress_address, is_noted_for
from understudy_aws.services.iam.users import access_keys
from understudy_aws.settings import Settings

if TYPE_CHECKING:
    from understudy_aws.cli import admin_client, certificates
    from understudy_aws.cli.certificates import Certificates
    from understudy_aws.dataplane.linux import probe
else:
    probe = deferred("understudy_aws.dataplane.linux.probe")
    admin_client = deferred("understudy_aws.cli.admin_client")
    certificates = deferred("understudy_aws.cli.certificates")

_IAM = {
    "strict": "policies are enforced",
    "soft": "POLICIES ARE NOT ENFORCED: what they would refuse passes and is noted in the trail",
    "off": "NO POLICY IS ASKED: every caller with valid keys may do everything",
}
_CLOCK = {
    "instant": "background work is done at once",
    "aws": "background work takes AWS's seconds, and new roles take time to be known",
}
_A_FREE_PORT = "a free port, which `understudy status` tells once one runs"


SHOWN = SETTINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detach", action="store_true", help="go on in the background; `understudy stop` stops it"
    )
    parser.add_argument(
        "--show-keys", action="store_true", help="show the administrator's keys, not only where they are kept"
    )
    # For our own child processes: stop when stdin closes, so that no server outlives who started it.
    parser.add_argument("--lifeline", action="store_true", help=argparse.SUPPRESS)
    # The child of `--detach`: once it serves, it writes what it has to say into a file.
    parser.add_argument("--log-to-file", action="store_true", help=argparse.SUPPRESS)


def run(asked: argparse.Namespace, out: Output) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises UserError when port or state cannot be used."""
    settings = settings_of(asked)
    # Another process finds out what this machine allows, while this one starts.
    networks = probe.Attempt()
    if asked.detach:
        # Here too, as the child does not know how a person calls this program.
        _check_port(settings)
        started = load("background").start(settings)
        keys = started.keys if asked.show_keys else None
        Announcement(
            settings,
            started.endpoint,
            started.account,
            started.files,
            keys,
            networks.obstacle(),
            ingress=started.ingress,
            detached=True,
        ).give(out)
        return 0
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Before there is a state, so that a start that fails over these has made none.
    given = tls_context(settings.tls_certificate) if settings.tls_certificate else None
    _check_port(settings)
    app = build(settings)
    try:
        with _certificates(settings) as made:
            _Serving(app, asked, out, made, networks).serve(tls_context(str(made.server)) if made else given)
    finally:
        app.close()
    return 0


def _check_port(settings: Settings) -> None:
    """Raise UserError when the port is taken; our own server on it says more than its process."""
    if settings.port == 0:
        return
    try:
        check_address(settings.host, settings.port)
    except UserError:
        server = admin_client.running_server(settings)
        if server is None or server.port != settings.port:
            raise
        stop = command("stop", settings)
        raise UserError(
            f"Understudy runs already, at {server.endpoint} with this state, process {server.pid}; "
            f"`{stop}` stops it."
        ) from None


@contextlib.contextmanager
def _certificates(settings: Settings) -> Iterator[Certificates | None]:
    """The certificates that `--tls` asks for; those of a server in memory go with it."""
    if settings.tls_certificate or not settings.tls:
        yield None
    elif settings.in_memory:
        with tempfile.TemporaryDirectory(prefix="tls-", dir=private_directory()) as directory:
            yield certificates.certificates_in(Path(directory), settings.host)
    else:
        yield certificates.certificates_in(settings.directory / "tls", settings.host)


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


class _Serving:
    """One run of a server: what it leaves for its owner when it is ready, and takes away at the end."""

    def __init__(
        self,
        app: App,
        asked: argparse.Namespace,
        out: Output,
        certificates: Certificates | None,
        networks: probe.Attempt,
    ) -> None:
        self._app = app
        self._asked = asked
        self._out = out
        self._certificates = certificates
        self._networks = networks
        self._files: ServerFiles | None = None

    def serve(self, tls: ssl.SSLContext | None) -> None:
        """Serve until a signal."""
        settings = self._app.settings
        try:
            serve(
                self._app,
                host=settings.host,
                port=settings.port,
                ready=self._ready,
                background=_background(self._app, self._asked.lifeline),
                tls=tls,
                inside=self._app.node.directory,
            )
        finally:
            if self._files is not None:
                self._files.remove_server()
                if settings.in_memory:
                    self._files.forget_keys()
                    self._files.log.unlink(missing_ok=True)

    def _ready(self, port: int) -> None:
        # Only now, so that a start that fails over its port has made no account.
        app, settings = self._app, self._app.settings
        account, new_keys = first_account(app)
        files = self._files = files_of(settings, port=port)
        endpoint = _endpoint(settings, port)
        app.admin.keeper = files
        if new_keys is not None:
            files.write_keys(account, new_keys.access_key_id, new_keys.secret_access_key)
        keep_administrators_keys(app, files)
        ingress = _noted_ingress(app)
        certificate, ca_bundle = settings.tls_certificate, _authority_in(settings.tls_certificate)
        if self._certificates is not None:
            certificate, ca_bundle = str(self._certificates.server), str(self._certificates.authority)
        files.write_server(ServerFile(endpoint, os.getpid(), app.admin_api.token, certificate, ca_bundle))
        keys = files.read_keys(account) if self._asked.show_keys else None
        obstacle = self._networks.obstacle()
        Announcement(settings, endpoint, account, files, keys, obstacle, ingress).give(self._out)
        if self._asked.log_to_file:
            _complain_to(files.log)


def _authority_in(certificate: str) -> str:
    """Return the file itself when it holds an authority, as one that signed itself does; else an empty text."""
    return certificate if certificate and authorities_in(certificate) else ""


def _noted_ingress(app: App) -> str:
    """Decide where requests to services are taken, for the first URL that is answered, and return it.

    It stays where it is while the network goes on, even without a node, unless something else is wanted now. Where
    somebody has the wanted port, it is another one. An empty text if nobody could listen at that address: the node will
    tell why.
    """
    host, port = app.settings.ingress_address
    goes_on = (app.node.directory / INGRESS).exists()
    with app.database.transaction() as tx:
        if not (goes_on and is_noted_for(tx, host, port)):
            with contextlib.suppress(OSError):
                decide_ingress(tx, host, port, taken=free_port(host, port))
        return ingress_address(tx)


def _complain_to(log: Path) -> None:
    """Let everything on stderr go into a file from now on."""
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)


def keep_administrators_keys(app: App, files: ServerFiles) -> None:
    """Bring the owner's file up to date: keys it lacks, as after a crash at the first start, or that are no more."""
    with app.database.transaction() as tx:
        for account in accounts.in_order(tx):
            owner = (account.id, accounts.ADMINISTRATOR.lower())
            known = {key.id: key.secret for key in access_keys.where(tx, "by_user", owner)}
            kept = files.read_keys(account.id)
            if known and (kept is None or known.get(kept.access_key_id) != kept.secret_access_key):
                files.write_keys(account.id, *next(iter(known.items())))


def _background(app: App, lifeline: bool) -> Sequence[Any]:
    works: list[Any] = [app.controllers.run, app.node_changes.run]
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
    scheme = "https" if settings.serves_tls else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def notes(settings: Settings, obstacle: str) -> list[str]:
    """Return sentences about what is not enforced and not served here; `obstacle` is what networks lack."""
    said = []
    if settings.iam != "strict":
        said.append(f"IAM is {settings.iam}: {_IAM[settings.iam]}.")
    if not _is_loopback(settings.host):
        said.append(
            f"LISTENING ON {settings.host}: everybody who can reach this machine can reach this server."
        )
    if not settings.serves_tls:
        said.append("Plain HTTP: requests are signed, but whoever sees the traffic can read it.")
    elif settings.tls_certificate and Path(settings.tls_certificate).stat().st_mode & 0o077:
        said.append(
            f"Others may read the private key in {settings.tls_certificate}: "
            f"chmod 600 {shlex.quote(settings.tls_certificate)}"
        )
    if obstacle:
        said.append(f"NO PACKET IS FILTERED HERE, and nothing is isolated. {obstacle}")
    said.append(
        "Packets: of App Runner services and of programs run with `understudy attach`; of nothing else in EC2."
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
    """What a server prints when it is ready.

    `keys` are those to show, if they were asked for; `obstacle` is why this machine makes no networks, if it does not.
    `ingress` is where requests to services are taken, empty while a free port is still to be.
    """

    settings: Settings
    endpoint: str
    account: str
    files: ServerFiles
    keys: Keys | None
    obstacle: str = ""
    ingress: str = ""
    detached: bool = False

    def give(self, out: Output) -> None:
        """Print one JSON line for programs; for people, facts on stdout and remarks on stderr."""
        if out.as_json:
            out.value(self._values())
            return
        how = f"in the background. `{self._command('stop')}`" if self.detached else "Ctrl-C"
        out.line(
            f"{out.paint('Understudy', 'bold')} {__version__} is up{', ' if self.detached else '. '}{how} stops it."
        )
        out.facts(self._facts())
        for note in notes(self.settings, self.obstacle):
            out.remark(note)
        where = "In this and other terminals" if self.detached else "In another terminal"
        out.remark(f"{where}: {self.eval_line}")

    @property
    def eval_line(self) -> str:
        """What leads a shell to this server."""
        account = f" --account {self.account}" if self.settings.account else ""
        return f'eval "$({self._command("env")}{account})"'

    def _command(self, words: str) -> str:
        return command(words, self.settings, port=int(self.endpoint.rpartition(":")[2]))

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "version": __version__,
            "endpoint": self.endpoint,
            "ingress": self.ingress,
            "account": self.account,
            "iam": self.settings.iam,
            "clock": self.settings.clock,
            "state": self.settings.state,
            "server_file": str(self.files.server),
            "credentials_file": str(self.files.credentials),
            "notes": notes(self.settings, self.obstacle),
        }
        if self.detached:
            values["log"] = str(self.files.log)
        if self.keys is not None:
            values["access_key_id"] = self.keys.access_key_id
            values["secret_access_key"] = self.keys.secret_access_key
        return values

    def _facts(self) -> list[tuple[str, str]]:
        settings = self.settings
        facts = [
            ("endpoint", self.endpoint),
            ("services", f"answered at {self.ingress or _A_FREE_PORT}"),
            ("account", self.account),
            ("iam", f"{settings.iam}: {_IAM[settings.iam]}"),
            ("clock", f"{settings.clock}: {_CLOCK[settings.clock]}"),
            ("state", settings.state),
            ("keys", f"{self.files.credentials} (profile {self.account})"),
        ]
        if self.detached:
            facts.append(("log", str(self.files.log)))
        if self.keys is not None:
            facts += [("access key", self.keys.access_key_id), ("secret key", self.keys.secret_access_key)]
        return facts
