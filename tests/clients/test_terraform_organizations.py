"""Terraform's AWS provider makes, reads, changes and removes an organization with all that it has resources for."""

from __future__ import annotations

import json

import pytest
from terraform import Terraform, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("organizations", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    told = terraform.apply()
    assert (["Management account", "dev"], ["dev"]) == (told["accounts"], told["administrators"])
    assert not terraform.changes()


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    told = terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    organizations = terraform.client("organizations")
    found = organizations.describe_effective_policy(PolicyType="TAG_POLICY", TargetId=told["dev"])[
        "EffectivePolicy"
    ]
    assert ["web", "ops"] == json.loads(found["PolicyContent"])["tags"]["team"]["tag_value"]
    assert ["RootCredentialsManagement"] == terraform.client("iam").list_organizations_features()[
        "EnabledFeatures"
    ]


def test_3_what_can_be_removed_is_removed_and_the_account_is_closed(terraform):
    """The provider closes the account; the organization goes only once no member is left, as on AWS."""
    done = terraform.run("destroy", "-auto-approve", CHANGED)
    organizations = terraform.client("organizations")
    states = {each["Name"]: each["Status"] for each in organizations.list_accounts()["Accounts"]}
    assert "SUSPENDED" == states["dev"], done.stderr
    assert [] == organizations.list_delegated_administrators()["DelegatedAdministrators"]
