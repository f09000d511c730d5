"""The account's counts and quotas: iam.md 2.2."""

from __future__ import annotations

from understudy_aws.wire.model import load


def test_what_there_is_is_counted(iam, role, policy):
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="web")
    iam.create_instance_profile(InstanceProfileName="profile")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())
    after = iam.get_account_summary()["SummaryMap"]
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert {
        "Users": 1,
        "Groups": 1,
        "InstanceProfiles": 1,
        "Policies": 1,
        "PolicyVersionsInUse": 2,
    } == grown
    assert (1, 1) == (before["Users"], before["Roles"])


def test_the_quotas_are_those_that_are_enforced(iam):
    summary = iam.get_account_summary()["SummaryMap"]
    expected = {
        "UsersQuota": 5000,
        "GroupsQuota": 300,
        "RolesQuota": 1000,
        "PoliciesQuota": 1500,
        "InstanceProfilesQuota": 1000,
        "GroupsPerUserQuota": 10,
        "AccessKeysPerUserQuota": 2,
        "AttachedPoliciesPerUserQuota": 10,
        "AttachedPoliciesPerGroupQuota": 10,
        "AttachedPoliciesPerRoleQuota": 10,
        "UserPolicySizeQuota": 2048,
        "GroupPolicySizeQuota": 5120,
        "RolePolicySizeQuota": 10240,
        "AssumeRolePolicySizeQuota": 2048,
        "PolicySizeQuota": 6144,
        "VersionsPerPolicyQuota": 5,
    }
    assert expected == {name: summary[name] for name in expected}


def test_every_key_of_the_api_is_there(iam):
    """The keys AWS's API description names."""
    output = load("iam").operation("GetAccountSummary").output
    assert set(output.members["SummaryMap"].shape.key.shape.enum) == set(
        iam.get_account_summary()["SummaryMap"]
    )
