"""Everything that can be said of a policy document, as Access Analyzer's ValidatePolicy says it."""

from __future__ import annotations

from understudy.policy.findings.checks import checks
from understudy.policy.findings.finding import Finding, FindingType, PolicyType
from understudy.policy.findings.tree import PolicyTree
from understudy.policy.language.json_text import JsonSyntaxError, JsonText

_SEVERITY = {finding_type: number for number, finding_type in enumerate(FindingType)}


def validate_policy(
    text: str | bytes, policy_type: PolicyType | str, resource_type: str | None = None
) -> tuple[Finding, ...]:
    """The findings of a document of this type, by their place in it, the worst first.

    `policy_type` is a PolicyType or its AWS name; `resource_type` is what the policy is attached to, such as
    `AWS::IAM::AssumeRolePolicyDocument`, and matters to resource policies only. Codes and types are those of
    the page "IAM policy validation check reference" in the IAM guide; sentences are this module's own. Never
    raises for a text, whatever it holds; raises ValueError for a policy type that is none.
    """
    kind = PolicyType(policy_type)
    try:
        source = JsonText(text)
    except JsonSyntaxError as error:
        return (_syntax_error(error),)
    policy = PolicyTree(source, kind, resource_type)
    found = [finding for check in checks() for finding in check.findings(policy)]
    return tuple(sorted(found, key=_order))


def likely_kind(text: str | bytes) -> str:
    """What kind of policy a document most likely is: "identity", "resource" or "trust".

    A statement with principals makes it a resource policy, and if it speaks of STS alone a trust policy.
    """
    try:
        policy = PolicyTree(JsonText(text), PolicyType.RESOURCE, None)
    except JsonSyntaxError:
        return "identity"
    if not any(statement.principals for statement in policy.statements):
        return "identity"
    return "trust" if policy.is_trust_policy else "resource"


def _syntax_error(error: JsonSyntaxError) -> Finding:
    return Finding(
        "JSON_SYNTAX_ERROR",
        FindingType.ERROR,
        f"This is not JSON: {error.message}.",
        "Write the document as JSON: double quotes around every key and string, commas between members, none "
        "after the last one, and no comments.",
        (error.location,),
    )


def _order(finding: Finding) -> tuple[int, int, str]:
    start = finding.locations[0].span.start.offset
    return start, _SEVERITY[finding.finding_type], finding.issue_code
