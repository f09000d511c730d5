"""What is in the way of a start."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from understudy_aws import __version__
from understudy_aws.admin.build import BUILD
from understudy_aws.admin.requests import FORMAT
from understudy_aws.cli import admin_client, doctor
from understudy_aws.cli.doctor import examine
from understudy_aws.cli.main import main
from understudy_aws.cli.server_files import ServerFile, files_of
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.messages import GetInstances, Instances, Status
from understudy_aws.dataplane.runtime.managed import RUNTIMES, FoundRuntime
from understudy_aws.settings import read
from understudy_aws.testing import Understudy


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Programs of managed runtimes are asked what they are in `tests/node/test_managed_runtimes.py`."""
    monkeypatch.setattr(doctor, "runtimes_here", dict)


def findings(**given):
    return {finding.name: finding for finding in examine(read({}, port=0, **given))}


def test_nothing_blocks_a_start_with_a_state_that_can_be_made(tmp_path, capsys):
    assert 0 == main(["doctor", "--json", "--state", str(tmp_path / "new"), "--port", "0"])
    answer = json.loads(capsys.readouterr().out)
    assert not answer["blocked"]
    assert not (tmp_path / "new").exists(), "looking changes nothing"


def test_it_says_whether_networks_can_be_made_and_what_they_lack(tmp_path, monkeypatch):
    found = findings(state=str(tmp_path))
    assert "understudy attach" in found["packets"].sentence
    monkeypatch.setattr("understudy_aws.cli.doctor.obstacle", lambda: "No; `sudo this` would change that.")
    refused = findings(state=str(tmp_path))["packets"]
    assert (refused.verdict, "`sudo this`" in refused.sentence) == ("note", True)


def found(name: str, version: str) -> FoundRuntime:
    return FoundRuntime(runtime=RUNTIMES[name], program="/usr/bin/x", version=version, root="/usr")


@pytest.mark.parametrize(
    ("here", "verdict", "sentence"),
    [
        (dict.fromkeys(RUNTIMES, found("go1", "1.19.8")), "ok", "source code runs with Go 1.19.8"),
        (
            dict.fromkeys(RUNTIMES, found("python311", "3.11.2"))
            | {"go1": None, "python3": None, "php81": None},
            "note",
            (
                "source code runs with Python 3.11.2; there is no Python 3 (`sudo apt install python3-venv`), no Go "
                "(`sudo apt install golang-go`), no PHP (`sudo apt install php-cli composer`)"
            ),
        ),
        (
            {"nodejs18": None, "nodejs22": None},
            "note",
            "source code can't run; there is no Node.js (`sudo apt install nodejs npm`)",
        ),
    ],
)
def test_it_says_which_managed_runtimes_there_are_programs_for(
    tmp_path, monkeypatch, here, verdict, sentence
):
    monkeypatch.setattr(doctor, "runtimes_here", lambda: here)
    told = findings(state=str(tmp_path))["runtimes"]
    assert (verdict, sentence) == (told.verdict, told.sentence)


@pytest.mark.parametrize(
    ("program", "name", "sentence"),
    [
        ("bwrap", "services", "`sudo apt install bubblewrap`"),
        (
            "git",
            "sources",
            "can't be fetched from repositories: git is not installed (`sudo apt install git`)",
        ),
        ("umoci", "images", "Images can't be pulled without umoci (`sudo apt install umoci`)"),
        ("skopeo", "images", "Images can't be pulled without skopeo (`sudo apt install skopeo`)"),
        ("buildah podman docker", "image build", "(`sudo apt install buildah`)"),
    ],
)
def test_a_program_that_is_missing_is_told_with_what_installs_it(
    tmp_path, monkeypatch, program, name, sentence
):
    monkeypatch.setattr(doctor, "obstacle", str)
    missing = program.split()
    monkeypatch.setattr("shutil.which", lambda each, **_: None if each in missing else f"/usr/bin/{each}")
    told = findings(state=str(tmp_path))
    assert ("note", True) == (told[name].verdict, sentence in told[name].sentence)
    monkeypatch.setattr("shutil.which", lambda each, **_: f"/usr/bin/{each}")
    assert "ok" == findings(state=str(tmp_path))[name].verdict


@pytest.mark.parametrize(("limits", "verdict"), [((), "ok"), (("Instances are not held.",), "note")])
def test_it_says_whether_instances_are_held_to_their_limits(tmp_path, monkeypatch, limits, verdict):
    monkeypatch.setattr(doctor, "obstacle", str)
    monkeypatch.setattr(doctor, "ControlGroups", lambda _: SimpleNamespace(limits=limits))
    told = findings(state=str(tmp_path))["limits"]
    assert (verdict, limits in [(), (told.sentence,)]) == (told.verdict, True)


@pytest.mark.parametrize("skopeo", [None, "/usr/bin/skopeo"])
def test_without_networks_it_says_what_runs_images_and_what_hands_them_over(tmp_path, monkeypatch, skopeo):
    monkeypatch.setattr(doctor, "obstacle", lambda: "No.")
    monkeypatch.setattr(doctor, "found_engine", lambda _: SimpleNamespace(address="unix:///run/d.sock"))
    monkeypatch.setattr("shutil.which", lambda each, **_: skopeo if each == "skopeo" else f"/usr/bin/{each}")
    told = findings(state=str(tmp_path))
    assert "by the engine at unix:///run/d.sock" in told["images"].sentence
    assert ("`sudo apt install skopeo`" in told["images"].sentence) is (skopeo is None)
    assert {"sources", "runtimes", "image build"} <= set(told)
    assert "limits" not in told


def test_a_package_that_is_missing_keeps_a_server_from_starting(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_NEEDED", ("msgspec", "not-a-package"))
    monkeypatch.setattr(doctor, "_CLIENTS", ("msgspec", "not-a-package"))
    told = findings(state=str(tmp_path))
    assert ("blocked", "not-a-package not installed; scripts/setup installs all.") == (
        told["packages"].verdict,
        told["packages"].sentence,
    )
    assert ("note", True) == (
        told["clients"].verdict,
        "not-a-package is not installed here, and not needed to serve" in told["clients"].sentence,
    )


def test_what_is_not_here_is_said(tmp_path):
    said = findings(state=str(tmp_path))["not here"].sentence
    for each in (
        "EC2 instances do not run",
        "no traces",
        "no metrics",
        "web ACLs of WAF",
    ):
        assert each in said


@pytest.mark.parametrize(
    ("why", "verdict", "sentence"),
    [("", "ok", "users of their own"), ("none (`sudo this`)", "note", "none (`sudo this`)")],
)
def test_it_says_whether_images_have_users_of_their_own(tmp_path, monkeypatch, why, verdict, sentence):
    monkeypatch.setattr("understudy_aws.cli.doctor.obstacle", lambda: "")
    monkeypatch.setattr("shutil.which", lambda program, **_: f"/usr/bin/{program}")
    monkeypatch.setattr("understudy_aws.dataplane.linux.user_maps.obstacle", lambda: why)
    found = findings(state=str(tmp_path))["image users"]
    assert (found.verdict, sentence in found.sentence) == (verdict, True)


def test_a_file_in_the_place_of_the_state_blocks(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert 1 == main(["doctor", "--state", str(tmp_path / "file"), "--port", "0"])
    assert "keeps a server from starting" in capsys.readouterr().out
    assert "blocked" == findings(state=str(tmp_path / "file" / "below"))["state"].verdict


def test_a_state_open_to_others_is_noted(tmp_path):
    tmp_path.chmod(0o755)
    assert "note" == findings(state=str(tmp_path))["state"].verdict
    tmp_path.chmod(0o700)
    assert "ok" == findings(state=str(tmp_path))["state"].verdict


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_state_that_cannot_be_written_blocks(tmp_path):
    tmp_path.chmod(0o500)
    assert "blocked" == findings(state=str(tmp_path))["state"].verdict


def test_a_port_in_use_blocks(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = {each.name: each for each in examine(read({}, state=str(tmp_path), port=port))}
        assert "blocked" == found["port"].verdict


def test_the_default_port_blocks_nothing_where_a_server_runs_on_another(tmp_path, monkeypatch):
    files_of(read({}, state=str(tmp_path))).write_server(ServerFile("http://127.0.0.1:1", 1, "token"))
    for module in (admin_client, doctor):
        monkeypatch.setattr(module, "health_of", lambda _server: {"build": BUILD})

    def taken(_host: str, _port: int) -> None:
        raise UserError("Cannot listen there.")

    monkeypatch.setattr(doctor, "check_address", taken)
    found = {each.name: each for each in examine(read({}, state=str(tmp_path)))}
    assert ("note", "Cannot listen there.") == (found["port"].verdict, found["port"].sentence)


def test_a_state_file_that_is_damaged_blocks(tmp_path):
    with Understudy(state=str(tmp_path)) as understudy:
        understudy.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        assert "ok" == findings(state=str(tmp_path))["state"].verdict, "a server is using it"
    assert "ok" == findings(state=str(tmp_path))["state"].verdict
    file = tmp_path / "understudy.db"
    whole = file.read_bytes()
    for damaged in (b"\xa5" * 12288 + whole[12288:], whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        found = findings(state=str(tmp_path))["state"]
        assert ("blocked", True) == (found.verdict, "cannot be used" in found.sentence)


def test_a_state_that_others_may_write_to_blocks(tmp_path):
    tmp_path.chmod(0o777)
    found = findings(state=str(tmp_path))["state"]
    assert ("blocked", True) == (found.verdict, f"chmod go-w {tmp_path}" in found.sentence)


def test_secrets_that_others_may_read_are_noted_with_what_mends_it(tmp_path):
    for name in ("credentials", "server.json"):
        (tmp_path / name).touch(mode=0o600)
    assert "ok" == findings(state=str(tmp_path))["keys"].verdict
    (tmp_path / "credentials").chmod(0o644)
    key = tmp_path / "key.pem"
    key.touch(mode=0o640)
    found = findings(state=str(tmp_path), tls_certificate=str(key))["keys"]
    assert ("note", True) == (
        found.verdict,
        f"chmod 600 {key} {tmp_path}/credentials" in found.sentence,
    )


@pytest.mark.parametrize(("free", "verdict"), [(2**20, "blocked"), (2**25, "note"), (2**30, "ok")])
def test_a_disk_without_room_is_told(tmp_path, monkeypatch, free, verdict):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    assert verdict == findings(state=str(tmp_path))["disk"].verdict


def test_a_state_of_a_later_version_is_told(tmp_path):
    with Understudy(state=str(tmp_path)):
        pass
    with sqlite3.connect(tmp_path / "understudy.db") as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    found = findings(state=str(tmp_path))["state"]
    assert ("blocked", True) == (found.verdict, "a newer Understudy wrote it, in format 99" in found.sentence)


@pytest.mark.parametrize(
    ("health", "told"),
    [
        (None, "none runs"),
        ({"version": "0.0.1"}, "is Understudy 0.0.1, older than this command"),
        ({"version": "0.0.2", "format": 2}, "is Understudy 0.0.2, older than this command"),
        ({"version": "0.0.3", "format": FORMAT, "build": "0.0.3+0"}, "is Understudy 0.0.3, of another build"),
        ({"version": __version__, "format": FORMAT, "build": BUILD}, f"process 1, version {__version__}"),
    ],
)
def test_the_server_that_runs_is_told_and_whether_it_is_older(tmp_path, monkeypatch, health, told):
    files_of(read({}, state=str(tmp_path))).write_server(ServerFile("http://127.0.0.1:1", 1, "token"))
    for module in (admin_client, doctor):
        monkeypatch.setattr(module, "health_of", lambda server: health)
    assert told in findings(state=str(tmp_path))["server"].sentence


@pytest.mark.parametrize(
    ("said", "verdict", "sentence"),
    [
        (Instances(ingress="127.0.0.1:4567"), "ok", "requests to services are taken at 127.0.0.1:4567"),
        (
            Instances(
                ingress="127.0.0.1:9", ingress_error="Port 4567 of 127.0.0.1 is taken by another program."
            ),
            "note",
            "Port 4567 of 127.0.0.1 is taken by another program.",
        ),
    ],
)
def test_where_requests_to_services_are_taken_is_told(tmp_path, monkeypatch, said, verdict, sentence):
    class Node(nullcontext[object]):
        def ask(self, question: object) -> object:
            status = Status(pid=1, holder=1, converged=True, vpcs=0, interfaces=())
            return said if isinstance(question, GetInstances) else status

        def __enter__(self) -> object:
            return self

    monkeypatch.setattr(doctor, "NodeClient", lambda *_, **__: Node())
    found = findings(state=str(tmp_path))["ingress"]
    assert (found.verdict, found.sentence) == (verdict, sentence)
