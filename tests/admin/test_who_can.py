"""Who can: everybody whom the policies let, by himself or through roles, and nobody else."""

from __future__ import annotations

import json
import random
from itertools import product
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from understudy_aws.admin.explanations import Explanations
from understudy_aws.admin.requests import WhoCan
from understudy_aws.policy import from_authorization_details, who_can
from understudy_aws.testing import Credentials

ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
CONDITIONS = [
    {},
    {},
    {},
    {"StringEquals": {"aws:PrincipalTag/team": "web"}},
    {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringLike": {"aws:username": "m*"}},
    {"DateLessThan": {"aws:CurrentTime": "2001-01-01"}},
]


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def populate(understudy, lots: random.Random) -> list[str]:
    """Users, groups and roles whose policies are made by lots; the roles trust whom the lots say."""
    iam, account = understudy.client("iam"), understudy.account
    tags = [{"Key": "team", "Value": "web"}]
    names = [f"{'m' if at % 2 else 'n'}{at}" for at in range(5)]
    roles = [f"role{at}" for at in range(5)]
    arns = [
        iam.create_user(UserName=name, **({"Tags": tags} if lots.randint(0, 1) else {}))["User"]["Arn"]
        for name in names
    ]
    arns += [f"arn:aws:iam::{account}:role/{role}" for role in roles]
    anybody = document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    for role in roles:
        iam.create_role(
            RoleName=role, AssumeRolePolicyDocument=anybody, **({"Tags": tags} if lots.randint(0, 1) else {})
        )
    boundary = iam.create_policy(
        PolicyName="boundary",
        PolicyDocument=document(
            {"Effect": "Allow", "Action": ["iam:*", "sts:*"], "Resource": lots.choice(["*", arns[5]])}
        ),
    )["Policy"]["Arn"]
    iam.create_group(GroupName="group")
    iam.put_group_policy(GroupName="group", PolicyName="g", PolicyDocument=document(statement(lots, arns)))
    for name in names:
        if lots.randint(0, 2) == 0:
            iam.add_user_to_group(GroupName="group", UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(lots, arns))
        if lots.randint(0, 4) == 0:
            iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    for role in roles:
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy(lots, arns))
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust(lots, account, arns))
    return arns


def statement(lots: random.Random, arns: list[str]) -> dict[str, Any]:
    return {
        "Effect": lots.choice(["Allow", "Allow", "Allow", "Deny"]),
        "Action": lots.choice([["iam:GetRole"], ["sts:AssumeRole"], ["sts:*"], ["iam:G*", "sts:AssumeRole"]]),
        "Resource": lots.choice(["*", *arns[5:], f"{arns[5][:-1]}*"]),
        "Condition": lots.choice(CONDITIONS),
    }


def policy(lots: random.Random, arns: list[str]) -> str:
    return document(*(statement(lots, arns) for _ in range(lots.randint(1, 2))))


def trust(lots: random.Random, account: str, arns: list[str]) -> str:
    principals: list[Any] = [{"AWS": account}, {"AWS": lots.choice(arns)}, {"Service": "ec2.amazonaws.com"}]
    statements = [
        {
            "Effect": "Allow",
            "Principal": lots.choice(principals),
            "Action": "sts:AssumeRole",
            "Condition": lots.choice([{}, {}, {"StringEquals": {"sts:ExternalId": "42"}}]),
        }
        for _ in range(lots.randint(1, 2))
    ]
    if lots.randint(0, 4) == 0:
        statements.append({"Effect": "Deny", "Principal": {"AWS": lots.choice(arns)}, "Action": "sts:*"})
    return document(*statements)


def asked(understudy, action: str, resource: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        msgspec.json.encode(understudy.app.admin.answer(WhoCan(action=action, resource=resource, **more)))
    )
    return answer


class Engine:
    """What the engine says when it is asked about one principal at a time."""

    def __init__(self, understudy) -> None:
        app = understudy.app
        self._explanations = Explanations(app.gateway, app.gateway.credentials)

    def lets(self, principal: str, action: str, resource: str) -> bool:
        return self._explanations.ahead(principal, action, resource, {})["effect"] == "allow"


@pytest.mark.parametrize("seed", range(6))
def test_everybody_is_told_who_gets_there_and_nobody_else(understudy, seed):
    lots = random.Random(seed)
    arns = populate(understudy, lots)
    everybody = [*arns, f"arn:aws:iam::{understudy.account}:root", *administrators(understudy)]
    target = arns[-1]
    engine = Engine(understudy)
    found = {each["principal"]: each for each in asked(understudy, "iam:GetRole", target)["found"]}
    direct = {each for each in everybody if engine.lets(each, "iam:GetRole", target)}
    assert direct == {
        name
        for name, each in found.items()
        if each["how"] == "always" and not each["steps"] and name in everybody
    }
    # Whoever can assume somebody who can, can: closed under every pair.
    reached = set(direct)
    pairs = [
        (who, role)
        for who, role in product([*everybody, "ec2.amazonaws.com"], arns[5:])
        if who != role and engine.lets(who, "sts:AssumeRole", role)
    ]
    while True:
        more = {who for who, role in pairs if role in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == {name for name, each in found.items() if each["how"] == "always"}
    keyless = {name for name, each in found.items() if each["how"] == "sometimes"}
    assert all(
        found[name]["example"] or any(step["example"] for step in found[name]["steps"]) for name in keyless
    )
    # The same of an export.
    export = {}
    for page in understudy.client("iam").get_paginator("get_account_authorization_details").paginate():
        for name, values in page.items():
            if isinstance(values, list):
                export.setdefault(name, []).extend(values)
    exported = who_can(from_authorization_details(json.dumps(export, default=str)), "iam:GetRole", target)
    assert {each.principal: each.how for each in exported.found} == {
        name: each["how"] for name, each in found.items()
    }


def administrators(understudy) -> list[str]:
    return [
        user["Arn"]
        for user in understudy.client("iam").list_users()["Users"]
        if user["UserName"] == "Administrator"
    ]


def test_a_chain_can_be_walked_step_by_step(understudy):
    iam, account = understudy.client("iam"), understudy.account
    arn = f"arn:aws:iam::{account}:role/"
    iam.create_user(UserName="ada")
    iam.create_user(UserName="bob")
    trusted = {
        "first": f"arn:aws:iam::{account}:user/ada",
        "second": f"{arn}first",
        "third": f"{arn}second",
    }
    for name, who in trusted.items():
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}
            ),
        )
    own = document({"Sid": "Read", "Effect": "Allow", "Action": "iam:GetRole", "Resource": f"{arn}first"})
    iam.put_role_policy(RoleName="third", PolicyName="own", PolicyDocument=own)
    found = {each["principal"]: each for each in asked(understudy, "iam:GetRole", f"{arn}first")["found"]}
    ada = found[f"arn:aws:iam::{account}:user/ada"]
    assert [f"{arn}first", f"{arn}second", f"{arn}third"] == [step["role"] for step in ada["steps"]]
    assert [{"layer": "identity", "policy": "own", "statement": 0, "sid": "Read", "conditions": []}] == ada[
        "statements"
    ]
    assert f"arn:aws:iam::{account}:user/bob" not in found

    key = iam.create_access_key(UserName="ada")["AccessKey"]
    walking = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    for step in ada["steps"]:
        made = understudy.client("sts", as_=walking).assume_role(RoleArn=step["role"], RoleSessionName="walk")
        walking = understudy.session_of(made)
    assert "first" == understudy.client("iam", as_=walking).get_role(RoleName="first")["Role"]["RoleName"]
    with pytest.raises(ClientError):
        understudy.client("iam", as_=walking).get_role(RoleName="second")

    direct = asked(understudy, "iam:GetRole", f"{arn}first", direct=True)["found"]
    assert all(not each["steps"] for each in direct)


def test_services_and_other_accounts_are_told_as_resource_policies_name_them(understudy):
    iam, account = understudy.client("iam"), understudy.account
    iam.create_role(
        RoleName="trusting",
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com", "AWS": "210987654321"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            },
            {
                "Sid": "Foreign",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": "sts:AssumeRole",
            },
        ),
    )
    role = f"arn:aws:iam::{account}:role/trusting"
    found = {each["principal"]: each for each in asked(understudy, "sts:AssumeRole", role)["found"]}
    service = found["ec2.amazonaws.com"]
    assert ("sometimes", {"aws:sourceaccount": account}) == (service["how"], service["example"])
    assert [f"StringEquals aws:SourceAccount: {account}"] == service["statements"][0]["conditions"]
    foreign = found["arn:aws:iam::210987654321:root"]
    assert (True, "Foreign") == (foreign["outside"], foreign["statements"][0]["sid"])
    # The administrator's own policy allows it, and the role trusts somebody else.
    assert administrators(understudy)[0] not in found


def test_the_policy_of_a_secret_lets_its_own_account_in(understudy):
    secrets, iam = understudy.client("secretsmanager"), understudy.client("iam")
    secret = secrets.create_secret(Name="db", SecretString="x")["ARN"]
    arn = iam.create_user(UserName="reader")["User"]["Arn"]
    secrets.put_resource_policy(
        SecretId=secret,
        ResourcePolicy=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": arn},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
        ),
    )
    found = {
        each["principal"]: each
        for each in asked(understudy, "secretsmanager:GetSecretValue", secret)["found"]
    }
    assert ["resource"] == [each["layer"] for each in found[arn]["statements"]]
    assert Engine(understudy).lets(arn, "secretsmanager:GetSecretValue", secret)


def test_a_condition_is_told_with_what_would_meet_it_and_an_scp_takes_everybody_out(understudy):
    iam = understudy.client("iam")
    arn = iam.create_user(UserName="careful")["User"]["Arn"]
    iam.put_user_policy(
        UserName="careful",
        PolicyName="own",
        PolicyDocument=document(
            {**ALLOW, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
            {
                "Sid": "FromHome",
                "Effect": "Deny",
                "Action": "ec2:*",
                "Resource": "*",
                "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            },
        ),
    )
    found = {each["principal"]: each for each in asked(understudy, "ec2:CreateVpc", "*")["found"]}[arn]
    assert "sometimes" == found["how"]
    assert {"aws:multifactorauthpresent": "true", "aws:sourceip": "10.0.0.0"} == found["example"]
    assert ["FromHome"] == [each["sid"] for each in found["blocked"]]
    stated = asked(understudy, "ec2:CreateVpc", "*", context={"aws:SourceIp": "192.0.2.1"})["found"]
    assert arn not in {each["principal"] for each in stated}
