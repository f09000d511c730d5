"""Terraform's AWS provider makes, reads, changes and removes secrets, their values and their policies."""

from __future__ import annotations

import pytest
from terraform import Terraform, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("secrets", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    assert "first" == terraform.apply()["password"]
    assert not terraform.changes()


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    assert "second" == terraform.apply(CHANGED)["password"]
    assert not terraform.changes(CHANGED)
    found = terraform.client("secretsmanager").describe_secret(SecretId="web/db")
    assert [["AWSCURRENT"], ["AWSPREVIOUS"]] == sorted(found["VersionIdsToStages"].values())


def test_3_after_the_destruction_one_is_left_to_be_restored(terraform):
    """The provider deletes at once where the window is 0, and otherwise with AWS's 30 days."""
    terraform.destroy(CHANGED)
    client = terraform.client("secretsmanager")
    assert [] == client.list_secrets()["SecretList"]
    left = client.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert ["web/kept"] == [each["Name"] for each in left]
