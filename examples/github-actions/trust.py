"""Sets an account up, once: GitHub as its identity provider, and the role that workflows of the repository assume."""

import json
from pathlib import Path

import boto3

HERE = Path(__file__).parent
ISSUER = "https://token.actions.githubusercontent.com"
ROLE = "deploy"


def trust_github(iam, account):
    """Make the provider and the role; return the role's ARN."""
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
    trust = (HERE / "trust-policy.json").read_text().replace("ACCOUNT", account)
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(json.loads(trust)))["Role"]
    iam.put_role_policy(
        RoleName=ROLE, PolicyName="deploy", PolicyDocument=(HERE / "deploy-policy.json").read_text()
    )
    return role["Arn"]


if __name__ == "__main__":
    print(trust_github(boto3.client("iam"), boto3.client("sts").get_caller_identity()["Account"]))
