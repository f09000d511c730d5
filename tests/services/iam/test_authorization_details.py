"""Everything in the account in one list."""

from __future__ import annotations

import json

import pytest

from understudy_aws.services.iam.role_records import RoleUse, role_uses

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


def test_a_role_is_shown_as_it_is_now_with_what_lies_beside_it(account, iam, understudy):
    """It is kept as it was rendered; use, profiles and principals of its trust policy are not of its record."""

    def shown():
        (found,) = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
        return found

    assert shown() == account["RoleDetailList"][0]
    iam.tag_role(RoleName="builder", Tags=[{"Key": "team", "Value": "a"}])
    assert [{"Key": "team", "Value": "a"}] == shown()["Tags"]
    iam.tag_instance_profile(InstanceProfileName="profile", Tags=[{"Key": "k", "Value": "v"}])
    (profile,) = shown()["InstanceProfileList"]
    assert [{"Key": "k", "Value": "v"}] == profile["Tags"]
    assert [{"Key": "team", "Value": "a"}] == profile["Roles"][0]["Tags"]
    iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="builder")
    assert [] == shown()["InstanceProfileList"]

    use = RoleUse(id=shown()["RoleId"], at=understudy.clock.now(), region="eu-west-1")
    with understudy.app.database.transaction() as tx:
        role_uses.put(tx, use)
    assert "eu-west-1" == shown()["RoleLastUsed"]["Region"]

    user = iam.get_user(UserName="ann")["User"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName="builder", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )
    assert user["Arn"] in str(shown()["AssumeRolePolicyDocument"])
    iam.remove_user_from_group(GroupName="Web", UserName="ann")
    for attached in iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="ann", PolicyArn=attached["PolicyArn"])
    iam.delete_user(UserName="ann")
    assert user["UserId"] in str(shown()["AssumeRolePolicyDocument"])
