"""`understudy up` as a process: its lines, its files, its exit codes."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from server_process import ServerProcess

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "understudy_aws"]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def run(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )


def test_secrets_are_shown_when_asked_for_and_otherwise_kept_private(state):
    with ServerProcess("--state", str(state), "--json") as server:
        first = json.loads(server.line())
        assert 0o600 == (state / "server.json").stat().st_mode & 0o777
        assert 0o600 == (state / "credentials").stat().st_mode & 0o777
        assert 0o700 == state.stat().st_mode & 0o777
        assert first["secret_access_key"] in (state / "credentials").read_text()
        assert (0, "", "") == server.end()
    assert not (state / "server.json").exists()
    command = [*COMMAND, "up", "--state", str(state), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGHUP)
        assert 0 == process.wait(timeout=60)
    assert {"access_key_id", "secret_access_key"}.isdisjoint(said)
    assert str(state / "credentials") == said["credentials_file"]


def test_the_banner_is_for_people_and_says_what_is_not_here(state):
    with ServerProcess("--state", str(state), "--iam", "off", "--host", "0.0.0.0") as server:
        lines = [server.line()]
        while not lines[-1].startswith("secret key"):
            lines.append(server.line())
        code, _, err = server.end(signal.SIGINT)
    out = "".join(lines)
    assert 0 == code
    for name in (
        "endpoint    http://127.0.0.1:",
        "account     000000000000",
        "iam         off: ",
        "clock       instant: ",
    ):
        assert name in out
    assert str(state) in out
    for remark in ("NO POLICY IS ASKED", "LISTENING ON 0.0.0.0", "of nothing else in EC2", "Plain HTTP"):
        assert remark in err
    assert f' env --state {state})"\n' in err
    assert "\x1b" not in out + err
    assert "Traceback" not in err


def test_status_trail_and_explain_ask_the_running_server_and_afterwards_the_state(state):
    with ServerProcess("--state", str(state), "--json") as server:
        endpoint = json.loads(server.line())["endpoint"]
        running = json.loads(run("status", "--json", "--state", str(state)).stdout)
        assert endpoint == running["endpoint"]
        made = run("account", "add", "111122223333", "--json", "--state", str(state))
        assert "111122223333" == json.loads(made.stdout)["account"]
        assert "[111122223333]" in (state / "credentials").read_text()
        server.end()
    stopped = json.loads(run("status", "--json", "--state", str(state)).stdout)
    assert None is stopped["endpoint"]
    assert ["000000000000", "111122223333"] == [account["id"] for account in stopped["accounts"]]
    ahead = ("explain", "--as", "arn:aws:iam::111122223333:user/Administrator", "--action", "ec2:CreateVpc")
    assert 0 == run(*ahead, "--state", str(state)).returncode


def test_reset_makes_new_keys_when_asked_and_keeps_them(state):
    with ServerProcess("--state", str(state), "--json") as server:
        before = json.loads(server.line())["access_key_id"]
        after = json.loads(run("reset", "--yes", "--new-keys", "--json", "--state", str(state)).stdout)
        kept = (state / "credentials").read_text()
        server.end()
    assert before != after["access_key_id"]
    assert after["access_key_id"] in kept
    assert before not in kept


def test_a_port_in_use_is_one_sentence_that_says_by_whom_and_leaves_no_state(state):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("up", "--port", port, "--state", str(state))
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith(f"understudy: Cannot listen on 127.0.0.1:{port}: process {os.getpid()} (")
    assert not state.exists()


def test_our_own_server_on_the_port_is_named(state):
    with ServerProcess("--state", str(state), "--json") as server:
        endpoint = server.said["endpoint"]
        port = endpoint.rpartition(":")[2]
        done = run("up", "--port", port, "--state", str(state))
        assert 2 == done.returncode
        assert (
            f"Understudy runs already, at {endpoint} with this state, process {server.process.pid}; "
            in done.stderr
        )
        assert run("up", "--detach", "--port", port, "--state", str(state)).stderr == done.stderr
        examined = run("doctor", "--port", port, "--state", str(state)).stdout.splitlines()
        assert examined[-1].startswith(f"A server runs at {endpoint}; `")
        server.end()


def test_a_state_in_use_is_one_sentence(state):
    with ServerProcess("--state", str(state), "--json") as server:
        server.line()
        done = run("up", "--port", "0", "--state", str(state))
        server.end()
    assert (2, f"understudy: Process {server.process.pid} already uses the state directory {state}.\n") == (
        done.returncode,
        done.stderr,
    )


def test_a_state_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("up", "--port", "0", "--state", str(tmp_path / "file" / "below"))
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert done.stderr.startswith("understudy: The state directory ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "70000"),
        ("IAM", "lax"),
        ("CLOCK", "fast"),
        ("ACCOUNT", "1"),
        ("STATE", "ftp://x"),
    ],
)
def test_a_bad_setting_in_the_environment_is_one_sentence(name, value):
    done = run("up", env={**os.environ, f"UNDERSTUDY_{name}": value})
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert name.lower() in done.stderr


def test_with_a_lifeline_the_server_ends_with_who_holds_it(state):
    with ServerProcess("--state", str(state), "--json", "--lifeline") as server:
        assert server.line()
        assert 0 == server.end(how=None)[0]


def test_what_a_killed_server_left_is_no_obstacle(state):
    with ServerProcess("--state", str(state), "--json") as server:
        server.line()
        server.end(signal.SIGKILL)
    assert (state / "server.json").exists()
    assert None is json.loads(run("status", "--json", "--state", str(state)).stdout)["endpoint"]
    with ServerProcess("--state", str(state), "--json") as server:
        assert select.select([server.process.stdout], [], [], 20)[0]
        assert json.loads(server.line())["endpoint"]
        server.end()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_with_a_certificate_it_serves_https(state, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "chain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=understudy", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    certificate.write_text(certificate.read_text() + key.read_text())
    with ServerProcess("--state", str(state), "--json", "--tls-certificate", str(certificate)) as server:
        said = json.loads(server.line())
        assert said["endpoint"].startswith("https://127.0.0.1:")
        assert [] == [note for note in said["notes"] if "Plain HTTP" in note]
        status = run("status", "--json", "--state", str(state))
        assert said["endpoint"] == json.loads(status.stdout)["endpoint"]
        server.end()


def test_a_certificate_that_is_none_is_one_sentence(state, tmp_path):
    (tmp_path / "pem").write_text("no certificate")
    done = run("up", "--port", "0", "--state", str(state), "--tls-certificate", str(tmp_path / "pem"))
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith("understudy: The certificate ")
    assert not state.exists()


def test_a_server_in_memory_is_found_by_its_port(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with ServerProcess("--state", "memory:", "--json", environment=environment) as server:
        said = json.loads(server.line())
        port = said["endpoint"].rpartition(":")[2]
        status = run("status", "--json", "--state", "memory:", "--port", port, env=environment)
        assert said["endpoint"] == json.loads(status.stdout)["endpoint"]
        server.end()
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nothing_there_is_one_sentence(state):
    done = run("trail", "--state", str(state), env={**os.environ, "TMPDIR": str(state.parent)})
    start = f"{sys.executable} -m understudy_aws up --state {state}"
    expected = f"understudy: No server runs and there is no state in {state}. Start one with `{start}`.\n"
    assert (2, expected) == (done.returncode, done.stderr)
    assert not state.exists()
