"""VPCs that can be connected, and a second account."""

from __future__ import annotations

import pytest
from peerings import OTHER, accept, request


@pytest.fixture
def peer(ec2):
    """A second VPC of the account."""
    return ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def other(understudy):
    """A client of a second account."""
    return understudy.client("ec2", as_=understudy.account_administrator(OTHER))


@pytest.fixture
def others_vpc(other):
    return other.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def active(ec2, vpc, peer):
    """An active connection of two VPCs of the account."""
    id = request(ec2, vpc, peer)
    accept(ec2, id)
    return id
