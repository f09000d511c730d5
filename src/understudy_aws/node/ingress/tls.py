"""How TLS is served: with one certificate for all names, and with those of custom domains for theirs."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from understudy_aws.dataplane.wanted_services import DomainCertificate
from understudy_aws.node.ingress.hosts import led_to

_LOG = logging.getLogger(__name__)


def server_context(certificate: str) -> ssl.SSLContext:
    """Return how to serve TLS with the chain and key of a file. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["http/1.1"])
    return context


def version_of(certificate: str) -> tuple[int, ...]:
    """Return what tells a file from what was at its place before."""
    if not certificate:
        return ()
    found = Path(certificate).stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


class ServerContexts:
    """Makes contexts that serve custom domains with their own certificates, by the names that clients ask for.

    What is wanted later counts for contexts that were made before; connections that have begun go on.
    """

    def __init__(self) -> None:
        self._loaded: Mapping[str, tuple[tuple[int, ...], ssl.SSLContext]] = {}
        self._by_name: Mapping[str, ssl.SSLContext] = {}

    def want(self, certificates: Sequence[DomainCertificate]) -> None:
        """Serve these domains with their certificates; one that can't be read is left out."""
        loaded, by_name = {}, {}
        for each in certificates:
            try:
                version = version_of(each.file)
                known = self._loaded.get(each.file)
                made = known if known and known[0] == version else (version, server_context(each.file))
            except OSError as error:
                _LOG.warning("The certificate of %s can't be served: %s", each.names[0], error)
                continue
            loaded[each.file] = made
            by_name.update(dict.fromkeys(each.names, made[1]))
        self._loaded, self._by_name = loaded, by_name

    def made(self, certificate: str) -> ssl.SSLContext:
        """Return how to serve TLS with a file, but for domains that have their own. Raises OSError."""
        context = server_context(certificate)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        found = led_to(self._by_name, name.lower()) if name else None
        if found is not None:
            connection.context = found
