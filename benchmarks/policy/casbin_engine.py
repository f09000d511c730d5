"""pycasbin: one rule per statement, patterns as regular expressions compiled once, conditions as named functions.

Casbin knows rules with an effect and nothing of layers: a layer that only limits becomes rules that deny what it does
not allow, and one that allows everything becomes nothing. All translated by hand.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import version

import casbin
import measure
from casbin.model import Model

VERSION = version("pycasbin")
UNSERVED = {"compile": "it reads no policy documents: its rules were written by hand"}
MODEL = """
[request_definition]
r = act, res, ctx
[policy_definition]
p = act, res, cond, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = matches(r.act, p.act) && matches(r.res, p.res) && holds(r.ctx, p.cond)
"""
MANAGED = "AWSAppRunnerManaged"


def only_managed(context):
    return all(key == MANAGED for key in context.get("aws:TagKeys", ()))


def created_and_tagged(context):
    return (
        f"aws:RequestTag/{MANAGED}" in context and context.get("ec2:CreateAction") == "CreateNetworkInterface"
    )


def tagged(context):
    return f"ec2:ResourceTag/{MANAGED}" in context


def elsewhere(context):
    return context.get("aws:RequestedRegion") not in ("us-east-1", "eu-west-1")


def team(number):
    def is_of_team(context):
        value = context.get("aws:PrincipalTag/team")
        return value is not None and (value == f"team-{number}" or value.startswith(f"squad-{number}-"))

    return is_of_team


CONDITIONS = {
    "": lambda _context: True,
    "only managed": only_managed,
    "created and tagged": created_and_tagged,
    "tagged": tagged,
    "elsewhere": elsewhere,
    **{f"team {number}": team(number) for number in range(19)},
}
DESCRIBES = "NetworkInterfaces|Vpcs|DhcpOptions|Subnets|SecurityGroups"
RULES = {
    "seed": [
        (f"ec2:Describe({DESCRIBES})", "", "", "allow"),
        ("ec2:CreateNetworkInterface", "", "only managed", "allow"),
        ("ec2:CreateTags", "arn:aws:ec2:[^:]*:[^:]*:network-interface/.*", "created and tagged", "allow"),
        ("ec2:DeleteNetworkInterface", "", "tagged", "allow"),
    ],
    "full": [],
    "ec2-only": [("(?!ec2:).*", "", "", "deny")],
    "guard": [("ec2:.*", "", "elsewhere", "deny")],
}


def rules_of(name):
    if name in RULES:
        return RULES[name]
    kind, number = name.split("-")
    if kind == "home":
        return [("s3:.*", f"arn:aws:s3:::home-{number}/.*", "", "allow")]
    service = f"svc{number}"
    return [
        *(
            (
                f"{service}:Get{n}.*|{service}:Put{n}|s3:GetObject",
                f"arn:aws:s3:::bucket-{number}-{n}/.*|arn:aws:{service}:[^:]*:[^:]*:thing/{n}-.*",
                f"team {n}",
                "allow",
            )
            for n in range(19)
        ),
        (f"{service}:Delete.*", f"arn:aws:{service}:[^:]*:[^:]*:thing/0-.*", "", "deny"),
    ]


@cache
def compiled(pattern):
    return re.compile(pattern).fullmatch


def matches(value, pattern):
    return not pattern or compiled(pattern)(value) is not None


def holds(context, name):
    return CONDITIONS[name](context)


def enforcer(rules):
    """One per principal: a model of everybody's rules reads them all, and `FastEnforcer` adds rules in square time."""
    model = Model()
    model.load_model_from_text(MODEL)
    made = casbin.Enforcer(model)
    made.add_function("matches", matches)
    made.add_function("holds", holds)
    made.add_policies(rules)
    return made


def compile_document(document):
    return document


def subjects(row, _documents):
    return [
        enforcer(
            [
                list(rule)
                for level in (who["identity"], [who["boundary"]] if who["boundary"] else [], *who["scps"])
                for name in level
                for rule in rules_of(name)
            ]
        )
        for who in row["principals"]
    ]


def request(question, _who, always):
    return question["action"], question["resource"], {**always, **question["context"]}


def decide(asked, model):
    return model.enforce(*asked)


def is_allowed(answer):
    return answer


if __name__ == "__main__":
    measure.main(sys.modules[__name__])
