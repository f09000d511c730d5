"""App Runner's networking role as AWS documents it, and a network for a VPC connector to stand in.

Source of names, trust and permissions: App Runner developer guide, "Using roles for networking".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from understudy_aws.cli.scenario import PERMISSIONS, PRINCIPAL, ROLE, TRUST
from understudy_aws.cli.scenario import POLICY as POLICY_ARN

__all__ = ["PERMISSIONS", "POLICY_ARN", "PRINCIPAL", "ROLE", "TRUST"]

PATH = f"/aws-service-role/{PRINCIPAL}/"
# What is answered to every attempt at changing the role, but for its description and its tags.
PROTECTED = (
    f"Cannot perform the operation on the protected role '{ROLE}' - this role is only modifiable by AWS"
)


def role_arn(account: str) -> str:
    """The networking role of an account."""
    return f"arn:aws:iam::{account}:role{PATH}{ROLE}"


@dataclass(frozen=True)
class Network:
    """A VPC with subnets and a security group named `web` in it, by their ids."""

    vpc: str
    subnets: list[str]
    group: str


def make_network(ec2: Any, *, subnets: int = 2) -> Network:
    """Make a VPC 10.0.0.0/16 with so many /24 subnets, from 10.0.1.0/24 on, and a security group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
        for number in range(1, subnets + 1)
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    return Network(vpc, made, group)
