"""One right sentence for each slip, by the real command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from server_process import clean_environment

pytestmark = pytest.mark.system

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeVpc","Resource":"*"}]}'


@pytest.fixture
def run(tmp_path):
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "understudy_aws", *arguments],
            capture_output=True,
            env={**clean_environment(tmp_path), **environment},
            cwd=tmp_path,
            timeout=60,
            check=False,
        )

    return run


def test_help_is_a_command_and_takes_one(run):
    assert run("--help").stdout == run("help").stdout != b""
    assert run("trail", "--help").stdout == run("help", "trail").stdout != run("help").stdout
    assert b"understudy help COMMAND" in run("help").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["help", "trial"], "There is no command 'trial'; did you mean trail?"),
        (["trail", "--refuse"], "`understudy trail` has no option --refuse; did you mean --refused?"),
        (["trail", "--xyzzy=1"], "`understudy trail` has no option --xyzzy; see `understudy trail --help`."),
        (["roles", "now"], "`understudy roles` takes no 'now' there. See `understudy roles --help`."),
        (["explain", "--as"], "Argument --as: expected one argument. See `understudy explain --help`."),
        (["explain", "--as", "x"], "A question takes both --as ARN and --action ACTION."),
        (["explain", "--action", "x:Y"], "A question takes both --as ARN and --action ACTION."),
        (["explain", "a", "--as", "x"], "Give a request, or --as and --action; not both."),
        (["explain", " "], "There is nothing to explain in an empty text."),
    ],
)
def test_a_slip_is_one_sentence(run, arguments, said):
    done = run(*arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.decode().startswith(f"understudy: {said}")
    assert 1 == done.stderr.count(b"\n")


def test_a_missing_file_hides_no_other(run, tmp_path):
    (tmp_path / "there.json").write_text(POLICY)
    done = run("review", "there.json", "missing.json", "there.json")
    assert 2 == done.returncode
    assert b"understudy: missing.json cannot be read: No such file or directory.\n" == done.stderr
    assert 2 == done.stdout.count(b"there.json, read as")
    answer = json.loads(run("review", "--json", "there.json", "missing.json").stdout)
    assert ["missing.json"] == [each["file"] for each in answer["unread"]]
    assert ["there.json"] == [each["file"] for each in answer["files"]]


@pytest.mark.parametrize("ascii", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])  # fmt: skip
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_ascii_terminal_is_served(run, tmp_path, ascii, as_json):
    (tmp_path / "policy.json").write_text(POLICY.replace("ec2:DescribeVpc", f"ec2:Überall{'x' * 200}"))
    done = run("review", "policy.json", *as_json, **ascii)
    assert (1, b"") == (done.returncode, done.stderr)
    assert done.stdout.isascii()
    if as_json:
        assert "Überall" in json.loads(done.stdout)["files"][0]["findings"][0]["details"]


def test_an_empty_home_is_one_sentence_or_no_matter(run, tmp_path):
    done = run("trail", HOME="", XDG_STATE_HOME=str(tmp_path / "none"))
    assert 2 == done.returncode
    assert done.stderr.startswith(b"understudy: No server runs and there is no state in ")
    assert 1 == done.stderr.count(b"\n")
