"""Keys of issuers on this machine: fetched while others are answered, bounded, trusted by thumbprint (0045)."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
import threading
import time
from datetime import timedelta
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from certificates import certificate, ec_key, pem
from cryptography.hazmat.primitives import serialization
from issuers import Issuer, jwk
from refusals import refusal, refused

from understudy_aws.core.http import HttpRequest, ResponseInSteps
from understudy_aws.services.sts.issuer_documents import is_this_machine
from understudy_aws.services.sts.local_issuers import local_issuers
from understudy_aws.testing import Understudy

CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/keys"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing of clients that went away."""


class Site:
    """An HTTPS server on this machine with the documents of an issuer; `pages` may hold functions of the handler."""

    def __init__(self, directory, *, host="127.0.0.1"):
        self.asked = []
        key = ec_key()
        self.certificate = certificate(key=key)
        path = directory / "server.pem"
        path.write_text(pem(self.certificate) + pem(key))
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                page = site.pages.get(self.path)
                if callable(page):
                    page(self)
                    return
                self.send_response(200 if page is not None else 404)
                self.end_headers()
                self.wfile.write(page or b"")

            def log_message(self, *_said):
                """Say nothing."""

        self.server = _Server((host, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        # Clients that end a handshake end it in the thread of their connection, which closes it.
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.authority = f"{host}:{self.server.server_port}"
        self.url = f"https://{self.authority}"
        self.pages = {
            CONFIGURATION: json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"}).encode(),
            KEYS: json.dumps({"keys": [jwk("RS256")]}).encode(),
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def thumbprint(self):
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return sha1(der).hexdigest()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def issuer(understudy, site):
    """The site as a provider whose keys nobody registered."""
    made = Issuer(understudy, site.authority)
    with understudy.app.database.transaction() as tx:
        local_issuers.delete(tx, local_issuers.get(tx, site.url))
    made.iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=made.arn, ThumbprintList=[site.thumbprint]
    )
    return made


class TestKeys:
    def test_they_are_found_through_discovery_and_kept(self, site, issuer):
        role = issuer.role(
            condition={"StringEquals": {f"{site.authority}:sub": "repo:acme/shop:ref:refs/heads/main"}}
        )
        for _ in range(3):
            assert issuer.assume(role)
        assert [CONFIGURATION, KEYS] == site.asked

    def test_a_key_that_is_not_among_them_is_looked_for_once_more(self, site, issuer, monkeypatch):
        """A new key of the issuer's is known at once; a token of no key of it asks once in two seconds."""
        moved = [time.perf_counter_ns()]
        monkeypatch.setattr("understudy_aws.services.sts.issuer_documents.ticks", lambda: moved[0])
        role = issuer.role()
        assert issuer.assume(role)
        site.pages[KEYS] = json.dumps({"keys": [jwk("RS256"), jwk("ES256", "new")]}).encode()
        moved[0] += 3 * 10**9
        assert issuer.assume(role, issuer.token("ES256", headers={"kid": "new"}))
        assert 4 == len(site.asked)
        for _ in range(5):
            told = refusal(lambda: issuer.assume(role, issuer.token(headers={"kid": "no such key"})))
            assert "InvalidIdentityToken" == told.code
        assert 4 == len(site.asked)
        moved[0] += 3 * 10**9
        assert issuer.assume(role)
        assert 4 == len(site.asked)

    def test_without_a_thread_to_ask_by_nobody_waits_and_the_next_is_answered(self, issuer, monkeypatch):
        """A machine may have no room for another process or thread for a while."""
        role = issuer.role()
        with monkeypatch.context() as patched:

            def none(_thread):
                raise RuntimeError("can't start new thread")

            patched.setattr("understudy_aws.services.sts.issuer_documents.Thread.start", none)
            told = refusal(lambda: issuer.assume(role))
            assert "IDPCommunicationError" == told.code
            assert "no thread" in told.message
        assert issuer.assume(role)

    def test_a_certificate_that_no_thumbprint_is_of_is_not_trusted(self, site, issuer):
        issuer.iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=issuer.arn, ThumbprintList=["b" * 40]
        )
        told = refusal(lambda: issuer.assume(issuer.role()))
        assert ("IDPCommunicationError", 400) == (told.code, told.status)
        assert "SSLCertVerificationError" in told.message
        assert [] == site.asked

    @pytest.mark.parametrize(
        "pages",
        [
            {CONFIGURATION: b"no json"},
            {CONFIGURATION: b"[]"},
            {CONFIGURATION: b"[" * 100_000},
            {CONFIGURATION: b'{"issuer": "https://another.example.com", "jwks_uri": "https://127.0.0.1/"}'},
            {KEYS: b"no json"},
            {KEYS: b'{"keys": 7}'},
            {KEYS: b'{"keys": ["a"]}'},
            {KEYS: b'{"keys": []}'},
        ],
    )
    def test_documents_that_are_none_have_no_keys(self, site, issuer, pages):
        site.pages.update(pages)
        with refused("InvalidIdentityToken", status=400) as told:
            issuer.assume(issuer.role())
        assert told.text.startswith("Couldn't retrieve verification key from your identity provider")

    @pytest.mark.parametrize("scheme", ["http://127.0.0.1:1/keys", "file:///etc/passwd", "https:///keys"])
    def test_keys_come_over_https_alone(self, site, issuer, scheme):
        site.pages[CONFIGURATION] = json.dumps({"issuer": site.url, "jwks_uri": scheme}).encode()
        with refused("InvalidIdentityToken", status=400):
            issuer.assume(issuer.role())

    def test_nor_do_they_come_from_elsewhere(self, site, issuer):
        """What is on this machine cannot send us to others."""
        site.pages[CONFIGURATION] = json.dumps(
            {"issuer": site.url, "jwks_uri": "https://keys.example.com/"}
        ).encode()
        with refused("IDPCommunicationError", status=400) as told:
            issuer.assume(issuer.role())
        assert "Understudy does not ask keys.example.com" in told.text

    def test_a_site_that_fails_or_redirects_is_not_followed(self, site, issuer):
        def moved(handler):
            handler.send_response(302)
            handler.send_header("Location", f"{site.url}/elsewhere")
            handler.end_headers()

        site.pages[CONFIGURATION] = moved
        with refused("IDPCommunicationError", status=400) as told:
            issuer.assume(issuer.role())
        assert "it answered 302" in told.text
        assert [CONFIGURATION] == site.asked

    @pytest.mark.parametrize("page", [None, b" " * 300_000], ids=["an error", "too long"])
    def test_what_is_not_read_to_its_end_is_closed(self, site, issuer, monkeypatch, page):
        """A server that asks for long must not run out of descriptors by it."""
        given, get = [], http.client.HTTPConnection.getresponse
        monkeypatch.setattr(
            http.client.HTTPConnection, "getresponse", lambda self: given.append(get(self)) or given[-1]
        )
        site.pages[KEYS] = page
        with refused("IDPCommunicationError", status=400):
            issuer.assume(issuer.role())
        assert [CONFIGURATION, KEYS] == site.asked
        assert [True, True] == [each.isclosed() for each in given]

    def test_a_document_has_an_end(self, site, issuer):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b" " * 65_536)

        site.pages[KEYS] = endless
        with refused("IDPCommunicationError", status=400) as told:
            issuer.assume(issuer.role())
        assert "its document has more than" in told.text

    def test_nobody_waits_for_a_site_that_takes_its_time(self, understudy, site, issuer):
        """Others are answered meanwhile, and a slow site is given up after some seconds."""
        go_on = threading.Event()

        def slow(handler):
            go_on.wait(20)
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(json.dumps({"keys": [jwk("RS256")]}).encode())

        site.pages[KEYS] = slow
        role, held = issuer.role(), []
        handle = understudy.app.handle

        def watched(request: HttpRequest):
            answer = handle(request)
            if isinstance(answer, ResponseInSteps):
                held.append(understudy.client("iam").list_roles()["Roles"])
                go_on.set()
            return answer

        object.__setattr__(understudy, "app", _Watched(understudy.app, watched))
        assert issuer.assume(role)
        assert [["deploy"]] == [[each["RoleName"] for each in roles] for roles in held]


class _Watched:
    """An application whose answers are looked at."""

    def __init__(self, app, handle):
        self._app, self.handle = app, handle

    def __getattr__(self, name):
        return getattr(self._app, name)

    def answer(self, request):
        return type(self._app).answer(self, request)


class TestOutside:
    @pytest.mark.parametrize(
        "host", ["id.example.com", "10.0.0.1", "169.254.169.254", "localhost.example.com"]
    )
    def test_nobody_is_asked(self, understudy, host):
        outside = Issuer(understudy, host)
        with understudy.app.database.transaction() as tx:
            local_issuers.delete(tx, local_issuers.get(tx, f"https://{host}"))
        with refused("IDPCommunicationError", status=400) as told:
            outside.assume(outside.role())
        assert f"Understudy does not ask {host} for its keys" in told.text
        assert "understudy oidc add" in told.text

    def test_but_those_that_the_owner_names(self):
        """A port where nobody listens tells that somebody was asked."""
        with Understudy(identity_providers="id.invalid, other.example.com") as understudy:
            outside = Issuer(understudy, "id.invalid")
            with understudy.app.database.transaction() as tx:
                local_issuers.delete(tx, local_issuers.get(tx, "https://id.invalid"))
            with refused("IDPCommunicationError", status=400) as told:
                outside.assume(outside.role())
            assert "id.invalid could not be asked" in told.text

    def test_a_refusal_leaves_one_entry_in_the_trail(self, understudy, site, issuer):
        """The attempts before it was known leave none."""
        before = len(understudy.trail())
        assert issuer.assume(issuer.role())
        names = [entry.operation for entry in understudy.trail()[before:]]
        assert ["CreateRole", "AssumeRoleWithWebIdentity"] == names


class TestThumbprints:
    def test_that_of_the_certificate_is_taken_where_none_is_given(self, understudy, site):
        """IAM API Reference, CreateOpenIDConnectProvider: the topmost certificate that the server shows."""
        iam = understudy.client("iam")
        made = iam.create_open_id_connect_provider(Url=site.url)
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
        assert [site.thumbprint] == found["ThumbprintList"]
        assert understudy.clock.now() - found["CreateDate"] < timedelta(minutes=1)

    def test_where_nobody_listens_there_is_none(self, understudy, site):
        site.server.shutdown()
        site.server.server_close()
        with refused("OpenIdIdpCommunicationError", status=400):
            understudy.client("iam").create_open_id_connect_provider(Url=site.url)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_by_name_or_address(host):
    assert is_this_machine(host)
    if host[0].isdigit() or ":" in host:
        assert ipaddress.ip_address(host).is_loopback
