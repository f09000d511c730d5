"""The questions every engine is asked, and their right answers: one JSON text that Python and JavaScript read.

A row has principals; a principal has the names of its documents by layer, and its questions. Documents are in AWS's
policy language; what Cedar reads instead is beside them, translated by hand in `cedar_policies.py`.
"""

from __future__ import annotations

import json

from cedar_policies import CEDAR, cedar_home, cedar_wide

ACCOUNT = "111122223333"
NETWORK = f"arn:aws:ec2:us-east-1:{ACCOUNT}:"
NEW, ENI = NETWORK + "network-interface/*", NETWORK + "network-interface/eni-0123456789abcdef0"
CREATE, TAG, DELETE = "ec2:CreateNetworkInterface", "ec2:CreateTags", "ec2:DeleteNetworkInterface"
MANAGED = "AWSAppRunnerManaged"

# What every request carries, whatever it asks.
ALWAYS = {
    "aws:PrincipalAccount": ACCOUNT,
    "aws:RequestedRegion": "us-east-1",
    "aws:SecureTransport": "true",
    "aws:SourceIp": "203.0.113.7",
    "aws:CurrentTime": "2030-01-01T00:00:00Z",
}

SEED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": [
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeVpcs",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeSubnets",
                "ec2:DescribeSecurityGroups",
            ],
            "Resource": "*",
            "Effect": "Allow",
        },
        {
            "Action": CREATE,
            "Resource": "*",
            "Effect": "Allow",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": [MANAGED]}},
        },
        {
            "Action": TAG,
            "Resource": "arn:aws:ec2:*:*:network-interface/*",
            "Effect": "Allow",
            "Condition": {
                "StringLike": {f"aws:RequestTag/{MANAGED}": "*"},
                "StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"},
            },
        },
        {
            "Action": DELETE,
            "Resource": "*",
            "Effect": "Allow",
            "Condition": {"Null": {f"ec2:ResourceTag/{MANAGED}": "false"}},
        },
    ],
}
FULL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
EC2_ONLY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}
GUARD = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "ec2:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
        },
    ],
}

SEED_QUESTIONS = [
    ("ec2:DescribeVpcs", "*", {}, True),
    ("ec2:DescribeSubnets", "*", {}, True),
    (CREATE, NEW, {}, True),
    (CREATE, NEW, {"aws:TagKeys": [MANAGED]}, True),
    (CREATE, NEW, {"aws:TagKeys": [MANAGED, "Name"]}, False),
    (CREATE, NETWORK + "subnet/subnet-1", {}, True),
    (TAG, NEW, {f"aws:RequestTag/{MANAGED}": "true", "ec2:CreateAction": "CreateNetworkInterface"}, True),
    (TAG, ENI, {f"aws:RequestTag/{MANAGED}": "true"}, False),
    (DELETE, ENI, {f"ec2:ResourceTag/{MANAGED}": ""}, True),
    (DELETE, ENI, {}, False),
    ("ec2:ModifyNetworkInterfaceAttribute", ENI, {}, False),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}, False),
]


def wide_policy(number):
    """A policy of twenty statements: services, buckets, conditions, and one deny."""
    service = f"svc{number}"
    statements = [
        {
            "Effect": "Allow",
            "Action": [f"{service}:Get{n}*", f"{service}:Put{n}", "s3:GetObject"],
            "Resource": [f"arn:aws:s3:::bucket-{number}-{n}/*", f"arn:aws:{service}:*:*:thing/{n}-*"],
            "Condition": {"StringLike": {"aws:PrincipalTag/team": [f"team-{n}", f"squad-{n}-*"]}},
        }
        for n in range(19)
    ]
    deny = {"Effect": "Deny", "Action": f"{service}:Delete*", "Resource": f"arn:aws:{service}:*:*:thing/0-*"}
    return {"Version": "2012-10-17", "Statement": [*statements, deny]}


def wide_questions():
    rows = []
    for number in (0, 7, 13, 19):
        thing = f"arn:aws:svc{number}:us-east-1:{ACCOUNT}:thing/"
        team = {"aws:PrincipalTag/team": "team-3"}
        rows += [
            (f"svc{number}:Put3", f"{thing}3-a", team, True),
            (f"svc{number}:Put4", f"{thing}4-a", team, False),
            (f"svc{number}:DeleteThing", f"{thing}0-a", team, False),
            (f"svc{number}:Get3Things", f"{thing}3-b", team, True),
        ]
    return rows


def home_policy(number):
    """One principal's own policy: its home in a bucket of its own."""
    return {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::home-{number}/*"},
    }


def principal(name, questions, identity, boundary=None, scps=()):
    return {
        "name": name,
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/s",
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "identity": list(identity),
        "boundary": boundary,
        "scps": [list(level) for level in scps],
        "questions": [
            {"action": action, "resource": resource, "context": context, "allowed": allowed}
            for action, resource, context, allowed in questions
        ],
    }


def rows(principals=10_000):
    """The rows, in the order of the table."""
    own = [
        principal(
            f"R{number}",
            [
                ("s3:GetObject", f"arn:aws:s3:::home-{number}/k", {}, True),
                ("ec2:DescribeVpcs", "*", {}, True),
            ],
            ("seed", f"home-{number}"),
        )
        for number in range(principals)
    ]
    levels = (("full",), ("guard",), ("full",))
    wide = [f"wide-{number}" for number in range(20)]
    return [
        {"row": "seed", "principals": [principal("Networking", SEED_QUESTIONS, ("seed",))]},
        {
            "row": "layers",
            "principals": [principal("Networking", SEED_QUESTIONS, ("seed",), "ec2-only", levels)],
        },
        {"row": "statements", "principals": [principal("Networking", wide_questions(), wide)]},
        {"row": "principals", "principals": own},
    ]


def documents(principals=10_000):
    """Every document by name, in AWS's language and in Cedar's."""
    aws = {"seed": SEED, "full": FULL, "ec2-only": EC2_ONLY, "guard": GUARD}
    aws |= {f"wide-{number}": wide_policy(number) for number in range(20)}
    aws |= {f"home-{number}": home_policy(number) for number in range(principals)}
    cedar = {**CEDAR}
    cedar |= {f"wide-{number}": cedar_wide(number) for number in range(20)}
    cedar |= {f"home-{number}": cedar_home(number) for number in range(principals)}
    return {name: {"aws": aws[name], "cedar": cedar[name]} for name in aws}


def everything(principals=10_000):
    """What an engine's process is given."""
    return {
        "account": ACCOUNT,
        "always": ALWAYS,
        "documents": documents(principals),
        "rows": rows(principals),
        "compile": {"seed": "seed", "twenty": "wide-0"},
    }


if __name__ == "__main__":
    print(json.dumps(everything(), indent=1))
