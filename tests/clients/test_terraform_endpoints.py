"""Terraform's AWS provider makes, reads, changes and removes VPC endpoints, and their associations one by one.

The provider waits for states, and fails on one it does not expect; after a deletion it looks until the endpoint is not
found by the code it knows.
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
    made = Terraform("endpoints", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def test_1_every_endpoint_is_made_and_read_back_as_it_was_asked_for(terraform):
    terraform.apply()
    assert not terraform.changes()


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    endpoints = terraform.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert {"s3", "dynamodb", "sts", "requests"} == {
        each["ServiceName"].rpartition(".")[2] for each in endpoints
    }


def test_3_after_the_destruction_nothing_is_left(terraform):
    terraform.destroy()
    assert [] == terraform.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert not terraform.left()
