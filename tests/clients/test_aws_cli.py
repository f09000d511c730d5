"""The AWS CLI of both major versions builds a VPC over three zones, and identities, and takes them down again."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
from aws_commands import second_version
from saml_identity import Idp
from served_account import FILES, TOOLS, ServedAccount

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not TOOLS.is_dir(), reason="90 commands take long: scripts/try-tools runs them"),
]


@pytest.fixture(params=["1", "2"])
def command(request, tmp_path):
    """A folder with an `aws` command of the version."""
    if request.param == "1":
        words = [sys.executable, "-m", "awscli"]
    else:
        found = second_version()
        if not found:
            pytest.skip("there is no AWS CLI of version 2 on this machine: scripts/try-tools installs it")
        words = [found]
    folder = tmp_path / "bin"
    folder.mkdir()
    # Version 2 takes the endpoint from the environment since 2.13 only.
    (folder / "aws").write_text(
        f'#!/bin/sh\nexec {shlex.join(words)} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n'
    )
    (folder / "aws").chmod(0o755)
    return folder


def test_a_vpc_over_three_zones_is_built_and_taken_down(command, tmp_path):
    account = ServedAccount(tmp_path)
    try:
        done = subprocess.run(
            ["sh", "-u", FILES / "aws_cli" / "three_zones.sh"],
            env={**account.environment, "PATH": f"{command}:{account.environment['PATH']}"},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ["subnets: 3", "interfaces: 2"] == done.stdout.split("\n")[:2]
        assert not account.left()
    finally:
        account.close()


def test_identities_are_created_read_changed_and_deleted(command, tmp_path):
    account = ServedAccount(tmp_path)
    metadata = tmp_path / "metadata.xml"
    metadata.write_text(Idp().metadata())
    try:
        before = kept(account)
        done = subprocess.run(
            ["sh", "-u", FILES / "aws_cli" / "identities.sh", metadata],
            env={**account.environment, "PATH": f"{command}:{account.environment['PATH']}"},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split("\n") == [
            "policy: s3:List*",
            "user: arn:aws:iam::000000000000:user/people/bob\tops",
            "groups: viewers",
            "key: Inactive",
            "role: 7200\tecs-tasks.amazonaws.com",
            "profile: web\tops",
            "provider: another\tsts.amazonaws.com",
            "entities: viewers\tweb",
            "",
        ]
        assert kept(account) == before
    finally:
        account.close()


def kept(account: ServedAccount) -> dict[str, list[str]]:
    """What the account has of each kind, by name."""
    iam = account.client("iam")
    details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
    providers = [
        *iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        *iam.list_saml_providers()["SAMLProviderList"],
    ]
    kinds = ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies")
    found = {kind: [each["Arn"] for each in details[kind]] for kind in kinds}
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    return {**found, "providers": [each["Arn"] for each in [*providers, *profiles]]}
