"""Terraform's AWS provider makes, reads, changes and removes VPC peering connections and flow logs.

The connections are within an account, between two Regions and between two accounts. The provider waits for their
states, and fails on one it does not expect.
"""

from __future__ import annotations

import time

import boto3
import pytest
from served_account import REGION
from terraform import Terraform, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("peering", tmp_path_factory.mktemp("terraform"))
    made.environment["TF_VAR_other_role"] = role_in_another_account(made)
    yield made
    made.close()


def role_in_another_account(terraform):
    """Make a member account in an organization; answer the role by which its owner gets into it."""
    said = terraform.server.said
    organizations = boto3.client(
        "organizations", region_name=REGION, endpoint_url=said["endpoint"],
        aws_access_key_id=said["access_key_id"], aws_secret_access_key=said["secret_access_key"],
    )  # fmt: skip
    organizations.create_organization()
    asked = organizations.create_account(Email="a@example.com", AccountName="other")["CreateAccountStatus"]
    for _ in range(50):
        status = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])[
            "CreateAccountStatus"
        ]
        if status["State"] == "SUCCEEDED":
            return f"arn:aws:iam::{status['AccountId']}:role/OrganizationAccountAccessRole"
        time.sleep(0.1)
    raise AssertionError(status)


def test_1_connections_and_flow_logs_are_made_and_read_back_as_they_were_asked_for(terraform):
    said = terraform.apply()
    assert ("active", 3) == (said["status"], said["connections"])
    assert not terraform.changes()


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    assert ["ACCEPT", "ALL"] == sorted(
        each["TrafficType"] for each in terraform.ec2.describe_flow_logs()["FlowLogs"]
    )


def test_3_after_the_destruction_nothing_is_left(terraform):
    terraform.destroy(CHANGED)
    assert not terraform.left()
    assert [] == terraform.ec2.describe_flow_logs()["FlowLogs"]
    found = terraform.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert ["deleted"] * 3 == [each["Status"]["Code"] for each in found]
