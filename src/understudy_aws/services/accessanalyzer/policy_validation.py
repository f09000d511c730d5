"""Policy validation: the problems of a policy document, their locations, and advice.

Two numbers are ours, for AWS documents none: a page has 100 findings by default, and a document has no more characters
than IAM takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import access_analyzer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import key_after, page
from understudy_aws.policy import (
    Finding,
    FindingType,
    IndexStep,
    KeyStep,
    Location,
    PathStep,
    PolicyType,
    Position,
    ValueStep,
)
from understudy_aws.policy import validate_policy as findings_in
from understudy_aws.services.accessanalyzer import errors

PAGE = 100
# As long as IAM's own operations take a document (PolicyDocument in its API reference).
LONGEST = 131_072
_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
# What the guide's anchors call the types of findings.
_KINDS = {
    FindingType.ERROR: "error",
    FindingType.SECURITY_WARNING: "security-warning",
    FindingType.WARNING: "general-warning",
    FindingType.SUGGESTION: "suggestion",
}


def everything_here(call: Call, _params: Params) -> Sequence[Target]:
    """Return the target of actions without resource: AWS's denials name the Region and the account, and `*`."""
    return [Target(access_analyzer(call.region, call.account, "*"))]


@operation("access-analyzer:ValidatePolicy", on=everything_here)
def validate_policy(
    _call: Call,
    *,
    policy_document: str,
    policy_type: str,
    validate_policy_resource_type: str | None = None,
    locale: str | None = None,  # noqa: ARG001 - there is one language here
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List the findings of a document in the order of their locations. Raises ValidationException.

    All locales of AWS are accepted; the findings are in English for each of them.
    """
    if validate_policy_resource_type is not None and policy_type != PolicyType.RESOURCE:
        # The text is AWS's own (awslabs/terraform-iam-policy-validator, pull request 23).
        raise errors.invalid_field("validatePolicyResourceType", "InvalidInput")
    if len(policy_document) > LONGEST:
        raise errors.invalid_field(
            "policyDocument", f"The policy document is longer than {LONGEST} characters."
        )
    if max_results is not None and max_results < 1:
        raise errors.invalid_field("maxResults", "maxResults must be at least 1.")
    scope = _scope(policy_document, policy_type, validate_policy_resource_type)
    first = _first(next_token, scope)
    findings = findings_in(policy_document, policy_type, validate_policy_resource_type)
    rest = list(enumerate(findings, 1))[first:]
    shown, token = page(rest, max_results or PAGE, lambda numbered: (str(numbered[0]),), scope)
    return {"findings": [_described(finding) for _, finding in shown], "nextToken": token}


def _scope(*question: str | None) -> str:
    """Return a digest of the question, for which alone a page token is valid."""
    asked = "\0".join(part or "" for part in question)
    return blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _first(token: str | None, scope: str) -> int:
    """Return how many findings the earlier pages showed."""
    if not token:
        return 0
    try:
        (shown,) = key_after(token, scope)
        return int(shown)
    except ValueError as error:
        raise errors.invalid_field("nextToken", "The token is not valid for this request.") from error


def _described(finding: Finding) -> Mapping[str, Any]:
    """Return a finding as answers show it. The advice is part of the details."""
    name = finding.issue_code.lower().replace("_", "-")
    anchor = f"access-analyzer-reference-policy-checks-{_KINDS[finding.finding_type]}-{name}"
    return {
        "findingDetails": f"{finding.details} {finding.instead}".rstrip(),
        "findingType": finding.finding_type.value,
        "issueCode": finding.issue_code,
        "learnMoreLink": f"{_GUIDE}#{anchor}",
        "locations": [_located(location) for location in finding.locations],
    }


def _located(location: Location) -> Mapping[str, Any]:
    return {
        "path": [_step(element) for element in location.path],
        "span": {"start": _placed(location.span.start), "end": _placed(location.span.end)},
    }


def _step(element: PathStep) -> Mapping[str, Any]:
    if isinstance(element, IndexStep):
        return {"index": element.index}
    if isinstance(element, ValueStep):
        return {"value": element.value}
    if isinstance(element, KeyStep):
        return {"key": element.key}
    return {"substring": {"start": element.start, "length": element.length}}


def _placed(position: Position) -> Mapping[str, int]:
    """Return a position as answers show it. Columns count from 0."""
    return {"line": position.line, "column": position.column - 1, "offset": position.offset}
