"""Fetches what issuers publish: where their keys are, and the keys (OpenID Connect Discovery 1.0, section 4).

Only from this machine, and from hosts that the owner names. Everything is bounded, and nothing is fetched on the event
loop: whoever needs keys that are not here raises `AwaitedError` and finds them when it is asked again.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import ssl
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from hashlib import sha1
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from understudy_aws.core.clock import ticks
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.awaited import AwaitedError
from understudy_aws.services.sts.local_issuers import keys_of, local_issuers
from understudy_aws.services.sts.web_tokens import Keys, keys_in, no_key
from understudy_aws.store.database import Transaction

if TYPE_CHECKING:
    import http.client as http_client
else:
    # Few servers ever ask an issuer, and loading it takes a part of a start.
    http_client = deferred("http.client")

_LOG = logging.getLogger("understudy_aws.sts")
# Seconds that each step may take, and bytes a document may have.
_STEP_SECONDS = 4
_MOST_BYTES = 262_144
_AT_ONCE = 4
# Keys are fetched anew when they are older, and when a token names one that was not there a moment ago.
_KEPT_NS = 300 * 10**9
_MOMENT_NS = 2 * 10**9
_MOST_ISSUERS = 1_000
_DISCOVERY = "/.well-known/openid-configuration"


class _Place(NamedTuple):
    """What is asked of an issuer by its URL: its keys, or its thumbprints."""

    what: Literal["keys", "thumbprints"]
    issuer: str
    trusted: tuple[str, ...] = ()


class _Fetched(msgspec.Struct, frozen=True):
    """What came of asking an issuer, and when: what it published, or why that is not known."""

    at: int
    found: Any = ()
    refusal: ApiError | None = None


class IssuerDocuments:
    """What issuers publish, as far as they were asked for it lately.

    `hosts` are those that may be asked besides this machine; `*` allows all.
    """

    def __init__(self, hosts: Collection[str] = ()) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._kept: dict[_Place, _Fetched] = {}
        self._under_way: dict[_Place, Future[None]] = {}
        self._keeping = Lock()

    def keys(
        self, tx: Transaction, issuer: str, thumbprints: tuple[str, ...], enough: Callable[[Keys], bool]
    ) -> Keys:
        """Return the keys of an issuer, by its URL; `enough` says of keys whether the one that is sought is among them.

        `thumbprints` are of certificates that are trusted for it. Raises AwaitedError when the keys must be fetched
        first, and the ApiError that came of fetching them.
        """
        local = local_issuers.get(tx, issuer)
        if local is not None:
            return keys_of(local)
        found: Keys = self._known(_Place("keys", issuer, thumbprints), enough)
        return found

    def thumbprints(self, tx: Transaction, issuer: str) -> tuple[str, ...]:
        """Return the thumbprint of the topmost certificate that an issuer shows. Raises as `keys` does.

        An issuer that is registered here shows none, and has the sum of its keys in its place.
        """
        local = local_issuers.get(tx, issuer)
        if local is not None:
            return (_thumbprint(local.keys),)
        shown: tuple[str, ...] = self._known(_Place("thumbprints", issuer), lambda _found: True)
        return shown

    def _known(self, place: _Place, enough: Callable[[Any], bool]) -> Any:
        found, now = self._kept.get(place), ticks()
        if found is not None and now - found.at < _MOMENT_NS:
            if found.refusal is not None:
                raise found.refusal
            return found.found
        if found is not None and found.refusal is None and now - found.at < _KEPT_NS and enough(found.found):
            return found.found
        raise AwaitedError(self._fetch(place))

    def _fetch(self, place: _Place) -> Future[None]:
        known = self._under_way.get(place)
        if known is not None:
            return known
        if len(self._under_way) >= _AT_ONCE:
            raise unreachable("too many identity providers are being asked at this moment")
        done: Future[None] = Future()
        self._under_way[place] = done
        try:
            Thread(target=self._run, args=(place, done), daemon=True, name="issuer documents").start()
        except RuntimeError as error:
            # Nobody may wait for what has not begun.
            del self._under_way[place]
            raise unreachable("no thread can be started to ask it") from error
        return done

    def _run(self, place: _Place, done: Future[None]) -> None:
        try:
            if place.what == "keys":
                found: Any = self._asked(place.issuer, place.trusted)
            else:
                found = self._shown(place.issuer)
            fetched = _Fetched(ticks(), found)
        except ApiError as refusal:
            fetched = _Fetched(ticks(), refusal=refusal.with_traceback(None))
        except Exception:  # noqa: BLE001 - whoever waits must be told that it is over
            _LOG.exception("asking %s failed", place.issuer)
            fetched = _Fetched(ticks(), refusal=unreachable("Understudy failed to ask it"))
        # Others end at the same time, and an iteration does not bear that.
        with self._keeping:
            while len(self._kept) >= _MOST_ISSUERS:
                del self._kept[next(iter(self._kept))]
            self._kept[place] = fetched
            self._under_way.pop(place, None)
        done.set_result(None)

    def _asked(self, issuer: str, thumbprints: tuple[str, ...]) -> Keys:
        """Ask an issuer for its keys. Raises IDPCommunicationError, and InvalidIdentityToken for what is no key."""
        found = self._document(f"{issuer.rstrip('/')}{_DISCOVERY}", thumbprints)
        try:
            discovery = json.loads(found)
            if not isinstance(discovery, dict) or discovery.get("issuer") != issuer:
                raise no_key()
            return keys_in(self._document(str(discovery.get("jwks_uri")), thumbprints))
        except (ValueError, RecursionError) as error:
            raise no_key() from error

    def _shown(self, issuer: str) -> tuple[str, ...]:
        """Return the thumbprint of the topmost certificate that an issuer shows."""
        parts = urlsplit(issuer)
        host = (parts.hostname or "").lower()
        if not self._may_ask(host):
            raise _not_connected(issuer, _not_asked(host))
        try:
            return (_thumbprint(_chain(host, parts.port or 443)[-1]),)
        except (OSError, ValueError) as error:
            raise _not_connected(issuer, str(error)) from error

    def _may_ask(self, host: str) -> bool:
        return is_this_machine(host) or host in self._hosts or "*" in self._hosts

    def _document(self, url: str, thumbprints: tuple[str, ...]) -> bytes:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or not host:
            raise no_key()
        if not self._may_ask(host):
            raise unreachable(_not_asked(host))
        try:
            return _read(parts, host, _trusting(host, parts.port or 443, thumbprints))
        except (OSError, http_client.HTTPException, ValueError) as error:
            raise unreachable(f"{host} could not be asked ({type(error).__name__}: {error})") from error


def unreachable(why: str) -> ApiError:
    """Return the refusal of a token whose issuer cannot be asked now."""
    return ApiError("IDPCommunicationError", f"The identity provider could not be reached: {why}.")


def _not_connected(issuer: str, why: str) -> ApiError:
    return ApiError(
        "OpenIdIdpCommunicationError",
        f"IAM cannot connect to the OpenID Connect identity provider {issuer}: {why}. Thumbprints that are given need "
        "no connection.",
    )


def _not_asked(host: str) -> str:
    return (
        f"Understudy does not ask {host} for its keys; `understudy oidc add` registers them, and "
        "UNDERSTUDY_IDENTITY_PROVIDERS names hosts that may be asked"
    )


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, by its name or address alone: nobody is asked for the addresses of names."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _trusting(host: str, port: int, thumbprints: tuple[str, ...]) -> ssl.SSLContext:
    """Return what checks a host's certificate: by the authorities this machine trusts, or by a thumbprint's."""
    chain = _chain(host, port) if thumbprints else ()
    for position, certificate in enumerate(chain):
        if _thumbprint(certificate) in thumbprints:
            context = ssl.create_default_context(cadata=certificate)
            # Any certificate of the chain may be the one that is trusted.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            # A thumbprint of the server's own certificate says more than the names in it.
            context.check_hostname = position > 0
            return context
    return ssl.create_default_context()


def _thumbprint(certificate: bytes) -> str:
    return sha1(certificate, usedforsecurity=False).hexdigest()


def _chain(host: str, port: int) -> tuple[bytes, ...]:
    """Return the certificates that a host shows, its own first, as DER. None of them is trusted yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http_client.HTTPSConnection(host, port, timeout=_STEP_SECONDS, context=context)
    try:
        connection.connect()
        # Python before 3.13 has the chain inside alone.
        sock: Any = connection.sock
        shown = sock._sslobj.get_unverified_chain()  # noqa: SLF001
        return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in shown or ())
    finally:
        connection.close()


def _read(parts: SplitResult, host: str, context: ssl.SSLContext) -> bytes:
    connection = http_client.HTTPSConnection(host, parts.port or 443, timeout=_STEP_SECONDS, context=context)
    started = ticks()
    try:
        path = parts.path or "/"
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path, headers=_HEADERS)
        # A response that ends with its connection has taken that over, and is closed by itself alone.
        with connection.getresponse() as response:
            if response.status != 200:
                raise ValueError(f"it answered {response.status}")
            body = bytearray()
            while piece := response.read1(16_384):
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ValueError(f"its document has more than {_MOST_BYTES} bytes")
                if ticks() - started > _STEP_SECONDS * 10**9:
                    raise TimeoutError("it takes too long")
            return bytes(body)
    finally:
        connection.close()


_HEADERS: Mapping[str, str] = {"Accept": "application/json", "User-Agent": "understudy"}
