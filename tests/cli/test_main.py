"""Finding the command, and failing in sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from understudy_aws import __version__
from understudy_aws.cli.loading import load
from understudy_aws.cli.main import COMMANDS, main


def complaint(capsys, *arguments: str) -> str:
    assert 2 == main(arguments)
    out, err = capsys.readouterr()
    assert ("", 1) == (out, err.count("\n")), "one sentence on stderr, and nothing else"
    return err


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert 0 == ended.value.code
    shown = capsys.readouterr().out
    assert [] == [name for name in COMMANDS if f"    {name} " not in shown]


def test_without_a_command_help_is_shown(capsys):
    assert 0 == main([])
    assert "COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_and_help_of_its_own(name, capsys):
    assert load(name).__doc__.startswith("`understudy ")
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert 0 == ended.value.code
    assert COMMANDS[name][1:] in " ".join(capsys.readouterr().out.split())


def test_help_loads_neither_the_server_nor_the_sdk():
    code = (
        "import sys; from understudy_aws.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('botocore', 'msgspec', 'asyncio')"
        " or m in ('understudy_aws.app', 'understudy_aws.cli.up')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "[]\n" == done.stderr


def test_an_unknown_command_is_named_and_the_nearest_offered(capsys):
    assert "understudy: There is no command 'stauts'; did you mean status?\n" == complaint(capsys, "stauts")


def test_a_setting_without_sense_is_named(capsys):
    assert "port must be a whole number from 0 to 65535, not 'x'" in complaint(
        capsys, "status", "--port", "x"
    )
    assert "account must be 12 digits" in complaint(capsys, "--account", "12", "status")


def test_an_unknown_option_is_named(capsys):
    expected = "understudy: `understudy status` has no option --nonsense; see `understudy status --help`.\n"
    assert expected == complaint(capsys, "status", "--nonsense")


@pytest.mark.parametrize(
    "arguments", [["--json", "version"], ["version", "--json"], ["--state", "up", "version", "--json"]]
)
def test_options_stand_before_or_after_the_command(arguments, capsys):
    assert 0 == main(arguments)
    assert {"version": __version__} == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["up", "--help"]])
def test_a_closed_pipe_is_no_error(arguments):
    """However early the reader left: here before anything was written."""
    reader, writer = os.pipe()
    os.close(reader)
    # Only what is buffered meets the closed pipe late.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with os.fdopen(writer) as closed:
        done = subprocess.run(
            [sys.executable, "-m", "understudy_aws", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            check=False,
            timeout=60,
        )
    assert (0, "") == (done.returncode, done.stderr)
