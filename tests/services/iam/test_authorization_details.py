"""Everything in the account in one list."""

from __future__ import annotations

import json

import pytest

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def account(iam, role, policy):
    """One of everything, with something attached to each."""
    own = iam.create_policy(PolicyName="Own", Description="ours", PolicyDocument=policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=own, PolicyDocument=policy("s3:PutObject"))
    iam.create_user(UserName="ann", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "k", "Value": "v"}])
    iam.create_group(GroupName="Web")
    iam.add_user_to_group(GroupName="web", UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=own)
    iam.put_group_policy(GroupName="web", PolicyName="inline", PolicyDocument=policy())
    iam.attach_role_policy(RoleName="builder", PolicyArn=own)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="builder")
    return iam.get_account_authorization_details()


def test_users_are_there_with_what_they_have(account, understudy):
    ann = next(user for user in account["UserDetailList"] if user["UserName"] == "ann")
    own = f"arn:aws:iam::{understudy.account}:policy/Own"
    assert ["Web"] == ann["GroupList"]
    assert [{"PolicyName": "Own", "PolicyArn": own}] == ann["AttachedManagedPolicies"]
    assert READ_ONLY == ann["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert [{"Key": "k", "Value": "v"}] == ann["Tags"]


def test_groups_are_there_with_their_documents(account, policy):
    (group,) = account["GroupDetailList"]
    assert [{"PolicyName": "inline", "PolicyDocument": json.loads(policy())}] == group["GroupPolicyList"]


def test_roles_are_there_with_trust_and_profiles(account):
    (role,) = account["RoleDetailList"]
    assert "sts:AssumeRole" == role["AssumeRolePolicyDocument"]["Statement"][0]["Action"]
    assert ["profile"] == [profile["InstanceProfileName"] for profile in role["InstanceProfileList"]]
    assert {} == role["RoleLastUsed"]


def test_policies_are_there_with_all_versions(account):
    own = next(policy for policy in account["Policies"] if policy["PolicyName"] == "Own")
    assert ("ours", 2) == (own["Description"], own["AttachmentCount"])
    assert [("v2", "s3:PutObject"), ("v1", "s3:GetObject")] == [
        (version["VersionId"], version["Document"]["Statement"][0]["Action"])
        for version in own["PolicyVersionList"]
    ]


def test_of_aws_policies_those_in_use_are_there(account):
    found = [policy["PolicyName"] for policy in account["Policies"]]
    assert ["Own", "AdministratorAccess", "ReadOnlyAccess"] == found


def test_a_filter_chooses_kinds(account, iam):
    answer = iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
    assert [0, 0, 1, 1] == [len(answer[name]) for name in LISTS]


def test_pages_hold_everything_once(account, iam):
    seen = {name: [] for name in LISTS}
    marker = {}
    while True:
        answer = iam.get_account_authorization_details(MaxItems=1, **marker)
        assert 1 == sum(len(answer[name]) for name in LISTS)
        for name in LISTS:
            seen[name] += answer[name]
        if not answer["IsTruncated"]:
            break
        marker = {"Marker": answer["Marker"]}
    assert {name: account[name] for name in LISTS} == seen
