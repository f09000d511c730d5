"""Findings in policy documents like those of Access Analyzer, each with its place and what to write instead."""

from understudy_aws.policy.findings.finding import Finding, FindingType, PolicyType
from understudy_aws.policy.findings.validate import validate_policy
from understudy_aws.policy.language.positions import Location

__all__ = ["Finding", "FindingType", "Location", "PolicyType", "validate_policy"]
