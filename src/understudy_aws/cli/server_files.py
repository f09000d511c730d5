"""Reads and writes the files a server leaves for its owner: its endpoint and token, and its accounts' keys."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from understudy_aws.cli.profiles import read_profile, read_text, sections, with_profile, write_private
from understudy_aws.core.confidential import Confidential
from understudy_aws.core.errors import UserError
from understudy_aws.settings import Settings


class ServerFile(Confidential, frozen=True):
    """Where a server listens, which process it is, and the token of its administrative API.

    `certificate` is the file with the certificate that it shows, and `ca_bundle` the file with the authority that
    clients must trust; both are empty without TLS, the latter also where the system's authorities will do.
    """

    hidden = frozenset({"token"})

    endpoint: str
    pid: int
    token: str
    certificate: str = ""
    ca_bundle: str = ""

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])


class Keys(Confidential, frozen=True):
    """An access key pair; the secret is kept out of its printed form."""

    hidden = frozenset({"secret_access_key"})

    access_key_id: str
    secret_access_key: str


class ServerFiles(msgspec.Struct, frozen=True):
    """The two files of one server, readable by their owner only."""

    server: Path
    credentials: Path

    @property
    def log(self) -> Path:
        """Where a server in the background writes what it has to say."""
        return self.server.with_suffix(".log")

    def read_server(self) -> ServerFile | None:
        """Read what the last server wrote; None if there is no file. That server may have stopped.

        What a newer server wrote besides is left out.
        """
        text = read_text(self.server)
        if not text:
            return None
        try:
            said = json.loads(text)
            return ServerFile(**{name: said[name] for name in ServerFile.__struct_fields__ if name in said})
        except (ValueError, TypeError) as error:
            raise UserError(f"{self.server} is damaged; remove it and start the server again.") from error

    def write_server(self, server: ServerFile) -> None:
        write_private(self.server, json.dumps(asdict(server)) + "\n")

    def remove_server(self) -> None:
        """Remove the server's file, unless another server has written its own meanwhile."""
        written = self.read_server()
        if written is not None and written.pid == os.getpid():
            self.server.unlink(missing_ok=True)

    def read_keys(self, account: str) -> Keys | None:
        """Read the administrator's keys of an account; None if there are none."""
        found = read_profile(read_text(self.credentials), account) or {}
        if "aws_access_key_id" not in found or "aws_secret_access_key" not in found:
            return None
        return Keys(found["aws_access_key_id"], found["aws_secret_access_key"])

    def accounts(self) -> list[str]:
        """Return the accounts whose keys are stored, the oldest first."""
        return sections(read_text(self.credentials))

    def write_keys(self, account: str, access_key_id: str, secret_access_key: str) -> None:
        """Store the administrator's keys of an account, as a profile named after the account."""
        text = read_text(self.credentials) or "# Understudy: an administrator's keys per account.\n"
        values = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret_access_key}
        write_private(self.credentials, with_profile(text, account, values))

    def forget_keys(self) -> None:
        self.credentials.unlink(missing_ok=True)


def files_of(settings: Settings, *, port: int | None = None) -> ServerFiles:
    """Return the files of a server with these settings, which are in its state directory.

    A server in memory has no directory of its own: its files are in the user's temporary one, named by its
    port, and go when it goes. Raises UserError when somebody else made that directory.
    """
    if not settings.in_memory:
        return ServerFiles(settings.directory / "server.json", settings.directory / "credentials")
    directory = private_directory()
    name = f"memory-{settings.port if port is None else port}"
    return ServerFiles(directory / f"{name}.json", directory / f"{name}.credentials")


def temporary_place() -> Path:
    """Return where the user's own folder among the temporary files is, or would be."""
    return Path(tempfile.gettempdir()) / f"understudy-{os.getuid()}"


def private_directory() -> Path:
    """Return the user's own folder among the temporary files. Raises UserError when somebody else made it."""
    directory = temporary_place()
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UserError(f"{directory} is not private to you; remove it.")
    return directory


def servers_in_memory() -> list[ServerFile]:
    """Return what servers in memory have written, those among them that have stopped without a word included."""
    files = sorted(temporary_place().glob("memory-*.json"))
    found = (ServerFiles(file, file.with_suffix(".credentials")).read_server() for file in files)
    return [server for server in found if server is not None]
