"""`understudy exec`: a server for one command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from server_process import clean_environment

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "understudy_aws", "exec"]


@pytest.fixture
def environment(tmp_path):
    return clean_environment(tmp_path, TMPDIR=str(tmp_path))


def run(environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_command_finds_a_server_and_who_it_is(environment, tmp_path):
    code = (
        "import boto3, json, os\n"
        "print(json.dumps([boto3.client('sts').get_caller_identity()['Arn'], os.environ['AWS_ENDPOINT_URL']]))"
    )
    done = run({**environment, "AWS_PROFILE": "not-there"}, "--", *python(code))
    assert (0, "") == (done.returncode, done.stderr)
    arn, endpoint = json.loads(done.stdout)
    assert "arn:aws:iam::000000000000:user/Administrator" == arn
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{endpoint}/_understudy/health")
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()], "nothing is left behind"


def test_its_exit_code_is_ours(environment):
    assert 7 == run(environment, *python("raise SystemExit(7)")).returncode


def test_a_command_killed_by_a_signal_answers_as_in_a_shell(environment):
    done = run(environment, "--", *python("import os; os.kill(os.getpid(), 9)"))
    assert 128 + 9 == done.returncode


def test_a_command_that_is_not_there(environment):
    done = run(environment, "--", "no-such-command-at-all")
    assert (127, "understudy: no-such-command-at-all: no such command.\n") == (done.returncode, done.stderr)


def test_a_command_that_is_there_and_cannot_be_run(environment, tmp_path):
    (tmp_path / "notes").write_text("no program")
    done = run({**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}, "--", "notes")
    assert (126, "understudy: notes: Permission denied.\n") == (done.returncode, done.stderr)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_of_the_path_that_may_not_be_read_hides_no_mistake(environment, tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    done = run(
        {**environment, "PATH": f"{tmp_path / 'locked'}:{environment['PATH']}"}, "--", "no-such-command"
    )
    assert (127, "understudy: no-such-command: no such command.\n") == (done.returncode, done.stderr)


def test_without_a_command_it_asks_for_one(environment):
    done = run(environment)
    assert 2 == done.returncode
    assert done.stderr.startswith("understudy: Which command?")


def test_options_of_the_command_are_left_alone(environment):
    code = "import sys; print(sys.argv[1:])"
    done = run(environment, "--iam", "soft", "--", *python(code), "--json", "--", "--iam", "x")
    assert "['--json', '--', '--iam', 'x']\n" == done.stdout


def test_understudys_own_commands_find_the_server(environment):
    done = run(environment, "--iam", "soft", sys.executable, "-m", "understudy_aws", "status", "--json")
    assert "soft" == json.loads(done.stdout)["iam"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("soft", "IAM is soft here: what policies refuse is carried out"),
        ("off", "IAM is off here: no policy is asked."),
    ],
)
def test_every_command_says_when_iam_is_not_strict(environment, mode, said):
    done = run(environment, "--iam", mode, sys.executable, "-m", "understudy_aws", "trail", "--json")
    assert {"entries": []} == json.loads(done.stdout)
    assert 2 == done.stderr.count(f"understudy: {said}"), "once by exec, once by trail"


def test_a_state_directory_is_kept(environment, tmp_path):
    state = tmp_path / "kept"
    code = "import boto3; boto3.client('iam').create_user(UserName='me')"
    assert 0 == run(environment, "--state", str(state), "--", *python(code)).returncode
    code = "import boto3; print(boto3.client('iam').get_user(UserName='me')['User']['UserName'])"
    assert "me\n" == run(environment, "--state", str(state), "--", *python(code)).stdout


def test_a_signal_goes_to_the_command(environment):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)"
    )
    process = subprocess.Popen(
        [*COMMAND, "--", *python(code)], stdout=subprocess.PIPE, text=True, env=environment
    )
    with process:
        assert "ready\n" == process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert 42 == process.wait(timeout=20)


def test_a_file_in_the_current_directory_is_not_taken_for_a_module(environment, tmp_path):
    (tmp_path / "asyncio.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "understudy_aws", "exec", "--", "true"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
