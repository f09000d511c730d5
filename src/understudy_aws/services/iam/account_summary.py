"""The number of entities an account has, and its quotas."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam.access_keys import KEYS_PER_USER
from understudy_aws.services.iam.attachments import QUOTAS
from understudy_aws.services.iam.groups import GROUPS_PER_ACCOUNT, GROUPS_PER_USER, Group, groups
from understudy_aws.services.iam.inline_policies import SIZES
from understudy_aws.services.iam.instance_profiles import PROFILES_PER_ACCOUNT
from understudy_aws.services.iam.policies import POLICIES_PER_ACCOUNT, POLICY_SIZE, VERSIONS
from understudy_aws.services.iam.policy_records import policies
from understudy_aws.services.iam.role_records import Role, instance_profiles, roles
from understudy_aws.services.iam.roles import ROLES_PER_ACCOUNT, TRUST_SIZE
from understudy_aws.services.iam.users import USERS_PER_ACCOUNT, User, users

_QUOTAS = {
    "UsersQuota": USERS_PER_ACCOUNT,
    "GroupsQuota": GROUPS_PER_ACCOUNT,
    "RolesQuota": ROLES_PER_ACCOUNT,
    "PoliciesQuota": POLICIES_PER_ACCOUNT,
    "InstanceProfilesQuota": PROFILES_PER_ACCOUNT,
    "GroupsPerUserQuota": GROUPS_PER_USER,
    "AccessKeysPerUserQuota": KEYS_PER_USER,
    "AttachedPoliciesPerUserQuota": QUOTAS[User][1],
    "AttachedPoliciesPerGroupQuota": QUOTAS[Group][1],
    "AttachedPoliciesPerRoleQuota": QUOTAS[Role][1],
    "UserPolicySizeQuota": SIZES[User],
    "GroupPolicySizeQuota": SIZES[Group],
    "RolePolicySizeQuota": SIZES[Role],
    "AssumeRolePolicySizeQuota": TRUST_SIZE,
    "PolicySizeQuota": POLICY_SIZE,
    "VersionsPerPolicyQuota": VERSIONS,
    # Of AWS alone: no more can be made here than policies and versions allow.
    "PolicyVersionsInUseQuota": 10000,
    "ServerCertificatesQuota": 20,
    "SigningCertificatesPerUserQuota": 2,
    # Tokens of the global endpoint are good in the regions that need no opting in.
    "GlobalEndpointTokenVersion": 1,
}
# Kinds of things no operation here makes, and a root user who has nothing to sign in with.
_NONE = (
    "ServerCertificates",
    "MFADevices",
    "MFADevicesInUse",
    "Providers",
    "AccountMFAEnabled",
    "AccountAccessKeysPresent",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)


@operation("iam:GetAccountSummary", on=all_resources)
def get_account_summary(call: Call) -> Answer:
    """Count what the account has, and tell its quotas (iam.md 2.2)."""
    own = list(policies.scan(call.tx, call.account))
    counts = {
        "Users": users.count_where(call.tx, "by_account", call.account),
        "Groups": groups.count_where(call.tx, "by_account", call.account),
        "Roles": roles.count_where(call.tx, "by_account", call.account),
        "InstanceProfiles": instance_profiles.count_where(call.tx, "by_account", call.account),
        "Policies": len(own),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in own),
    }
    return {"SummaryMap": {**counts, **dict.fromkeys(_NONE, 0), **_QUOTAS}}
