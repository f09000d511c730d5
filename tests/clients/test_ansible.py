"""Ansible's amazon.aws modules build a VPC over three zones and an account's identities, find nothing to change, and take it away."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from certificates import certificate, ec_key, pem
from saml_identity import Idp
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


def changed(account, playbook: str, **variables: object) -> int:
    """Run a playbook with variables; answers how many tasks changed something."""
    done = subprocess.run(
        [
            *(PLAY, "--inventory", "localhost,", "--connection", "local"),
            *("--extra-vars", json.dumps(variables)),
            FILES / "ansible" / f"{playbook}.yml",
        ],
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


@pytest.fixture(scope="module")
def given():
    """What the plays are given, as look-ups of files give it: a certificate, its key, who signed it; SAML metadata."""
    root = (certificate("root", key=ec_key(1), ca=True), ec_key(1))
    return {
        "certificate": pem(certificate("web.example", by=root)).strip(),
        "private_key": pem(ec_key()).strip(),
        "chain": pem(root[0]).strip(),
        "metadata": Idp().metadata(),
    }


def test_5_the_play_makes_identities(account, given):
    assert 0 < changed(account, "identities", **given)


def test_6_the_same_play_again_makes_nothing(account, given):
    assert 0 == changed(account, "identities", **given)


def test_7_what_differs_is_changed_and_read(account, given):
    assert 0 < changed(account, "identities", **given, changed=True)
    assert 0 == changed(account, "identities", **given, changed=True)
    assert 3 <= changed(account, "identities_look")


def test_8_the_play_that_takes_identities_away_leaves_nothing(account):
    assert 0 < changed(account, "identities_gone")
    iam = account.client("iam")
    assert ["Administrator"] == [each["UserName"] for each in iam.list_users()["Users"]]
    assert [] == iam.list_groups()["Groups"]
    assert [] == iam.list_policies(Scope="Local")["Policies"]
    assert [] == iam.list_instance_profiles()["InstanceProfiles"]
    assert [] == iam.list_saml_providers()["SAMLProviderList"]
    assert [] == iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert "web" not in [each["RoleName"] for each in iam.list_roles()["Roles"]]
    assert 0 == changed(account, "identities_gone")
