"""What ValidatePolicy answered of AWS's managed policies, where their documents have not changed since.

The answers are public: they are recorded with every change of a managed policy. Only the findings of the three
types of this package are here, by code, each place as the path of a location.
"""

from __future__ import annotations

import pytest

from understudy_aws.data import managed_policies
from understudy_aws.policy.findings import FindingType, validate_policy

NULL = "EQUIVALENT_TO_NULL_FALSE"
PASS_ROLE = "PASS_ROLE_WITH_STAR_IN_RESOURCE"
CREATE_SLR = "CREATE_SLR_WITH_STAR_IN_RESOURCE"
ALL_ROLES = "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"
ALL_LINKED = "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE"
STRING_LIKE = "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"
TAGLESS = "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"
SIZE = "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"


def like(operator: str, *places: tuple[int, str]) -> list[list[str]]:
    """One finding for each (statement, key)."""
    return [[f"Statement {statement} Condition {operator} {key}"] for statement, key in places]


def at(statement: int, *elements: str) -> list[str]:
    """One finding in several elements of a statement."""
    return [f"Statement {statement} {element}" for element in elements]


RECORDED: dict[str, dict[str, list[list[str]]]] = {
    "AdministratorAccess": {
        ALL_LINKED: [at(0, "Action", "Resource")],
        ALL_ROLES: [at(0, "Action", "Resource")],
    },
    "AWSMcpServiceActionsFullAccess": {
        ALL_LINKED: [at(0, "Action", "Resource")],
        ALL_ROLES: [at(0, "Action", "Resource")],
    },
    "IAMFullAccess": {
        ALL_LINKED: [at(0, "Action 0", "Resource")],
        ALL_ROLES: [at(0, "Action 0", "Resource")],
    },
    "PowerUserAccess": {CREATE_SLR: [at(1, "Action 4", "Resource")]},
    "AWSOrganizationsServiceTrustPolicy": {CREATE_SLR: [at(1, "Action 0", "Resource")]},
    "AlexaForBusinessFullAccess": {CREATE_SLR: [at(1, "Action 0", "Resource")]},
    "AdministratorAccess-Amplify": {
        SIZE: [[""]],
        PASS_ROLE: [
            at(1, "Action 14", "Resource"),
            at(2, "Action 60", "Resource"),
            at(7, "Action 24", "Resource"),
        ],
        CREATE_SLR: [at(7, "Action 21", "Resource")],
    },
    "AmazonElasticMapReduceRole": {PASS_ROLE: [at(0, "Action 48", "Resource")]},
    "AmazonElasticMapReduceFullAccess": {
        PASS_ROLE: [at(0, "Action 36", "Resource")],
        "REDUNDANT_ACTION": [at(0, "Action 16", "Action 23")],
    },
    "AmazonDynamoDBFullAccesswithDataPipeline": {PASS_ROLE: [at(3, "Action 1", "Resource 0")]},
    "AWSProtonCodeBuildProvisioningServiceRolePolicy": {PASS_ROLE: [at(2, "Action", "Resource")]},
    "AWSElasticBeanstalkService": {
        "REDUNDANT_RESOURCE": [at(3, "Resource 0", "Resource 1")],
        PASS_ROLE: [at(6, "Action 73", "Resource 0")],
    },
    "AWSServiceRoleForAmazonEKSNodegroup": {
        PASS_ROLE: [at(7, "Action", "Resource")],
        NULL: like(
            "StringLike",
            (0, "ec2:ResourceTag/eks"),
            (1, "ec2:ResourceTag/eks:nodegroup-name"),
            (2, "ec2:ResourceTag/eks:nodegroup-name"),
            (11, "ec2:ResourceTag/eks:nodegroup-name"),
        ),
    },
    "AWSServiceRoleForSMS": {STRING_LIKE: like("StringLike", (15, "iam:AssociatedResourceArn"))},
    "AWSBatchFullAccess": {"REDUNDANT_ACTION": [at(0, "Action 9", "Action 10")]},
    "SystemAdministrator": {"REDUNDANT_ACTION": [at(0, "Action 28", "Action 31")]},
    "AWSElementalMediaConnectCreateBridge": {
        "REDUNDANT_RESOURCE": [at(0, "Resource 0", "Resource 1", "Resource 2")]
    },
    "AWSDeepLensLambdaFunctionAccessPolicy": {"REDUNDANT_RESOURCE": [at(0, "Resource 0", "Resource 1")]},
    "AmazonCodeGuruReviewerServiceRolePolicy": {"REDUNDANT_RESOURCE": [at(3, "Resource 0", "Resource 1")]},
    "AWSDeadlineCloud-UserAccessFarms": {
        "TYPE_MISMATCH": like(
            "ArnLike",
            (8, "kms:EncryptionContext:aws:sso:instance-arn"),
            (9, "kms:EncryptionContext:aws:identitystore:identitystore-arn"),
        )
    },
    "AWSSystemsManagerJustInTimeAccessServicePolicy": {
        "TYPE_MISMATCH": like(
            "ArnLike",
            (13, "kms:EncryptionContext:aws:sso:instance-arn"),
            (14, "kms:EncryptionContext:aws:identitystore:identitystore-arn"),
        )
    },
    "AWSSSMForSAPServiceLinkedRolePolicy": {
        "TYPE_MISMATCH": like("ArnLike", (27, "aws:RequestTag/awsApplication"))
    },
    "S3UnlockBucketPolicy": {STRING_LIKE: like("StringNotLike", (1, "aws:PrincipalArn"))},
    "AWSCodePipeline_FullAccess": {
        STRING_LIKE: like("StringLike", (6, "codestar-notifications:NotificationsForResource"))
    },
    "AmazonSecurityLakeAdministrator": {
        STRING_LIKE: like("StringLikeIfExists", (9, "ram:ResourceArn"))
        + like("StringLike", *((each, "iam:AssociatedResourceARN") for each in (12, 13, 14, 15, 16, 18, 19)))
    },
    "AmazonEKSLoadBalancingPolicy": {
        TAGLESS: [at(8, "Action 13", "Condition StringEquals aws:ResourceTag/eks:eks-cluster-name")]
    },
    "AWSSSODirectoryAdministrator": {
        NULL: like("StringLike", (1, "kms:EncryptionContext:aws:identitystore:identitystore-arn"))
    },
    "AWSSSOReadOnly": {NULL: like("StringLike", (1, "kms:EncryptionContext:aws:sso:instance-arn"))},
    "AWSCloud9User": {NULL: like("StringLike", (5, "ssm:resourceTag/aws:cloud9:environment"))},
    "AWSEC2VssSnapshotPolicy": {
        NULL: like(
            "StringLike",
            (1, "aws:RequestTag/AwsVssConfig"),
            (4, "aws:RequestTag/AwsVssConfig"),
            (7, "ec2:ResourceTag/AwsVssConfig"),
        )
    },
    "AmazonEBSCSIDriverPolicy": {
        NULL: like(
            "StringLike",
            (8, "aws:RequestTag/CSIVolumeName"),
            (10, "ec2:ResourceTag/CSIVolumeName"),
            (11, "ec2:ResourceTag/kubernetes.io/created-for/pvc/name"),
            (12, "aws:RequestTag/CSIVolumeSnapshotName"),
            (14, "ec2:ResourceTag/CSIVolumeSnapshotName"),
        )
    },
    "AmazonECSServiceRolePolicy": {NULL: like("StringLike", (14, "aws:RequestTag/AmazonECSManaged"))},
    "AmazonEKSServiceRolePolicy": {
        NULL: like(
            "StringLike", *((each, "aws:ResourceTag/eks:eks-cluster-name") for each in (13, 19, 21, 22, 23))
        )
    },
    "AmazonGuardDutyServiceRolePolicy": {NULL: like("StringLike", (7, "aws:RequestTag/GuardDutyManaged"))},
    "AWSQuickSetupPatchPolicyPermissionsBoundary": {
        NULL: like("StringLike", *((each, "aws:PrincipalTag/QuickSetupManagerID") for each in (2, 4)))
    },
    "AWSElasticBeanstalkEKSTagging": {
        NULL: like(
            "StringLike",
            (0, "aws:RequestTag/eks:kubernetes-node-class-name"),
            (0, "aws:RequestTag/eks:kubernetes-node-pool-name"),
            (2, "aws:RequestTag/eks:kubernetes-cni-node-name"),
        )
    },
    "AWSBackupAccessPointOperatorAccess": {
        NULL: like("StringLike", (4, "kms:EncryptionContext:aws:backup:backup-vault"))
    },
    "AppRunnerNetworkingServiceRolePolicy": {
        NULL: like("StringLike", (2, "aws:RequestTag/AWSAppRunnerManaged"))
    },
    "AmazonMSKFullAccess": {
        NULL: like("StringLike", (2, "aws:RequestTag/ClusterArn"), (4, "ec2:ResourceTag/ClusterArn"))
    },
    "AWSEC2FleetServiceRolePolicy": {NULL: like("StringLike", (5, "ec2:ResourceTag/aws:ec2:fleet-id"))},
    "AmazonRDSCustomInstanceProfileRolePolicy": {
        "TYPE_MISMATCH": like(
            "ArnLike", (18, "kms:EncryptionContext:SecretARN"), (19, "kms:EncryptionContext:aws:s3:arn")
        )
    },
    "FMSServiceRolePolicy": {SIZE: [[""]], NULL: like("StringLike", (14, "aws:ResourceTag/FMManaged"))},
    "AIOpsAssistantPolicy": {
        SIZE: [[""]],
        "TYPE_MISMATCH": like("StringEquals", (1, "aws:ViaAWSService")),
        "REDUNDANT_RESOURCE": [
            at(2, *(f"Resource {each}" for each in range(1, 8))),
            at(2, *(f"Resource {each}" for each in range(9, 16))),
        ],
    },
    "AWSMigrationHubOrchestratorConsoleFullAccess": {
        "REDUNDANT_RESOURCE": [at(2, "Resource 0", "Resource 1")]
    },
    "NeptuneConsoleFullAccess": {
        "REDUNDANT_ACTION": [
            at(2, f"Action {first}", f"Action {first + 1}") for first in (22, 24, 27, 36, 38, 40, 43)
        ]
    },
    # Recorded with errors only, or in a run over all policies that found nothing.
    "AWSAuditManagerServiceRolePolicy": {},
    "AWSCodeStarFullAccess": {},
    "AmazonDataZoneGlueManageAccessRolePolicy": {},
    "AWSIAMIdentityCenterAllowListForIdentityContext": {},
}


def path(location) -> str:
    steps = (getattr(step, step.__slots__[0]) for step in location.path)
    return " ".join(str(step) for step in steps)


@pytest.mark.parametrize("name", RECORDED)
def test_the_findings_are_those_that_aws_gave(name):
    policy = managed_policies.find(name)
    assert policy is not None
    found: dict[str, list[list[str]]] = {}
    for finding in validate_policy(policy.document, "IDENTITY_POLICY"):
        if finding.finding_type is not FindingType.ERROR:
            paths = [path(location) for location in finding.locations]
            found.setdefault(finding.issue_code, []).append(paths)
    assert {code: sorted(places) for code, places in RECORDED[name].items()} == {
        code: sorted(places) for code, places in found.items()
    }
