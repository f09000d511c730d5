"""Starting in order, stopping in reverse: a process of its own, told by signals."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.server.run import check_address, tls_context

PROGRAM = """
    import asyncio
    from understudy_aws.core.http import HttpResponse
    from understudy_aws.server.run import run

    def say(*words):
        print(*words, flush=True)

    class App:
        def handle(self, request):
            return HttpResponse(200, b"served")
        def durability(self):
            return self
        done, error = True, None

    def work(name):
        async def go_on():
            say(name, "began")
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                say(name, "ended")
        return go_on

    async def fail():
        raise OSError("disk full")

    async def be_done():
        say("done")

    BACKGROUND
    run(App(), host="127.0.0.1", port=0, ready=lambda port: say("ready", port), background=background)
    say("stopped")
"""


class Process:
    """The program above with some background work."""

    def __init__(self, background):
        program = textwrap.dedent(PROGRAM).replace("BACKGROUND", f"background = {background}")
        self.popen = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.communicate(timeout=20)

    def port(self):
        return int(self.popen.stdout.readline().split()[1])

    def end(self):
        """Exit code, the lines not read yet, and what was complained of."""
        # Not by communicate(), which passes over what readline() has read ahead.
        out, err = self.popen.stdout.read(), self.popen.stderr.read()
        return self.popen.wait(timeout=10), out.split("\n")[:-1], err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_reverse_order_and_cleanly(number):
    with Process("[work('first'), work('second')]") as process:
        port = process.port()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.recv(1000).endswith(b"served")
            process.popen.send_signal(number)
            code, lines, complaints = process.end()
    assert (0, "") == (code, complaints)
    assert lines == ["first began", "second began", "second ended", "first ended", "stopped"]


def test_background_work_that_fails_stops_the_server_and_is_told():
    """A server whose loop has died must not look healthy."""
    with Process("[work('first'), fail]") as process:
        process.port()
        code, lines, complaints = process.end()
    assert code == 1
    assert lines == ["first began", "first ended"]
    assert complaints.endswith("OSError: disk full\n")


def test_background_work_that_is_done_leaves_the_server_running():
    with Process("[be_done]") as process:
        port = process.port()
        assert process.popen.stdout.readline() == "done\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(1000).endswith(b"served")
        process.popen.send_signal(signal.SIGTERM)
        assert process.end()[0] == 0


def test_a_certificate_that_cannot_be_used_is_one_clear_sentence(tmp_path):
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(
        UserError, match=r"^The certificate .*nothing\.pem cannot be used: no such file or directory\.$"
    ):
        tls_context(str(nothing))


def test_a_port_that_is_taken_is_one_sentence_that_says_by_whom():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as refused:
            check_address("127.0.0.1", port)
    said = str(refused.value)
    assert said.startswith(f"Cannot listen on 127.0.0.1:{port}: process {os.getpid()} (")
    assert said.endswith(") does. Choose another --port, or 0 for a free one.")
    check_address("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_one_sentence():
    with pytest.raises(UserError, match=r"^Cannot listen on 192\.0\.2\.1:\d+: cannot assign .*\.$"):
        check_address("192.0.2.1", 4566)
