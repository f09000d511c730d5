"""Terraform's AWS provider makes, reads, changes, imports and removes users, groups, roles, policies and what joins them."""

from __future__ import annotations

import json
import re

import pytest
from terraform import Terraform, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),  # on a machine with much else to do
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

CHANGED = "-var=changed=true"
# How those are imported whose id in the state is not what the provider takes.
_IMPORTED_AS = {
    "aws_iam_group_policies_exclusive": "{group_name}",
    "aws_iam_group_policy_attachment": "{group}/{policy_arn}",
    "aws_iam_group_policy_attachments_exclusive": "{group_name}",
    "aws_iam_role_policies_exclusive": "{role_name}",
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
    "aws_iam_role_policy_attachments_exclusive": "{role_name}",
    "aws_iam_user_group_membership": "{user}/writers",
    "aws_iam_user_policies_exclusive": "{user_name}",
    "aws_iam_user_policy_attachment": "{user}/{policy_arn}",
    "aws_iam_user_policy_attachments_exclusive": "{user_name}",
}
# What the provider cannot import (both), and a key, which would come without its secret.
_NOT_IMPORTED = {"aws_iam_group_membership", "aws_iam_policy_attachment", "aws_iam_access_key"}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("identities", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def resources(terraform):
    """What the state holds: addresses with types and values."""
    state = json.loads((terraform.folder / "terraform.tfstate").read_text())
    for resource in state["resources"]:
        if resource["mode"] != "managed":
            continue
        for instance in resource["instances"]:
            index = f'["{instance["index_key"]}"]' if "index_key" in instance else ""
            yield f"{resource['type']}.{resource['name']}{index}", resource["type"], instance["attributes"]


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    seen = terraform.apply()["seen"]
    assert not terraform.changes()
    assert {
        "keys": 1,
        "alias": "example",
        "readers": ["ann"],
        "profile": True,
        "profiles": ["web"],
        "description": "The most that anybody can do",
        "read_only": True,
        "allowed": True,
        "longest": 3600,
        "path": ["web"],
        "prefixed": 1,
        "me": True,
        "issuer": "web",
        "ann": "/",
        "users": ["ann", "bob"],
    } == seen


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    iam = terraform.client("iam")
    role = iam.get_role(RoleName="web")["Role"]
    assert ("Serves the site", 7200) == (role["Description"], role["MaxSessionDuration"])
    assert {"made_by": "terraform", "team": "ops"} == {each["Key"]: each["Value"] for each in role["Tags"]}
    assert "/people/" == iam.get_user(UserName="ann")["User"]["Path"]
    assert ["example-corp"] == iam.list_account_aliases()["AccountAliases"]
    assert ["ann", "bob"] == sorted(each["UserName"] for each in iam.get_group(GroupName="readers")["Users"])


def test_3_what_can_be_imported_is_imported_as_it_is(terraform):
    blocks = []
    for address, kind, values in resources(terraform):
        if kind not in _NOT_IMPORTED:
            id = _IMPORTED_AS[kind].format_map(values) if kind in _IMPORTED_AS else values["id"]
            blocks.append(f'import {{\n  to = {address}\n  id = "{id}"\n}}\n')
            assert 0 == terraform.run("state rm", address).returncode
    imports = terraform.folder / "imports.tf"
    imports.write_text("\n".join(blocks))
    planned = terraform.changes(CHANGED)
    counts = re.search(r"Plan: (\d+) to import, (\d+) to add, (\d+) to change, (\d+) to destroy", planned)
    assert counts is not None, planned
    assert (str(len(blocks)), "0", "0", "0") == counts.groups(), planned
    terraform.apply(CHANGED)
    imports.unlink()
    assert not terraform.changes(CHANGED)


def test_4_nothing_is_left(terraform):
    terraform.destroy(CHANGED)
    iam = terraform.client("iam")
    assert ["Administrator"] == [each["UserName"] for each in iam.list_users()["Users"]]
    assert [] == iam.list_groups()["Groups"]
    assert [] == iam.list_policies(Scope="Local")["Policies"]
    assert [] == iam.list_instance_profiles()["InstanceProfiles"]
    assert [] == [each["RoleName"] for each in iam.list_roles()["Roles"] if each["Path"] in ("/", "/roles/")]
    assert [] == iam.list_account_aliases()["AccountAliases"]
