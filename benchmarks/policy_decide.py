"""How fast the policy engine decides, on one core: `python benchmarks/policy_decide.py [--json]`.

Every row also says how many of its answers were right; a row with a wrong answer is no result. Where moto is
installed, its engine answers the seed's questions in the same run.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
import tracemalloc
from importlib.util import find_spec

from understudy.policy import Bindings, NamedPolicy, Principal, Question, compile_policy, decide
from understudy.policy.policies import compile_afresh

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
            "Action": "ec2:CreateNetworkInterface",
            "Resource": "*",
            "Effect": "Allow",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["AWSAppRunnerManaged"]}},
        },
        {
            "Action": "ec2:CreateTags",
            "Resource": "arn:aws:ec2:*:*:network-interface/*",
            "Effect": "Allow",
            "Condition": {
                "StringLike": {"aws:RequestTag/AWSAppRunnerManaged": "*"},
                "StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"},
            },
        },
        {
            "Action": "ec2:DeleteNetworkInterface",
            "Resource": "*",
            "Effect": "Allow",
            "Condition": {"Null": {"ec2:ResourceTag/AWSAppRunnerManaged": "false"}},
        },
    ],
}
ACCOUNT = "111122223333"
NETWORK = f"arn:aws:ec2:us-east-1:{ACCOUNT}:"
NEW, ENI = NETWORK + "network-interface/*", NETWORK + "network-interface/eni-0123456789abcdef0"
ALWAYS = {
    "aws:principalaccount": ACCOUNT,
    "aws:requestedregion": "us-east-1",
    "aws:securetransport": "true",
    "aws:sourceip": "203.0.113.7",
    "aws:currenttime": "2030-01-01T00:00:00Z",
}
MANAGED = "awsapprunnermanaged"
CREATE, TAG, DELETE = "ec2:CreateNetworkInterface", "ec2:CreateTags", "ec2:DeleteNetworkInterface"
ASKED = [
    ("ec2:DescribeVpcs", "*", {}, True),
    ("ec2:DescribeSubnets", "*", {}, True),
    (CREATE, NEW, {}, True),
    (CREATE, NEW, {"aws:tagkeys": ["AWSAppRunnerManaged"]}, True),
    (CREATE, NEW, {"aws:tagkeys": ["AWSAppRunnerManaged", "Name"]}, False),
    (CREATE, NETWORK + "subnet/subnet-1", {}, True),
    (TAG, NEW, {f"aws:requesttag/{MANAGED}": "true", "ec2:createaction": "CreateNetworkInterface"}, True),
    (TAG, ENI, {f"aws:requesttag/{MANAGED}": "true"}, False),
    (DELETE, ENI, {f"ec2:resourcetag/{MANAGED}": ""}, True),
    (DELETE, ENI, {}, False),
    ("ec2:ModifyNetworkInterfaceAttribute", ENI, {}, False),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}, False),
]
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


def named(name, document, kind="identity"):
    return NamedPolicy(name, compile_policy(json.dumps(document), kind=kind))


def principal(name="Networking"):
    return Principal(
        "role-session",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/s",
        ACCOUNT,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
    )


def seed_questions(who):
    return [(Question(who, action, on, {**ALWAYS, **keys}), right) for action, on, keys, right in ASKED]


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


def wide_questions(who):
    rows = []
    for number in (0, 7, 13, 19):
        thing = f"arn:aws:svc{number}:us-east-1:{ACCOUNT}:thing/"
        keys = {**ALWAYS, "aws:principaltag/team": "team-3"}
        rows += [
            (Question(who, f"svc{number}:Put3", f"{thing}3-a", keys), True),
            (Question(who, f"svc{number}:Put4", f"{thing}4-a", keys), False),
            (Question(who, f"svc{number}:DeleteThing", f"{thing}0-a", keys), False),
            (Question(who, f"svc{number}:Get3Things", f"{thing}3-b", keys), True),
        ]
    return rows


def measure(name, pairs, *, seconds=0.5, rounds=5):
    """Microseconds of CPU per decision: the median of rounds, after the answers were checked."""
    right = sum(decide(question, bindings).allowed is answer for question, bindings, answer in pairs)
    asked = [(question, bindings) for question, bindings, _answer in pairs]
    samples = []
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        count, start = 0, time.process_time()
        while time.process_time() - start < seconds / rounds:
            for _ in range(max(1, 2000 // len(asked))):
                for question, bindings in asked:
                    decide(question, bindings)
            count += max(1, 2000 // len(asked)) * len(asked)
        samples.append((time.process_time() - start) / count * 1e6)
    gc.enable()
    spent = statistics.median(samples)
    return {
        "row": name,
        "microseconds": round(spent, 2),
        "per_second": int(1e6 / spent),
        "right": f"{right}/{len(pairs)}",
    }


def rows():
    who = principal()
    seed = Bindings(identity=(named("seed", SEED),))
    yield measure("seed policy, 12 requests", [(q, seed, right) for q, right in seed_questions(who)])
    layered = Bindings(
        identity=(named("seed", SEED),),
        boundary=named("boundary", EC2_ONLY, "boundary"),
        scps=((named("full", FULL, "scp"),), (named("guard", GUARD, "scp"),), (named("full", FULL, "scp"),)),
    )
    under_layers = [(q, layered, right) for q, right in seed_questions(who)]
    yield measure("the same, boundary and three SCP levels", under_layers)
    wide = Bindings(identity=tuple(named(f"wide-{n}", wide_policy(n)) for n in range(20)))
    yield measure("20 policies x 20 statements", [(q, wide, right) for q, right in wide_questions(who)])
    yield many_principals()
    yield compiling()


def many_principals(count=10_000):
    tracemalloc.start()
    before, start = tracemalloc.get_traced_memory()[0], time.process_time()
    pairs = []
    for number in range(count):
        own = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::home-{number}/*"},
        }
        bindings = Bindings(identity=(named("seed", SEED), named("own", own)))
        who = principal(f"R{number}")
        on = f"arn:aws:s3:::home-{number}/k"
        pairs.append((Question(who, "s3:GetObject", on, ALWAYS), bindings, True))
        pairs.append((Question(who, "ec2:DescribeVpcs", "*", ALWAYS), bindings, True))
    for question, bindings, _answer in pairs:
        decide(question, bindings)
    spent = time.process_time() - start
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    row = measure("10,000 principals, a shared and an own policy", pairs)
    return {**row, "build_seconds_traced": round(spent, 2), "megabytes": round(used / 1e6, 1)}


def compiling():
    texts = [json.dumps(SEED), *(json.dumps(wide_policy(n)) for n in range(4))]
    spent = {}
    for name, text in (("seed", texts[0]), ("20 statements", texts[1])):
        start = time.process_time()
        for number in range(200):
            compile_afresh(text.replace("AWSAppRunnerManaged", f"Managed{number}"), "identity")
        spent[name] = round((time.process_time() - start) / 200 * 1e3, 3)
    return {"row": "compile, milliseconds", **spent}


def peers():
    if find_spec("moto") is None:
        return
    from moto.iam.access_control import IAMPolicy  # noqa: PLC0415 - only where it is installed

    policy = IAMPolicy(json.dumps(SEED))
    questions = [(action, on, right) for action, on, _keys, right in ASKED]
    allowed = [policy.is_action_permitted(action, on).name == "PERMITTED" for action, on, _right in questions]
    start = time.process_time()
    for _ in range(200):
        for action, on, _right in questions:
            policy.is_action_permitted(action, on)
    spent = (time.process_time() - start) / 200 / len(questions) * 1e6
    right = sum(answer is row[2] for answer, row in zip(allowed, questions, strict=True))
    yield {
        "row": "moto, seed (parsed once, conditions unread)",
        "microseconds": round(spent, 1),
        "right": f"{right}/{len(questions)}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="rows as JSON lines")
    as_json = parser.parse_args().json
    for row in (*rows(), *peers()):
        if as_json:
            print(json.dumps(row))
        else:
            print(f"{row.pop('row'):<48}", "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
