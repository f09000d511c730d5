"""What exports of accounts say, and that what they do not say is no refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy_aws.policy import (
    NotAuthorizationDetails,
    from_authorization_details,
    parse_claim,
    prove,
    who_can,
)

ACCOUNT = "111122223333"
ADA = f"arn:aws:iam::{ACCOUNT}:user/ada"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/deploy"
CLAIM = "user/ada, role/deploy cannot s3:GetObject on arn:aws:s3:::b/k"


def whole(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def export(condition: dict[str, Any] | None = None, **user: Any) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition or {}}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
    own = [{"PolicyName": "own", "PolicyDocument": whole(allow)}]
    return {
        "UserDetailList": [
            {"UserName": "ada", "UserId": "AIDAADA", "Arn": ADA, "UserPolicyList": own, **user},
            {"UserName": "eve", "UserId": "AIDAEVE", "Arn": f"arn:aws:iam::{ACCOUNT}:user/eve"},
        ],
        "RoleDetailList": [
            {
                "RoleName": "deploy",
                "RoleId": "AROADEPLOY",
                "Path": "/",
                "Arn": DEPLOY,
                "AssumeRolePolicyDocument": whole(trust),
                "RolePolicyList": own,
            }
        ],
    }


@pytest.mark.parametrize(
    ("condition", "needed"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, {"aws:principalorgid": "o-1"}),
        (
            {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}},
            {"aws:principalorgpaths": ["o-1/r-1/"]},
        ),
        ({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}, None),
    ],
)
def test_accounts_may_be_in_any_organization(condition, needed):
    accounts = from_authorization_details(export(condition))
    proof = prove(accounts, parse_claim(CLAIM))
    assert proof.counter_example is not None
    assert needed is None or proof.counter_example.needed == needed
    assert any("Organizations are not exported" in each for each in proof.assumed)
    told = {each.principal: each.how for each in who_can(accounts, "s3:GetObject", "arn:aws:s3:::b/k").found}
    assert (told[ADA], told[DEPLOY]) == ("sometimes", "sometimes")


def test_who_users_are_under_another_name_is_in_their_organization_too():
    made = {"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": "*"}
    condition = {
        "StringEquals": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalType": "FederatedUser"},
    }
    details = export(condition)
    details["UserDetailList"][0]["UserPolicyList"].append(
        {"PolicyName": "make", "PolicyDocument": whole(made)}
    )
    proof = prove(from_authorization_details(details), parse_claim(CLAIM.replace(", role/deploy", "")))
    assert proof.counter_example is not None
    assert proof.counter_example.context["aws:principalorgid"] == "o-1"


def test_what_is_assumed_of_an_organization_names_what_was_not_given():
    full = json.dumps(whole({"Effect": "Allow", "Action": "*", "Resource": "*"}))
    for scps, missing in (
        ((), "no service and resource control policies"),
        ([[full]], "no resource control policies"),
    ):
        proof = prove(from_authorization_details(export(), scps=scps), parse_claim(CLAIM))
        assert any(missing in each for each in proof.assumed)


@pytest.mark.parametrize(
    ("user", "what"),
    [
        (
            {"PermissionsBoundary": {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/b"}},
            "the policy",
        ),
        ({"AttachedManagedPolicies": [{"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/b"}]}, "the policy"),
        ({"GroupList": ["admins"]}, "the group admins"),
    ],
)
def test_what_an_export_names_and_lacks_is_an_error(user, what):
    with pytest.raises(NotAuthorizationDetails, match=f"names {what}.* and does not hold it"):
        from_authorization_details(export(**user))


@pytest.mark.parametrize("part", [{"IsTruncated": True}, {"NextToken": "x"}])
def test_a_page_of_an_export_is_not_all(part):
    with pytest.raises(NotAuthorizationDetails, match="export all pages"):
        from_authorization_details({**export(), **part})
    from_authorization_details({**export(), "IsTruncated": False})
