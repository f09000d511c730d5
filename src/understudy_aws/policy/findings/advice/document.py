"""Advice on the document as a whole: its version, its size, the names of its statements."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check, size_without_space
from understudy_aws.policy.findings.finding import TRUST_POLICY, PolicyType
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.json_text import StringNode

# Recorded answers of ValidatePolicy name 10,240; a managed policy holds less (iam.md 2.2).
_IDENTITY_CHARACTERS = 10_240
_MANAGED_CHARACTERS = 6_144
# The default of the quota; it can be raised to 4,096 (iam.md 2.2).
_TRUST_CHARACTERS = 2_048
# Bucket policies, access point policies and table policies are limited to 20 KB by their services.
_RESOURCE_BYTES = 20_480
_LIMITED_RESOURCES = frozenset(
    {
        "AWS::S3::Bucket",
        "AWS::S3::AccessPoint",
        "AWS::S3::MultiRegionAccessPoint",
        "AWS::S3ObjectLambda::AccessPoint",
        "AWS::DynamoDB::Table",
    }
)


@check("MISSING_VERSION", "WARNING")
def missing_version(policy: PolicyTree) -> Iterator[Problem]:
    """Report a document without Version, which reads as 2008-10-17 (policies.md 4.2)."""
    if policy.root is not None and policy.version is None:
        yield Problem(
            "The policy names no Version and is read as 2008-10-17, in which ${...} is plain text.",
            'Add "Version": "2012-10-17" as the first element.',
            (policy.at_start(),),
        )


@check("EMPTY_SID_VALUE", "SUGGESTION")
def empty_sid(policy: PolicyTree) -> Iterator[Problem]:
    """Report a Sid that says nothing."""
    for statement in policy.statements:
        sid = statement.sid
        if sid is not None and isinstance(sid.value, StringNode) and not sid.value.value:
            yield Problem(
                "The Sid is empty and names nothing.",
                "Give the statement a name of letters and digits, or leave Sid out.",
                (policy.at(sid.value),),
            )


@check("UNIQUE_SIDS_RECOMMENDED", "WARNING")
def repeated_sid(policy: PolicyTree) -> Iterator[Problem]:
    """Report the same Sid twice where AWS stores it nevertheless: in resource policies; elsewhere it is an error."""
    if policy.type is not PolicyType.RESOURCE or policy.is_trust_policy:
        return
    named: dict[str, list[StringNode]] = {}
    for statement in policy.statements:
        sid = statement.sid
        if sid is not None and isinstance(sid.value, StringNode) and sid.value.value:
            named.setdefault(sid.value.value, []).append(sid.value)
    for name, places in named.items():
        if len(places) > 1:
            yield Problem(
                f'{len(places)} statements are named "{name}", so that the name points at none of them.',
                f'Keep "{name}" for one of them and rename the others, such as "{name}2".',
                tuple(policy.at(place) for place in places[:MOST_TOLD]),
            )


@check("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", "WARNING")
def oversized_identity_policy(policy: PolicyTree) -> Iterator[Problem]:
    """More characters than any identity may hold inline; white space does not count (iam.md 2.2)."""
    if policy.type is not PolicyType.IDENTITY:
        return
    size = size_without_space(policy.source.text)
    if size > _IDENTITY_CHARACTERS:
        parts = -(-size // _MANAGED_CHARACTERS)
        yield Problem(
            f"The policy has {size} characters besides white space; a managed policy may have "
            f"{_MANAGED_CHARACTERS}, the inline policies of a role {_IDENTITY_CHARACTERS} in all.",
            f"Divide its statements among at least {parts} managed policies.",
            (policy.at_start(),),
        )


@check("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", "WARNING")
def oversized_trust_policy(policy: PolicyTree) -> Iterator[Problem]:
    """More characters than the default quota for trust policies (iam.md 2.2)."""
    if policy.resource_type != TRUST_POLICY or not policy.is_trust_policy:
        return
    size = size_without_space(policy.source.text)
    if size > _TRUST_CHARACTERS:
        yield Problem(
            f"The trust policy has {size} characters besides white space; the quota is {_TRUST_CHARACTERS} "
            "unless the account has had it raised.",
            "Trust an account instead of a list of its roles and users, divide the principals among several "
            "roles, or have the quota raised (to 4096 at most).",
            (policy.at_start(),),
        )


@check("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", "WARNING")
def oversized_resource_policy(policy: PolicyTree) -> Iterator[Problem]:
    """More bytes than the resource's service stores."""
    if policy.type is not PolicyType.RESOURCE or policy.resource_type not in _LIMITED_RESOURCES:
        return
    size = len(policy.source.text.encode("utf-8", "surrogatepass"))
    if size > _RESOURCE_BYTES:
        yield Problem(
            f"The policy has {size} bytes; a policy of {policy.resource_type} may have {_RESOURCE_BYTES}.",
            "Join statements that differ only in their principals or resources, and use wildcards or "
            "aws:PrincipalOrgID in place of long lists.",
            (policy.at_start(),),
        )


CHECKS = (
    missing_version,
    empty_sid,
    repeated_sid,
    oversized_identity_policy,
    oversized_trust_policy,
    oversized_resource_policy,
)
