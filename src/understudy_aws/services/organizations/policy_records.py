"""Records of an organization's policies, and AWS's two policies that allow everything."""

from __future__ import annotations

import json

from understudy_aws.core import arn as arns
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
# The types that limit what can be done, and what the policy engine calls them.
KINDS = {SCP: "scp", RCP: "rcp"}
# The types that say how accounts are managed: kept, checked and merged, and nothing here acts by them.
MANAGEMENT = (
    "AISERVICES_OPT_OUT_POLICY", "BACKUP_POLICY", "BEDROCK_POLICY", "CHATBOT_POLICY", "DECLARATIVE_POLICY_EC2",
    "GUARDDUTY_POLICY", "INSPECTOR_POLICY", "NETWORK_SECURITY_DIRECTOR_POLICY", "S3_POLICY", "SECURITYHUB_CSPM_POLICY",
    "SECURITYHUB_POLICY", "TAG_POLICY", "UPGRADE_ROLLOUT_POLICY",
)  # fmt: skip


class Policy(Record, frozen=True, kw_only=True):
    """A policy of an organization, or one of AWS's, which has no organization."""

    id: str
    type: str
    name: str
    content: str
    organization: str = ""
    management: str = "aws"
    description: str = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        place = "policy" if self.aws_managed else f"policy/{self.organization}"
        return arns.organizations(self.management, f"{place}/{self.type.lower()}/{self.id}")

    @property
    def aws_managed(self) -> bool:
        return not self.organization


policies = Table(
    "organizations/policy",
    Policy,
    key=lambda policy: (policy.organization, policy.id),
    indexes={"by_type": lambda policy: ((policy.organization, policy.type),)},
)

_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _everything(**statement: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**_ALL, **statement}]})


FULL_ACCESS = Policy(
    id="p-FullAWSAccess",
    type=SCP,
    name="FullAWSAccess",
    description="Allows access to every operation",
    content=_everything(),
)
RCP_FULL_ACCESS = Policy(
    id="p-RCPFullAWSAccess",
    type=RCP,
    name="RCPFullAWSAccess",
    description="Allows access to every resource",
    content=_everything(Principal="*"),
)
AWS_MANAGED = {policy.id: policy for policy in (FULL_ACCESS, RCP_FULL_ACCESS)}
# What everything in the tree begins with, once a type is enabled.
FIRST_OF_TYPE = {policy.type: policy.id for policy in AWS_MANAGED.values()}


def find(tx: Transaction, organization: str, id: str) -> Policy | None:
    """Return the policy of that id that an organization can see, or None."""
    return AWS_MANAGED.get(id) or policies.get(tx, organization, id)


def type_of(tx: Transaction, organization: str, id: str) -> str:
    """Return the type of a policy that is attached to something."""
    policy = find(tx, organization, id)
    assert policy is not None, "a policy that is attached cannot be deleted"
    return policy.type
