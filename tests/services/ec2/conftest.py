"""A client of EC2, a VPC with a subnet and a group in it, and how a refusal is expected."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]


@pytest.fixture
def interface(ec2, subnet, group):
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    return made["NetworkInterface"]["NetworkInterfaceId"]


@pytest.fixture
def refused():
    """Expect a refusal of this code, and of this very text if one is given."""

    @contextmanager
    def expect(code, message=None):
        with pytest.raises(ClientError) as caught:
            yield
        error = caught.value.response["Error"]
        assert code == error["Code"], error
        if message is not None:
            assert message == error["Message"]

    return expect
