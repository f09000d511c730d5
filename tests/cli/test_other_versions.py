"""A command and a server of two builds: the command says so, and asks the server nothing that it could misread."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from server_process import ServerProcess, clean_environment

import understudy_aws.cli
from understudy_aws.cli import admin_client
from understudy_aws.cli.main import COMMANDS, main

ARN = "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/web/1/0"
# What each command that asks a server is called with.
CALLS = {
    "account": ("list",),
    "attach": ("--subnet", "subnet-0", "--", "true"),
    "connection": ("list",),
    "delegation": ("list",),
    "domain": ("list",),
    "env": ("--account", "999999999999"),
    "events": (),
    "explain": ("1",),
    "flows": (),
    "logs": ("web",),
    "oidc": ("list",),
    "prove": ("nobody can ec2:CreateVpc",),
    "reach": ("eni-1", "10.0.0.1:80"),
    "record": (),
    "rehearse": (ARN,),
    "reset": ("--yes",),
    "roles": (),
    "services": (),
    "shell": ("--subnet", "subnet-0"),
    "status": (),
    "trail": (),
    "uses": ("subnet-0",),
    "who-can": ("ec2:CreateVpc",),
}
ASKING = {"ask", "understood_server"}


def imported(command: str) -> set[tuple[str, str]]:
    """What the module of a command takes from other modules of the command line."""
    file = Path(understudy_aws.cli.__file__).with_name(f"{command.replace('-', '_')}.py")
    return {
        (each.module, name.name)
        for each in ast.walk(ast.parse(file.read_text()))
        if isinstance(each, ast.ImportFrom) and each.module
        for name in each.names
    }


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The state of a server that runs."""
    home = tmp_path_factory.mktemp("home")
    directory = home / "state"
    with ServerProcess("--json", "--state", str(directory), environment=clean_environment(home)) as server:
        assert server.said["account"]
        yield directory


def test_every_command_that_asks_is_here():
    asking = {
        command
        for command in COMMANDS
        if ASKING & {name for module, name in imported(command) if module.endswith("admin_client")}
    }
    assert asking | {"shell"} == set(CALLS)
    assert ("understudy_aws.cli.attach", "run_attached") in imported("shell")


@pytest.mark.parametrize("command", [*CALLS, "record a command"])
def test_it_is_one_sentence_and_nothing_is_done(state, command, monkeypatch, capsys):
    words = ("--", "touch", str(state / "run")) if command == "record a command" else CALLS[command]
    asked = []
    ask_server = admin_client.ask_server
    monkeypatch.setattr(
        admin_client,
        "ask_server",
        lambda server, request: asked.append(type(request).__name__) or ask_server(server, request),
    )
    monkeypatch.setattr(admin_client, "BUILD", "0.0.1+0")
    assert main([command.split()[0], "--state", str(state), *words]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "of another build than this command" in complaint
    assert "Restart it with this one: `" in complaint
    assert f" stop --state {state}`, then `" in complaint
    assert set(asked) == {"Health"}
    assert not (state / "run").exists()
    assert main(["account", "list", "--state", str(state)]) == 2


def test_one_of_the_same_build_answers(state, capsys):
    assert main(["account", "list", "--state", str(state)]) == 0
    assert "000000000000" in capsys.readouterr().out


def test_one_in_memory_is_told_to_lose_what_it_holds(tmp_path, monkeypatch, capsys):
    with ServerProcess("--json", "--state", "memory:", environment=clean_environment(tmp_path)) as server:
        port = server.said["endpoint"].rpartition(":")[2]
        monkeypatch.setattr(admin_client, "BUILD", "0.0.1+0")
        assert main(["status", "--state", "memory:", "--port", port]) == 2
    complaint = capsys.readouterr().err
    assert "What it holds in memory goes with it." in complaint
    assert f"stop --state memory: --port {port}`" in complaint


@pytest.mark.parametrize("command", ["stop", "up"])
def test_to_stop_it_and_to_find_it_in_the_way_takes_no_version(tmp_path, command, monkeypatch, capsys):
    state = tmp_path / "state"
    with ServerProcess("--json", "--state", str(state), environment=clean_environment(tmp_path)) as server:
        port = server.said["endpoint"].rpartition(":")[2]
        monkeypatch.setattr(admin_client, "BUILD", "0.0.1+0")
        code = main([command, "--state", str(state), *(("--port", port) if command == "up" else ())])
        said = capsys.readouterr()
    if command == "stop":
        assert (code, f"The server at http://127.0.0.1:{port} has stopped" in said.out) == (0, True)
    else:
        assert (code, "Understudy runs already" in said.err) == (2, True)
