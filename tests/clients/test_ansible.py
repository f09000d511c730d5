"""Ansible's amazon.aws modules build a VPC over three zones, find nothing to change, and take it away."""

from __future__ import annotations

import re
import subprocess

import pytest
from served_account import FILES, TOOLS, ServedAccount

PLAY = TOOLS / "ansible" / "bin" / "ansible-playbook"

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),  # each task of a play starts a Python of its own
    pytest.mark.skipif(not PLAY.exists(), reason="Ansible is not in .tools: scripts/try-tools installs it"),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    made = ServedAccount(tmp_path_factory.mktemp("ansible"))
    yield made
    made.close()


def changed(account, playbook: str) -> int:
    """Run a playbook; answers how many tasks changed something."""
    done = subprocess.run(
        [PLAY, "--inventory", "localhost,", "--connection", "local", FILES / "ansible" / f"{playbook}.yml"],
        env={
            **account.environment,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": str(PLAY.with_name("python")),
        },
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return int(re.search(r"changed=(\d+)", done.stdout)[1])


def test_1_the_play_builds_a_vpc_over_three_zones(account):
    assert changed(account, "build") > 10


def test_2_the_same_play_again_changes_nothing(account):
    assert 0 == changed(account, "build")


def test_3_the_play_that_removes_it_leaves_nothing(account):
    assert changed(account, "remove") > 10
    assert not account.left()


def test_4_removing_it_again_changes_nothing(account):
    assert 0 == changed(account, "remove")
