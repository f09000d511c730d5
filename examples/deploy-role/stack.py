"""A stack of a VPC, a subnet and a VPC connector, applied and destroyed as Terraform and CDK do it.

    python stack.py apply
    python stack.py destroy

Nothing is remembered between runs: what belongs to the stack is found by its tag, and made when it is missing.
"""

import sys

import boto3

TAG = {"Key": "stack", "Value": "web"}
NAME = "web-vpc"


class Stack:
    """The resources, in the order in which they depend on each other."""

    def __init__(self):
        self.ec2 = boto3.client("ec2")
        self.apprunner = boto3.client("apprunner")

    def apply(self):
        """Make what is missing; return the names of what was made."""
        made = []
        vpc = self.vpc()
        if vpc is None:
            tags = [{"ResourceType": "vpc", "Tags": [TAG]}]
            vpc = self.ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
            made.append("vpc")
        subnet = self.subnet()
        if subnet is None:
            tags = [{"ResourceType": "subnet", "Tags": [TAG]}]
            subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", TagSpecifications=tags)
            subnet = subnet["Subnet"]["SubnetId"]
            made.append("subnet")
        if self.connector() is None:
            self.apprunner.create_vpc_connector(VpcConnectorName=NAME, Subnets=[subnet], Tags=[TAG])
            made.append("connector")
        return made

    def destroy(self):
        """Delete what there is, in the opposite order; return the names of what was deleted."""
        deleted = []
        if (connector := self.connector()) is not None:
            self.apprunner.delete_vpc_connector(VpcConnectorArn=connector)
            deleted.append("connector")
        if (subnet := self.subnet()) is not None:
            self.ec2.delete_subnet(SubnetId=subnet)
            deleted.append("subnet")
        if (vpc := self.vpc()) is not None:
            self.ec2.delete_vpc(VpcId=vpc)
            deleted.append("vpc")
        return deleted

    def vpc(self):
        """Return the id of the VPC, if there is one."""
        return next((vpc["VpcId"] for vpc in self.ec2.describe_vpcs(**self._tagged())["Vpcs"]), None)

    def subnet(self):
        """Return the id of the subnet, if there is one."""
        found = self.ec2.describe_subnets(**self._tagged())["Subnets"]
        return next((subnet["SubnetId"] for subnet in found), None)

    def connector(self):
        """Return the ARN of the connector, if there is one."""
        found = self.apprunner.list_vpc_connectors()["VpcConnectors"]
        return next((each["VpcConnectorArn"] for each in found if each["VpcConnectorName"] == NAME), None)

    @staticmethod
    def _tagged():
        return {"Filters": [{"Name": f"tag:{TAG['Key']}", "Values": [TAG["Value"]]}]}


if __name__ == "__main__":
    print(*getattr(Stack(), sys.argv[1])())
