"""Records of customers' managed policies; look-up and checks of all managed policies."""

from __future__ import annotations

from datetime import datetime

import msgspec

from understudy_aws.core import arn as arns
from understudy_aws.core.arn import iam
from understudy_aws.data import managed_policies
from understudy_aws.gateway.call import Call
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class PolicyVersion(msgspec.Struct, frozen=True):
    """A version of a policy, such as `v1`."""

    id: str
    document: str
    created: datetime


class Policy(Record, frozen=True, kw_only=True):
    """A managed policy of a customer. `next_version` only grows, so that no version id is used twice."""

    account: str
    name: str
    id: str
    created: datetime
    updated: datetime
    versions: tuple[PolicyVersion, ...]
    path: str = "/"
    description: str | None = None
    default_version: str = "v1"
    next_version: int = 2
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam(self.account, f"policy{self.path}{self.name}")

    def version(self, id: str) -> PolicyVersion | None:
        return next((version for version in self.versions if version.id == id), None)


policies = Table(
    "iam/policy",
    Policy,
    key=lambda policy: (policy.account, policy.name.lower()),
    indexes={"by_account": lambda policy: (policy.account,)},
)

# What stands for an account in the ARNs of permissions boundaries of products.
PARTNER = "partner"

AnyPolicy = Policy | managed_policies.ManagedPolicy


def find(tx: Transaction, arn: str) -> AnyPolicy | None:
    """Return the policy of that ARN, of any account or of AWS, or None."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam" or parsed.partition != arns.PARTITION:
        return None
    if parsed.account == "aws":
        return managed_policies.find(arn)
    policy = policies.get(tx, parsed.account, parsed.resource.rpartition("/")[2].lower())
    return policy if policy is not None and policy.arn == arn else None


def document_of(tx: Transaction, arn: str) -> str | None:
    """Return the document of the default version of the policy of that ARN, or None."""
    policy = find(tx, arn)
    if policy is None:
        return None
    return default_document(policy) if isinstance(policy, Policy) else policy.document


def default_document(policy: Policy) -> str:
    """Return the document of a policy's default version."""
    version = policy.version(policy.default_version)
    assert version is not None, "the default version cannot be deleted"
    return version.document


def well_formed(arn: str) -> arns.Arn:
    """Parse an ARN. Raises ValidationError for anything else, and for an ARN of another partition (iam.md 2.4)."""
    parsed = arns.parse(arn)
    if parsed is None:
        raise errors.validation("Invalid ARN:  Could not be parsed!")
    if parsed.partition != arns.PARTITION:
        raise errors.validation("Invalid ARN partition")
    return parsed


def check_attachable(call: Call, arn: str, called: str) -> None:
    """Raise unless the policy exists and can be attached to a `called`: user, group or role (iam.md 2.4)."""
    _check(call, arn, called, errors.not_attachable_unknown)


def check_boundary(call: Call, arn: str, called: str) -> None:
    """Raise unless the policy exists and can be a boundary. The text is the one that AWS's clients were shown.

    Those that products of partners have registered are for the roles of every account (delegation.md 38.2).
    """
    policy = find(call.tx, arn)
    if isinstance(policy, Policy) and policy.account == PARTNER and called == "role":
        return
    _check(call, arn, called, errors.no_such_boundary_policy)


def _check(call: Call, arn: str, called: str, unknown: errors.About) -> None:
    well_formed(arn)
    policy = find(call.tx, arn)
    if policy is None or (isinstance(policy, Policy) and policy.account != call.account):
        raise unknown(arn)
    if isinstance(policy, managed_policies.ManagedPolicy) and managed_policies.is_reserved(policy):
        raise errors.reserved_policy(called)
