"""The number of entities an account has, and its quotas."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam.access_keys import KEYS_PER_USER
from understudy_aws.services.iam.account_preferences import preferences_of
from understudy_aws.services.iam.attachments import QUOTAS
from understudy_aws.services.iam.credential_records import mfa_devices
from understudy_aws.services.iam.groups import GROUPS_PER_ACCOUNT, GROUPS_PER_USER, Group, groups
from understudy_aws.services.iam.inline_policies import SIZES
from understudy_aws.services.iam.instance_profiles import PROFILES_PER_ACCOUNT
from understudy_aws.services.iam.oidc_provider_records import oidc_providers
from understudy_aws.services.iam.policies import POLICIES_PER_ACCOUNT, POLICY_SIZE, VERSIONS
from understudy_aws.services.iam.policy_records import policies
from understudy_aws.services.iam.role_records import Role, instance_profiles, roles
from understudy_aws.services.iam.roles import ROLES_PER_ACCOUNT, TRUST_SIZE
from understudy_aws.services.iam.saml_provider_records import saml_providers
from understudy_aws.services.iam.server_certificates import CERTIFICATES_PER_ACCOUNT, server_certificates
from understudy_aws.services.iam.signing_certificates import CERTIFICATES_PER_USER
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
    "ServerCertificatesQuota": CERTIFICATES_PER_ACCOUNT,
    "SigningCertificatesPerUserQuota": CERTIFICATES_PER_USER,
}
# Kinds of things no operation here makes, and a root user who has nothing to sign in with.
_NONE = (
    "AccountMFAEnabled",
    "AccountAccessKeysPresent",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)


@operation("iam:GetAccountSummary", on=all_resources)
def get_account_summary(call: Call) -> Answer:
    """Count what the account has, and tell its quotas (iam.md 2.2)."""
    counts = {
        "Users": users.count_where(call.tx, "by_account", call.account),
        "Groups": groups.count_where(call.tx, "by_account", call.account),
        "Roles": roles.count_where(call.tx, "by_account", call.account),
        "InstanceProfiles": instance_profiles.count_where(call.tx, "by_account", call.account),
        "Policies": policies.count(call.tx, call.account),
        "PolicyVersionsInUse": len(_policies_in_use(call)),
        "Providers": oidc_providers.count(call.tx, call.account)
        + saml_providers.count(call.tx, call.account),
        "ServerCertificates": server_certificates.count(call.tx, call.account),
        "MFADevices": mfa_devices.count(call.tx, call.account),
        "MFADevicesInUse": sum(bool(each.user) for each in mfa_devices.scan(call.tx, call.account)),
        "GlobalEndpointTokenVersion": preferences_of(call).token_version,
    }
    return {"SummaryMap": {**counts, **dict.fromkeys(_NONE, 0), **_QUOTAS}}


def _policies_in_use(call: Call) -> set[str]:
    """Return the managed policies, AWS's own too, that are attached to something or bound it (recorded)."""
    used: set[str] = set()
    for table in (users, groups, roles):
        for entity in table.scan(call.tx, call.account):
            used.update(entity.attached)
            used.add(getattr(entity, "boundary", ""))
    return used - {""}
