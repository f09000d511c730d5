"""Who can, over 10,000 principals: the time it takes, with policies that are shared, of one's own, and conditional.

python benchmarks/who_can.py [PRINCIPALS]
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from understudy_aws.policy import from_authorization_details, who_can

ACCOUNT = "111122223333"


def document(*statements: Any) -> Any:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def export(count: int) -> dict[str, Any]:
    """Half of the principals are users and half are roles; each has a shared policy and one of its own."""
    shared = f"arn:aws:iam::{ACCOUNT}:policy/shared"
    users = [
        {
            "UserName": f"user{at}",
            "UserId": f"AIDA{at:017}",
            "Path": "/",
            "Arn": f"arn:aws:iam::{ACCOUNT}:user/user{at}",
            "UserPolicyList": [_own(at)],
            "AttachedManagedPolicies": [{"PolicyName": "shared", "PolicyArn": shared}],
            "GroupList": [],
            "Tags": [{"Key": "team", "Value": f"team{at % 20}"}],
        }
        for at in range(count // 2)
    ]
    roles = [
        {
            "RoleName": f"role{at}",
            "RoleId": f"AROA{at:017}",
            "Path": "/",
            "Arn": f"arn:aws:iam::{ACCOUNT}:role/role{at}",
            "AssumeRolePolicyDocument": document(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            "RolePolicyList": [_own(at)],
            "AttachedManagedPolicies": [{"PolicyName": "shared", "PolicyArn": shared}],
            "Tags": [],
        }
        for at in range(count // 2)
    ]
    managed = {
        "Arn": shared,
        "PolicyName": "shared",
        "PolicyVersionList": [
            {
                "IsDefaultVersion": True,
                "VersionId": "v1",
                "Document": document(
                    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::shared"},
                    {
                        "Effect": "Allow",
                        "Action": "ec2:TerminateInstances",
                        "Resource": "*",
                        "Condition": {
                            "StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"},
                            "Bool": {"aws:MultiFactorAuthPresent": "true"},
                        },
                    },
                ),
            }
        ],
    }
    return {"UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": [], "Policies": [managed]}


def _own(at: int) -> dict[str, Any]:
    """Everybody has an object of his own, may assume the next role, and one in 500 may delete the bucket."""
    statements = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::shared/{at}/*"},
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": f"arn:aws:iam::{ACCOUNT}:role/role{at + 1}",
        },
    ]
    if at % 500 == 0:
        statements.append({"Effect": "Allow", "Action": "s3:DeleteBucket", "Resource": "*"})
    return {"PolicyName": "own", "PolicyDocument": document(*statements)}


QUESTIONS = {
    "everybody, by a shared policy": ("s3:ListBucket", "arn:aws:s3:::shared"),
    "one, and its chain": ("s3:GetObject", "arn:aws:s3:::shared/7/x"),
    "one in 500, and chains of 500 roles": ("s3:DeleteBucket", "arn:aws:s3:::shared"),
    "everybody, with MFA and a tag": (
        "ec2:TerminateInstances",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-0123456789abcdef0",
    ),
    "nobody": ("s3:DeleteObject", "arn:aws:s3:::other/x"),
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    text = json.dumps(export(count))
    started = time.process_time()
    accounts = from_authorization_details(text)
    print(
        f"read {len(accounts.actors):,} principals, {len(text) / 1e6:.0f} MB: {time.process_time() - started:.2f} s"
    )
    print("| who can | found | CPU seconds |\n|---|---|---|")
    for name, (action, resource) in QUESTIONS.items():
        started = time.process_time()
        report = who_can(accounts, action, resource)
        print(f"| {name} | {len(report.found):,} | {time.process_time() - started:.2f} |")


if __name__ == "__main__":
    main()
