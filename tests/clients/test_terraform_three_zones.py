"""A VPC over three zones, as public modules make it, by Terraform: made, found unchanged, changed and removed."""

from __future__ import annotations

import pytest
from terraform import Terraform, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

SINGLE = ("-var=single_nat_gateway=true", "-var=environment=changed")


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("three_zones", tmp_path_factory.mktemp("terraform"))
    yield made
    made.close()


def test_1_the_vpc_is_made_with_a_nat_gateway_in_each_zone(terraform):
    assert [3, 3, 3] == [len(subnets) for subnets in terraform.apply()["subnets"]]
    assert 3 == len(terraform.ec2.describe_nat_gateways()["NatGateways"])
    assert not terraform.changes()


def test_2_one_nat_gateway_takes_the_place_of_three(terraform):
    terraform.apply(*SINGLE)
    states = [gateway["State"] for gateway in terraform.ec2.describe_nat_gateways()["NatGateways"]]
    assert 1 == states.count("available")
    assert not terraform.changes(*SINGLE)
    vpc = terraform.ec2.describe_vpcs()["Vpcs"][0]
    assert {"Key": "Environment", "Value": "changed"} in vpc["Tags"]


def test_3_after_the_destruction_nothing_is_left(terraform):
    terraform.destroy(*SINGLE)
    assert not terraform.left()
