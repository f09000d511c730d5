"""Terraform's AWS provider makes, reads, changes and removes each resource of EC2's networking.

The provider waits for states, and fails on one it does not expect; after a deletion it looks until the resource
is not found by the code it knows. So an apply that succeeds says that all of these are as on AWS.
"""

from __future__ import annotations

import pytest
from terraform import Terraform, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("resources", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    terraform.apply()
    assert not terraform.changes()


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    terraform.apply(CHANGED)
    assert terraform.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["changed"]}])["Vpcs"]
    assert not terraform.changes(CHANGED)


def test_3_what_was_changed_is_changed_back(terraform):
    terraform.apply()
    assert not terraform.changes()


def test_4_after_the_destruction_nothing_is_left(terraform):
    terraform.destroy()
    assert not terraform.left()
