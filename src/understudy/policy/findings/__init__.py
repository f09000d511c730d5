"""Findings in policy documents like those of Access Analyzer, each with its place and what to write instead."""

from understudy.policy.findings.finding import Finding, FindingType, Location, PolicyType
from understudy.policy.findings.validate import validate_policy

__all__ = ["Finding", "FindingType", "Location", "PolicyType", "validate_policy"]
