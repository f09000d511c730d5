"""Findings in policy documents like those of Access Analyzer, each with its place and what to write instead."""

from understudy.policy.findings.finding import Finding, FindingType, PolicyType
from understudy.policy.findings.validate import validate_policy
from understudy.policy.language.positions import Location

__all__ = ["Finding", "FindingType", "Location", "PolicyType", "validate_policy"]
