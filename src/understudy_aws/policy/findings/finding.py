"""Findings, in the shapes of Access Analyzer's ValidatePolicy."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from understudy_aws.policy.language.positions import Location


class PolicyType(StrEnum):
    """The kinds of policy that ValidatePolicy tells apart."""

    IDENTITY = "IDENTITY_POLICY"
    RESOURCE = "RESOURCE_POLICY"
    SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"
    RESOURCE_CONTROL = "RESOURCE_CONTROL_POLICY"


class FindingType(StrEnum):
    """How much a finding matters, the worst first."""

    ERROR = "ERROR"
    SECURITY_WARNING = "SECURITY_WARNING"
    WARNING = "WARNING"
    SUGGESTION = "SUGGESTION"


TRUST_POLICY = "AWS::IAM::AssumeRolePolicyDocument"
# What `validatePolicyResourceType` may be (ValidatePolicy in the API reference of Access Analyzer).
RESOURCE_TYPES = (
    "AWS::S3::Bucket",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
    "AWS::S3ObjectLambda::AccessPoint",
    TRUST_POLICY,
    "AWS::DynamoDB::Table",
)


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong or could be better.

    `details` says in a sentence what is wrong, `instead` what to write in its place ("" when nothing can be
    said); `locations` holds at least one place.
    """

    issue_code: str
    finding_type: FindingType
    details: str
    instead: str
    locations: tuple[Location, ...]
