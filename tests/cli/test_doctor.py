"""What is in the way of a start."""

from __future__ import annotations

import json
import os
import socket

import pytest

from understudy_aws.cli.doctor import examine
from understudy_aws.cli.main import main
from understudy_aws.settings import read
from understudy_aws.testing import Understudy


def findings(**given):
    return {finding.name: finding for finding in examine(read({}, port=0, **given))}


def test_nothing_blocks_a_start_with_a_state_that_can_be_made(tmp_path, capsys):
    assert 0 == main(["doctor", "--json", "--state", str(tmp_path / "new"), "--port", "0"])
    answer = json.loads(capsys.readouterr().out)
    assert not answer["blocked"]
    assert not (tmp_path / "new").exists(), "looking changes nothing"


def test_it_says_that_there_is_no_data_plane(tmp_path):
    assert "no data plane" in findings(state=str(tmp_path))["packets"].sentence


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
