"""Connects App Runner to the subnets of the default VPC."""

import boto3


def connect(ec2, apprunner, name):
    """Make a security group and a VPC connector; return the connector's ARN."""
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    group = ec2.create_security_group(GroupName=name, Description="App Runner", VpcId=subnets[0]["VpcId"])[
        "GroupId"
    ]
    made = apprunner.create_vpc_connector(
        VpcConnectorName=name,
        Subnets=[subnet["SubnetId"] for subnet in subnets],
        SecurityGroups=[group],
    )
    return made["VpcConnector"]["VpcConnectorArn"]


def main():
    """Deploy with whatever credentials and endpoint the environment has."""
    print(connect(boto3.client("ec2"), boto3.client("apprunner"), "web-vpc"))


if __name__ == "__main__":
    main()
