"""The account's counts and quotas: iam.md 2.2."""

from __future__ import annotations

from certificates import certificate, ec_key, pem
from totp import Phone

from understudy_aws.wire.model import load


def test_what_there_is_is_counted(understudy, iam, role, policy):
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="web")
    iam.create_instance_profile(InstanceProfileName="profile")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())
    first, second = (Phone(understudy, iam, name) for name in ("first", "second"))
    first.enable(iam, "ann")
    assert second.serial
    iam.upload_server_certificate(
        ServerCertificateName="web", CertificateBody=pem(certificate()), PrivateKey=pem(ec_key())
    )
    after = iam.get_account_summary()["SummaryMap"]
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert {
        "Users": 1,
        "Groups": 1,
        "InstanceProfiles": 1,
        "Policies": 1,
        "MFADevices": 2,
        "MFADevicesInUse": 1,
        "ServerCertificates": 1,
    } == grown
    assert (1, 1) == (before["Users"], before["Roles"])


def test_a_policy_is_in_use_once_whoever_uses_it(iam, policy):
    """Recorded: policies that nobody has and further versions do not count, AWS's own and boundaries do."""

    def in_use():
        return iam.get_account_summary()["SummaryMap"]["PolicyVersionsInUse"]

    before = in_use()
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=own, PolicyDocument=policy())
    assert before == in_use()
    iam.create_user(UserName="ann", PermissionsBoundary=own)
    iam.create_group(GroupName="web")
    iam.attach_user_policy(UserName="ann", PolicyArn=own)
    iam.attach_group_policy(GroupName="web", PolicyArn=own)
    assert before + 1 == in_use()
    iam.attach_group_policy(GroupName="web", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert before + 2 == in_use()


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
