"""Day by day: a server in the background, with TLS, and the commands that speak of it."""

from __future__ import annotations

import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import boto3
import pytest
from server_process import ServerProcess, clean_environment

from understudy_aws.admin.requests import FORMAT

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "understudy_aws"]


@pytest.fixture
def here(tmp_path):
    """An environment in which state, temporary files and profiles are this test's own; its servers are stopped."""
    environment = clean_environment(tmp_path, TMPDIR=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "state"))
    yield environment
    for file in tmp_path.rglob("*.json"):
        if b'"pid"' in (text := file.read_bytes()):
            os.kill(json.loads(text)["pid"], signal.SIGKILL)


def run(environment, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def answer(environment, *words: str):
    done = run(environment, *words, "--json")
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def is_there(pid: int) -> bool:
    try:
        return "Z" != Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


class TestInTheBackground:
    def test_it_goes_on_until_it_is_stopped_and_its_state_stays(self, here, tmp_path):
        begun = run(here, "up", "--detach", "--port", "0")
        assert 0 == begun.returncode
        assert "is up, in the background. `" in begun.stdout
        assert 'eval "$(' in begun.stderr
        server = json.loads((tmp_path / "state/understudy/server.json").read_text())
        assert answer(here, "status")["endpoint"] == server["endpoint"]
        assert 0o600 == (tmp_path / "state/understudy/server.log").stat().st_mode & 0o777
        port = int(server["endpoint"].rpartition(":")[2])
        other = run(here, "stop", "--port", str(port - 1))
        assert 2 == other.returncode
        assert f"listens on port {port}" in other.stderr, "what it runs is not ended under it"
        assert is_there(server["pid"])
        stopped = run(here, "stop")
        assert (0, f"The server at {server['endpoint']} has stopped") == (
            stopped.returncode,
            stopped.stdout.partition(";")[0],
        )
        assert not is_there(server["pid"])
        assert not (tmp_path / "state/understudy/server.json").exists()
        again = run(here, "stop")
        assert 0 == again.returncode
        assert "nothing is to be stopped" in again.stdout

    def test_a_hangup_of_the_terminal_does_not_reach_it(self, here, tmp_path):
        """The shell it was started from ends, and with it the shell's session."""
        words = " ".join([*COMMAND, "up", "--detach", "--port", "0"])
        subprocess.run(["sh", "-c", f"{words}; kill -HUP 0"], env=here, timeout=60, check=False,
                       start_new_session=True, capture_output=True)  # fmt: skip
        assert answer(here, "status")["endpoint"]
        run(here, "stop")

    def test_in_memory_it_is_found_by_its_port_and_leaves_nothing(self, here, tmp_path):
        begun = answer(here, "up", "--detach", "--port", "0", "--state", "memory:")
        port = begun["endpoint"].rpartition(":")[2]
        where = ("--state", "memory:", "--port", port)
        assert begun["endpoint"] == answer(here, "status", *where)["endpoint"]
        hint = run(here, "status")
        assert 2 == hint.returncode
        assert f"One in memory runs on port {port}" in hint.stderr
        assert begun["endpoint"] == answer(here, "stop", *where)["stopped"]
        assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_a_start_that_fails_says_why(self, here, tmp_path):
        begun = answer(here, "up", "--detach", "--port", "0", "--state", "memory:")
        port = begun["endpoint"].rpartition(":")[2]
        done = run(here, "up", "--detach", "--port", port)
        assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
        assert f"Cannot listen on 127.0.0.1:{port}: process " in done.stderr
        assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_a_server_cleanly(tmp_path, number):
    with ServerProcess("--state", str(tmp_path / "state"), "--json") as server:
        assert server.said
        assert (0, "", "") == server.end(number)
    assert not (tmp_path / "state/server.json").exists()


def test_under_nohup_a_server_outlives_a_hangup(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = ServerProcess("--state", str(tmp_path / "state"), "--json")
    finally:
        signal.signal(signal.SIGHUP, before)
    with server:
        assert server.said
        server.process.send_signal(signal.SIGHUP)
        # One that heard it would have gone by now, and one that is stopping takes no new connection.
        time.sleep(0.3)
        health = server.said["endpoint"] + "/_understudy/health"
        with urllib.request.urlopen(health, timeout=10) as answer:
            assert 200 == answer.status
        assert None is server.process.poll()
        assert 0 == server.end()[0]


class TestTls:
    @pytest.fixture
    def server(self, tmp_path):
        with ServerProcess("--state", str(tmp_path / "kept"), "--tls", "--json") as server:
            assert server.said["endpoint"].startswith("https://127.0.0.1:")
            yield server

    def test_clients_trust_it_through_env_and_profile(self, server, here, tmp_path):
        state = ("--state", str(tmp_path / "kept"))
        variables = answer(here, "env", *state)
        bundle = Path(variables["AWS_CA_BUNDLE"])
        assert bundle.is_absolute()
        assert str(bundle) == variables["NODE_EXTRA_CA_CERTS"]
        asked = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        done = subprocess.run([sys.executable, "-c", asked], env={**here, **variables}, capture_output=True,
                              text=True, timeout=60, check=False)  # fmt: skip
        assert (done.stdout, 0) == ("arn:aws:iam::000000000000:user/Administrator\n", done.returncode)
        assert 0 == run(here, "env", "--profile", "ours", *state).returncode
        config = (tmp_path / ".aws/config").read_text()
        assert f"ca_bundle = {bundle}" in config
        profile = {**here, "AWS_PROFILE": "ours"}
        done = subprocess.run([sys.executable, "-c", asked], env=profile, capture_output=True,
                              text=True, timeout=60, check=False)  # fmt: skip
        assert "arn:aws:iam::000000000000:user/Administrator\n" == done.stdout
        server.end()

    def test_its_files_are_the_owners_alone(self, server, tmp_path):
        folder = tmp_path / "kept/tls"
        assert {"authority.pem", "ca.pem", "server.pem"} == {path.name for path in folder.iterdir()}
        assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert 0o700 == folder.stat().st_mode & 0o777
        server.end()

    def test_any_client_that_knows_the_authority_accepts_every_name(self, server, tmp_path):
        port = server.said["endpoint"].rpartition(":")[2]
        context = ssl.create_default_context(cafile=tmp_path / "kept/tls/ca.pem")
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        for name in ("127.0.0.1", "localhost"):
            url = f"https://{name}:{port}/_understudy/health"
            with urllib.request.urlopen(url, context=context, timeout=20) as said:
                assert 200 == said.status
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(url, timeout=20)
        server.end()

    def test_the_authority_stays_from_start_to_start(self, server, tmp_path):
        before = (tmp_path / "kept/tls/ca.pem").read_bytes()
        server.end()
        with ServerProcess("--state", str(tmp_path / "kept"), "--tls", "--json") as again:
            assert again.said
            assert before == (tmp_path / "kept/tls/ca.pem").read_bytes()
            again.end()

    def test_exec_takes_it_and_leaves_nothing(self, here, tmp_path):
        asked = "import boto3, os; boto3.client('iam').list_users(); print(os.environ['AWS_ENDPOINT_URL'])"
        done = run(here, "exec", "--tls", "--", sys.executable, "-c", asked)
        assert (0, "") == (done.returncode, done.stderr)
        assert done.stdout.startswith("https://127.0.0.1:")
        assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


class TestWhichServer:
    def test_env_fails_when_nothing_runs_there(self, here, tmp_path):
        with ServerProcess("--json", environment=here) as server:
            assert server.said
            assert 0 == run(here, "env").returncode
            elsewhere = run(here, "env", "--port", "7")
            assert 2 == elsewhere.returncode
            assert f"listens on port {server.said['endpoint'].rpartition(':')[2]}, and" in elsewhere.stderr
            server.end()
        done = run(here, "env")
        assert (2, "") == (done.returncode, done.stdout)
        assert done.stderr.startswith(
            f"understudy: No server runs for {tmp_path}/state/understudy. Start one with `"
        )

    def test_the_first_account_stays_the_first(self, here):
        with ServerProcess("--json", "--account", "999988887777", environment=here) as server:
            assert "999988887777" == server.said["account"]
            answer(here, "account", "add", "000000000000")
            server.end()
        with ServerProcess("--json", environment=here) as server:
            assert "999988887777" == server.said["account"]
            listed = answer(here, "account", "list")["accounts"]
            assert ["999988887777", "000000000000"] == [each["id"] for each in listed]
            key = answer(here, "env")["AWS_ACCESS_KEY_ID"]
            assert key == answer(here, "env", "--account", "999988887777")["AWS_ACCESS_KEY_ID"]
            unknown = run(here, "env", "--account", "123412341234")
            assert (
                "understudy: There is no account 123412341234; there is 999988887777, 000000000000.\n"
                == unknown.stderr
            )
            server.end()

    def test_env_for_a_member_says_which_role_to_assume(self, here):
        with ServerProcess("--json", environment=here) as server:
            said = server.said
            client = boto3.client("organizations", region_name="us-east-1", endpoint_url=said["endpoint"],
                                  aws_access_key_id=said["access_key_id"],
                                  aws_secret_access_key=said["secret_access_key"])  # fmt: skip
            client.create_organization(FeatureSet="ALL")
            asked = client.create_account(Email="a@example.org", AccountName="a", RoleName="Door")
            id = asked["CreateAccountStatus"]["Id"]
            until = time.monotonic() + 20
            while "AccountId" not in (
                status := client.describe_create_account_status(CreateAccountRequestId=id)[
                    "CreateAccountStatus"
                ]
            ):
                assert time.monotonic() < until
                time.sleep(0.05)
            done = run(here, "env", "--account", status["AccountId"])
            assert 2 == done.returncode
            assert (
                "with the keys of its management account 000000000000, assume its role" in done.stderr.lower()
            )
            role = f"arn:aws:iam::{status['AccountId']}:role/Door"
            assert f"aws sts assume-role --role-arn {role} " in done.stderr
            assert f"from account 000000000000, role {role}" in run(here, "account", "list").stdout
            server.end()


class TestVersions:
    """Client and server know the format they speak, and say which is older."""

    @pytest.mark.parametrize(
        ("health", "told"),
        [
            ({"status": "ok", "version": "0.0.9"}, "is Understudy 0.0.9, older than this command"),
            (
                {"status": "ok", "version": "9.0", "format": FORMAT + 1},
                "is Understudy 9.0, newer than this command",
            ),
        ],
    )
    def test_a_server_of_another_format_is_named(self, here, tmp_path, health, told):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = json.dumps(health).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        state = tmp_path / "state/understudy"
        state.mkdir(parents=True, mode=0o700)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            file = {"endpoint": f"http://127.0.0.1:{server.server_port}", "token": "t", "later": "unknown"}
            (state / "server.json").write_text(json.dumps({**file, "pid": 2**22 + 1}))
            done = run(here, "status")
            server.shutdown()
        (state / "server.json").unlink()
        assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
        assert told in done.stderr

    def test_a_server_tells_its_formats(self, here):
        with ServerProcess("--json", environment=here) as server:
            with urllib.request.urlopen(f"{server.said['endpoint']}/_understudy/health", timeout=20) as said:
                told = json.load(said)
            assert FORMAT == told["format"]
            assert told["state_format"] >= 2
            server.end()


class TestCopies:
    def test_a_copy_of_a_running_server_is_restored_with_its_keys(self, here, tmp_path):
        copy = tmp_path / "copy"
        with ServerProcess("--json", environment=here) as server:
            first = server.said
            done = run(here, "backup", str(copy))
            assert (0, "") == (done.returncode, done.stderr)
            assert "which you alone can read" in done.stdout
            assert 0o600 == copy.stat().st_mode & 0o777
            answer(here, "account", "rotate-keys")
            again = run(here, "backup", str(copy))
            assert (2, 1) == (again.returncode, again.stderr.count("\n"))
            assert "--force writes over it" in again.stderr
            running = run(here, "restore", str(copy), "--yes")
            assert 2 == running.returncode
            assert f"The server at {first['endpoint']} uses " in running.stderr
            assert "stop it first: " in running.stderr
            server.end()
        kept = run(here, "restore", str(copy))
        assert (2, 1) == (kept.returncode, kept.stderr.count("\n"))
        assert "--yes puts the copy in its place" in kept.stderr
        assert ["000000000000"] == answer(here, "restore", str(copy), "--yes")["accounts"]
        with ServerProcess("--json", environment=here) as server:
            assert server.said
            found = answer(here, "env")
            assert first["secret_access_key"] == found["AWS_SECRET_ACCESS_KEY"]
            asked = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
            done = subprocess.run([sys.executable, "-c", asked], env={**here, **found}, capture_output=True,
                                  text=True, timeout=60, check=False)  # fmt: skip
            assert "000000000000\n" == done.stdout
            server.end()


def old_aws(folder: Path, version: str) -> None:
    """An AWS CLI that says its version, and what it is asked."""
    folder.mkdir(exist_ok=True)
    program = folder / "aws"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "aws-cli/{version} Python/3.11 Linux"; else echo called "$@"; fi\n'
    )
    program.chmod(0o755)


class TestOldCommandLines:
    """An AWS CLI before 2.13.0 or 1.29.0 knows no AWS_ENDPOINT_URL and calls AWS itself (Debian 12 has 2.9.19)."""

    def exec(self, here, tmp_path, version, *words):
        old_aws(tmp_path / "bin", version)
        return run({**here, "PATH": f"{tmp_path}/bin:{here['PATH']}"}, "exec", "--", *words)

    @pytest.mark.parametrize("version", ["2.9.19", "2.12.7", "1.28.85", "1.22.34"])
    def test_one_that_would_call_aws_is_not_run(self, here, tmp_path, version):
        done = self.exec(here, tmp_path, version, "aws", "s3", "ls")
        assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
        assert (
            f"is the AWS CLI {version}, which does not obey AWS_ENDPOINT_URL and calls AWS itself"
            in done.stderr
        )

    @pytest.mark.parametrize("version", ["2.13.0", "2.30.1", "1.29.0", "1.46.3"])
    def test_one_that_obeys_is_run(self, here, tmp_path, version):
        done = self.exec(here, tmp_path, version, "aws", "s3", "ls")
        assert (0, "called s3 ls\n", "") == (done.returncode, done.stdout, done.stderr)

    def test_one_that_is_led_by_hand_is_run(self, here, tmp_path):
        done = self.exec(here, tmp_path, "2.9.19", "aws", "--endpoint-url", "http://127.0.0.1:1", "s3", "ls")
        assert done.stdout.startswith("called --endpoint-url")

    def test_a_script_that_may_call_it_is_warned_of(self, here, tmp_path):
        done = self.exec(here, tmp_path, "2.9.19", "sh", "-c", "aws s3 ls")
        assert (0, "called s3 ls\n") == (done.returncode, done.stdout)
        assert "understudy: " in done.stderr
        assert "calls AWS itself" in done.stderr

    def test_doctor_tells(self, here, tmp_path):
        old_aws(tmp_path / "bin", "2.9.19")
        said = answer({**here, "PATH": f"{tmp_path}/bin:{here['PATH']}"}, "doctor", "--port", "0")
        found = next(each for each in said["findings"] if each["name"] == "aws command")
        assert ("note", True) == (found["verdict"], "2.13.0 is the first that does" in found["sentence"])
