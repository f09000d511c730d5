"""Where requests are taken from outside: one address and port, the same after a new node has begun."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from understudy_aws.dataplane.client import INGRESS
from understudy_aws.dataplane.wanted_services import Ingress
from understudy_aws.node.ingress.beginnings import Beginnings
from understudy_aws.node.ingress.tls import server_context, version_of
from understudy_aws.server import port_holders

_BACKLOG = 1024


class Entrance:
    """Listens as is wanted.

    Where the port can't be had another one is taken, and `error` says so. The one that was taken is kept in a file, so
    that a new node takes it again, also where the wanted one has become free: URLs tell it.
    """

    def __init__(
        self, directory: Path, *, most: int, context: Callable[[str], ssl.SSLContext] = server_context
    ) -> None:
        """Prepare; with TLS, at most so many connections begin at the same time.

        `context` makes of a file with chain and key how to serve TLS.
        """
        self._context = context
        self.address = ""
        self._most = most
        self.error = ""
        self._file = directory / INGRESS
        self._wanted: tuple[Ingress, tuple[int, ...]] | None = None
        self._server: asyncio.Server | Beginnings | None = None

    async def want(self, wanted: Ingress, accepted: Callable[..., asyncio.Protocol]) -> None:
        """Listen there, for connections that `accepted` makes something of. Raises OSError when nothing can be had.

        Where TLS is spoken, requests without it are taken as well, and sent to the same port with it.
        """
        key = (replace(wanted, told=0), version_of(wanted.certificate))
        if key == self._wanted:
            return
        context = self._context(wanted.certificate) if wanted.certificate else None
        listening, self.error = None, ""
        former = self._server
        if former is not None:
            former.close()
            self._server, self.address, self._wanted = None, "", None
        listening = self._bound(wanted)
        host, port = listening.getsockname()[:2]
        if context is not None:
            self._server = Beginnings(
                listening,
                context,
                secure=lambda: accepted(secure=True),
                plain=lambda: accepted(secure=False, moved=port),
                most=self._most,
            )
        else:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: accepted(secure=False), sock=listening, backlog=_BACKLOG
            )
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._wanted = key
        with suppress(OSError):
            self._file.write_text(f"{wanted.host} {wanted.port} {port}")

    def forget(self) -> None:
        """Take the wanted port when there is a next node: what requests were for has ended."""
        self._file.unlink(missing_ok=True)

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _bound(self, wanted: Ingress) -> socket.socket:
        for port in dict.fromkeys((self._kept(wanted), wanted.told, wanted.port)):
            if not port:
                continue
            try:
                listening = _listening(wanted.host, port)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                break
        else:
            listening = _listening(wanted.host, 0)
        port = listening.getsockname()[1]
        if wanted.port not in (0, port):
            self.error = _instead(wanted, port)
        return listening

    def _kept(self, wanted: Ingress) -> int:
        """Return the port that was taken when the same one was wanted, 0 if none was."""
        try:
            host, port, taken = self._file.read_text().split()
            return int(taken) if (host, port) == (wanted.host, str(wanted.port)) else 0
        except (OSError, ValueError):
            return 0


def _instead(wanted: Ingress, port: int) -> str:
    """Return the sentence that says that another port than the wanted one is taken, and why."""
    if holder := port_holders.holder_of(wanted.port):
        return f"Port {wanted.port} of {wanted.host} is taken by {holder}; {port} is used."
    return (
        f"Port {wanted.port} of {wanted.host} could not be had when it was wanted first; {port} is used until the "
        "network is stopped."
    )


def _listening(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        # Another program may be bound there with the same option; only one can listen.
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
