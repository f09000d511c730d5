"""One request must not stop the server: what can be read but not written again is refused, and everybody goes on."""

from __future__ import annotations

import json

import pytest
from raw_requests import json_request, rest_request, signed
from refusals import refusal

# As JSON has it: a backslash, a u, and half of a surrogate pair.
HALF = "\\ud800"
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{HALF}/*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": HALF}}
GOOD_TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}


def document(statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}).replace("\\\\", "\\")


@pytest.fixture
def iam(understudy):
    """IAM with a user, a group, a role and a policy."""
    client = understudy.client("iam")
    client.create_user(UserName="me")
    client.create_group(GroupName="us")
    client.create_role(RoleName="role", AssumeRolePolicyDocument=document(GOOD_TRUST))
    client.create_policy(PolicyName="policy", PolicyDocument=document({**ALLOW, "Resource": "*"}))
    return client


@pytest.fixture(autouse=True)
def everybody_goes_on(understudy):
    """Afterwards changes are kept, and others are answered."""
    yield
    understudy.client("iam").create_user(UserName="another")
    understudy.app.database.flush()
    names = [user["UserName"] for user in understudy.client("iam").list_users()["Users"]]
    assert "another" in names


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_policy", {"PolicyName": "new"}),
        ("create_policy_version", {"PolicyArn": "arn:aws:iam::000000000000:policy/policy"}),
        ("put_user_policy", {"UserName": "me", "PolicyName": "p"}),
        ("put_group_policy", {"GroupName": "us", "PolicyName": "p"}),
        ("put_role_policy", {"RoleName": "role", "PolicyName": "p"}),
    ],
)
def test_in_the_resource_of_a_policy(iam, operation, params):
    found = refusal(getattr(iam, operation), PolicyDocument=document(ALLOW), **params)
    assert ("MalformedPolicyDocument", 400, "Syntax errors in policy.") == found[:3]


@pytest.mark.parametrize("principal", [{"AWS": HALF}, {"Service": HALF}, {"Federated": HALF}, HALF])
def test_in_the_principal_of_a_trust_policy(iam, principal):
    trust = document({**TRUST, "Principal": principal})
    for call, params in (
        (iam.create_role, {"RoleName": "new", "AssumeRolePolicyDocument": trust}),
        (iam.update_assume_role_policy, {"RoleName": "role", "PolicyDocument": trust}),
    ):
        found = refusal(call, **params)
        assert ("MalformedPolicyDocument", 400) == found[:2]


def test_in_a_session_policy_of_somebody_without_permissions(understudy, iam):
    sts = understudy.client("sts", as_=understudy.user("nobody"))
    role = f"arn:aws:iam::{understudy.account}:role/role"
    for call, params in (
        (sts.assume_role, {"RoleArn": role, "RoleSessionName": "session"}),
        (sts.get_federation_token, {"Name": "federated"}),
    ):
        found = refusal(call, Policy=document(ALLOW), **params)
        assert 400 <= found.status < 500, found


def test_in_a_session_policy_of_the_administrator(understudy, iam):
    sts = understudy.client("sts")
    role = f"arn:aws:iam::{understudy.account}:role/role"
    for call, params in (
        (sts.assume_role, {"RoleArn": role, "RoleSessionName": "session"}),
        (sts.get_federation_token, {"Name": "federated"}),
    ):
        found = refusal(call, Policy=document(ALLOW), **params)
        assert ("MalformedPolicyDocument", 400) == found[:2]


def test_in_a_policy_to_validate(understudy):
    analyzer = understudy.client("accessanalyzer")
    answer = analyzer.validate_policy(policyDocument=document(ALLOW), policyType="IDENTITY_POLICY")
    assert ["JSON_SYNTAX_ERROR"] == [finding["issueCode"] for finding in answer["findings"]]


def test_in_a_policy_to_simulate(iam):
    found = refusal(
        iam.simulate_custom_policy, PolicyInputList=[document(ALLOW)], ActionNames=["s3:GetObject"]
    )
    assert ("InvalidInput", 400) == found[:2]


@pytest.mark.parametrize("type", ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"])
def test_in_a_policy_of_an_organization(understudy, type):
    organizations = understudy.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    found = refusal(organizations.create_policy, Name="p", Description="", Type=type, Content=document(ALLOW))
    assert ("MalformedPolicyDocumentException", 400) == found[:2]


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (json_request("AppRunner.CreateVpcConnector", b'{"VpcConnectorName":"\\ud800","Subnets":["s"]}'), "apprunner"),
        (
            json_request(
                "AppRunner.CreateVpcConnector",
                b'{"VpcConnectorName":"name","Subnets":["s"],"Tags":[{"Key":"k","Value":"\\udfff"}]}',
            ),
            "apprunner",
        ),
        (
            json_request(
                "AWSOrganizationsV20161128.CreateOrganizationalUnit",
                b'{"ParentId":"r-abcd","Name":"\\udbff"}',
                content_type="application/x-amz-json-1.1",
            ),
            "organizations",
        ),
        (
            rest_request("POST", "/policy/validation", body=b'{"policyDocument":"\\ud800","policyType":"IDENTITY_POLICY"}'),
            "access-analyzer",
        ),
    ],
    ids=["name", "tag", "unit", "document"],
)  # fmt: skip
def test_in_the_json_of_a_request(understudy, request_, service, caplog):
    response = understudy.app.handle(signed(request_, understudy.administrator, service))
    assert 400 == response.status
    assert b"SerializationException" in response.body
    assert [] == caplog.records


def test_in_a_question_to_the_administrative_api(understudy):
    api = understudy.app.admin_api
    request = rest_request("POST", "/_understudy/explain", body=b'{"as":"\\ud800","action":"iam:GetUser"}')
    request.headers["x-understudy-token"] = api.token
    assert 400 == understudy.app.handle(request).status
