"""The step of the workflow that deploys: a security group and App Runner's VPC connector.

It has no keys. boto3 finds the role and the token that `aws-actions/configure-aws-credentials` would leave in the
environment: AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE.
"""

import boto3

NAME = "web-vpc"


def main():
    """Deploy, and say as whom and what was made."""
    ec2, apprunner = boto3.client("ec2"), boto3.client("apprunner")
    print(boto3.client("sts").get_caller_identity()["Arn"])
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    group = ec2.create_security_group(GroupName=NAME, Description="App Runner", VpcId=subnets[0]["VpcId"])
    made = apprunner.create_vpc_connector(
        VpcConnectorName=NAME,
        Subnets=[subnet["SubnetId"] for subnet in subnets],
        SecurityGroups=[group["GroupId"]],
    )
    print(made["VpcConnector"]["VpcConnectorArn"])


if __name__ == "__main__":
    main()
