"""A server listens and stops, over real sockets on the loopback address."""

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess

import pytest
from loopback import GET, Echo, run, serving, until

from understudy_aws.core.errors import UserError
from understudy_aws.core.http import HttpResponse
from understudy_aws.server.http import Server

pytestmark = pytest.mark.usefixtures("both_loops")


class TestStopping:
    def test_idle_connections_are_closed_and_none_are_taken(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(GET)
                await client.answer()
                await server.close(patience=5)
                assert await client.rest() == b""
                with pytest.raises(OSError):
                    await connect()

        run(talk())

    def test_a_request_under_way_is_answered_first(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na")
                await until(lambda: any(connection.is_busy for connection in server.connections))
                closing = asyncio.create_task(server.close(patience=5))
                await asyncio.sleep(0)
                client.send(b"bc")
                _, headers, body = await client.answer()
                assert (body, headers["connection"]) == (b"abc", "close")
                await closing

        run(talk())

    def test_patience_ends(self):
        async def talk():
            async with serving(Echo()) as (server, connect):
                client = await connect()
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na")
                await until(lambda: any(connection.is_busy for connection in server.connections))
                await server.close(patience=0.05)
                with contextlib.suppress(ConnectionError):
                    assert await client.rest() == b""

        run(talk())


class TestListening:
    def test_a_port_in_use_is_one_clear_sentence(self):
        async def talk():
            async with serving(Echo()) as (server, _):
                with pytest.raises(
                    UserError,
                    match=rf"^Cannot listen on 127\.0\.0\.1:{server.port}: process {os.getpid()} \(.*\) does\. ",
                ):
                    await Server(Echo()).listen("127.0.0.1", server.port)

        run(talk())

    def test_an_address_that_is_not_ours_is_one_clear_sentence(self):
        with pytest.raises(UserError, match=r"^Cannot listen on 192\.0\.2\.1:0: .+\.$"):
            run(Server(Echo()).listen("192.0.2.1", 0))

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
    def test_over_tls_a_request_is_secure(self, tmp_path):
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(certificate, key)

        async def talk():
            app = Echo(lambda _: HttpResponse(200, b"x" * 300_000))
            async with serving(app, tls=ours) as (_, connect):
                client = await connect(ssl.create_default_context(cafile=certificate))
                client.send(GET, b"nonsense\r\n\r\n")
                assert (await client.answer())[0] == 200
                assert (await client.answer())[0] == 400
            assert [True] == [request.secure for request in app.requests]

        run(talk())
