"""How IAM's refusals name what is refused, over every operation of its API description (policies.md 4.9)."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError
from samples import valid

from understudy_aws.data import service_catalogue
from understudy_aws.services.iam.refusal_words import resource_words
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

IAM = load("iam")
ACCOUNT = "000000000000"
MEMBERS = {
    "role": "RoleName",
    "user": "UserName",
    "group": "GroupName",
    "instance-profile": "InstanceProfileName",
}
MADE = {
    "CreateRole": "role",
    "CreateUser": "user",
    "CreateGroup": "group",
    "CreateInstanceProfile": "instance-profile",
}


@pytest.fixture(scope="module")
def stranger():
    with Understudy() as understudy:
        yield understudy.client("iam", as_=understudy.user("nobody"))


def expected(operation, params):
    """What the description of the operation and the service catalogue lead to; None where they leave it open."""
    if operation.name in MADE:
        kind = MADE[operation.name]
        return f"arn:aws:iam::{ACCOUNT}:{kind}/{params[MEMBERS[kind]]}"
    action = service_catalogue.action(f"iam:{operation.name}")
    if action is None:
        return None
    types = [each.name for each in action.resources]
    if not types:
        return None if operation.name.startswith("List") else "*"
    if types == ["policy"] and "PolicyArn" in params:
        return f"policy {params['PolicyArn']}"
    if len(types) == 1 and types[0] in MEMBERS and MEMBERS[types[0]] in params:
        return f"{types[0].replace('-', ' ')} {params[MEMBERS[types[0]]]}"
    return None


@pytest.mark.timeout(120)
def test_every_refusal_names_its_resource_in_words(stranger):
    """Logs of 2016 to 2026: roles, users, groups and instance profiles by name, policies by ARN, `*` as it is."""
    named = {}
    for name in sorted(IAM.operation_names):
        operation = IAM.operation(name)
        try:
            params = valid(operation.input) if operation.input else {}
        except StopIteration:
            continue
        if "PolicyArn" in params:
            params["PolicyArn"] = f"arn:aws:iam::{ACCOUNT}:policy/deep/p"
        with pytest.raises(ClientError) as refused:
            getattr(stranger, snake(name))(**params)
        error = refused.value.response["Error"]
        if error["Code"] != "AccessDenied":
            continue
        found = re.search(r" on resource: (.*) because no identity-based policy allows", error["Message"])
        assert found, f"{name}: {error['Message']}"
        named[name] = found[1]
        wanted = expected(operation, params)
        assert wanted is None or wanted == found[1], name
    assert len(named) > 140
    words = {re.sub(r"[ :].*", "", each) for each in named.values()}
    assert {"role", "user", "group", "instance", "policy", "*", "arn"} == words


@pytest.mark.parametrize(
    ("operation", "resource", "words"),
    [
        ("GetRole", "role/deep/er/Worker", "role Worker"),
        ("GetUser", "user/ann", "user ann"),
        ("DeleteGroup", "group/staff", "group staff"),
        ("GetInstanceProfile", "instance-profile/web", "instance profile web"),
        ("GetPolicy", "policy/deep/p", f"policy arn:aws:iam::{ACCOUNT}:policy/deep/p"),
        ("CreatePolicy", "policy/deep/p", "policy p"),
        ("ListPolicies", "policy/", "policy path /"),
        ("ListPolicies", "policy/deep/", "policy path /deep/"),
        ("ListRoles", "role/", f"arn:aws:iam::{ACCOUNT}:role/"),
        ("CreateRole", "role/deep/r", f"arn:aws:iam::{ACCOUNT}:role/deep/r"),
        ("CreateServiceLinkedRole", "role/aws-service-role/a/R", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/a/R"),
        ("GetSAMLProvider", "saml-provider/s", f"arn:aws:iam::{ACCOUNT}:saml-provider/s"),
    ],
)  # fmt: skip
def test_the_words_for_each_kind(operation, resource, words):
    """Logs: aws-cdk#27067 (role), skypilot#3366 (profile), cloudlaunch#205 (new policy), aws-sam-cli#394 (path)."""
    assert words == resource_words(operation, f"arn:aws:iam::{ACCOUNT}:{resource}")


def test_what_is_asked_besides_is_named_by_its_arn(understudy):
    """Passing a role and tagging what is made are other actions than the operation's own."""
    ann = understudy.user("ann")
    understudy.client("iam").put_user_policy(
        UserName="ann",
        PolicyName="p",
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"}}',
    )
    with pytest.raises(ClientError, match=rf"iam:TagUser on resource: arn:aws:iam::{ACCOUNT}:user/new "):
        understudy.client("iam", as_=ann).create_user(UserName="new", Tags=[{"Key": "a", "Value": "b"}])


def test_other_services_leave_the_star_out(understudy):
    """Reference policies.md 4.9: `ec2:Describe*` has no part `on resource`."""
    nobody = understudy.client("ec2", as_=understudy.user("nobody"))
    with pytest.raises(ClientError, match="perform: ec2:DescribeVpcs because no identity-based policy"):
        nobody.describe_vpcs()
