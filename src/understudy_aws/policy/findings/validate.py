"""All findings in a policy document, in the shapes of Access Analyzer's ValidatePolicy."""

from __future__ import annotations

from understudy_aws.policy.findings.checks import checks, checks_beyond_aws, form_checks
from understudy_aws.policy.findings.finding import Finding, FindingType, PolicyType
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.document import MAX_DOCUMENT
from understudy_aws.policy.language.json_text import JsonSyntaxError, JsonText
from understudy_aws.policy.language.positions import Location, Position, Span

# The most values and keys, and the most resources, of a document that is checked whole. AWSSupportServiceRolePolicy,
# the longest that AWS ships, has 4,637 values and keys; a resource is compared with a hundred types of its service.
MAX_CHECKED = 6_000
MAX_CHECKED_RESOURCES = 1_000

# What the guide calls a document beyond the quota of its kind.
_SIZE_CODES = {
    PolicyType.IDENTITY: ("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", FindingType.WARNING),
    PolicyType.RESOURCE: ("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", FindingType.WARNING),
    PolicyType.SERVICE_CONTROL: ("POLICY_SIZE_EXCEEDS_SCP_QUOTA", FindingType.ERROR),
    PolicyType.RESOURCE_CONTROL: ("POLICY_SIZE_EXCEEDS_RCP_QUOTA", FindingType.ERROR),
}
_SEVERITY = {finding_type: number for number, finding_type in enumerate(FindingType)}


def validate_policy(
    text: str | bytes,
    policy_type: PolicyType | str,
    resource_type: str | None = None,
    *,
    beyond_aws: bool = False,
) -> tuple[Finding, ...]:
    """Return the findings of a document of this type, by their place in it, the worst first.

    `policy_type` is a PolicyType or its AWS name; `resource_type` is what the policy is attached to, such as
    `AWS::IAM::AssumeRolePolicyDocument`, and matters to resource policies only. Codes and types are those of
    the page "IAM policy validation check reference" in the IAM guide; sentences are this module's own. With
    `beyond_aws` there are findings too that Access Analyzer does not give (decision 0018).

    A document of more than MAX_CHECKED values or MAX_CHECKED_RESOURCES resources is checked for its form and size
    alone, and one of more than MAX_DOCUMENT characters is not read. Never raises for a text, whatever it holds; raises
    ValueError for a policy type that does not exist.
    """
    kind = PolicyType(policy_type)
    if len(text) > MAX_DOCUMENT:
        return (_too_long(len(text), kind),)
    try:
        source = JsonText(text)
    except JsonSyntaxError as error:
        return (_syntax_error(error),)
    policy = PolicyTree(source, kind, resource_type)
    asked = checks() if _can_be_checked(policy) else form_checks()
    if beyond_aws and asked is checks():
        asked += checks_beyond_aws()
    found = [finding for check in asked for finding in check.findings(policy)]
    return tuple(sorted(found, key=_order))


def likely_kind(text: str | bytes) -> str:
    """Return what kind of policy a document most likely is: "identity", "resource" or "trust".

    A statement with principals makes it a resource policy, and if it speaks of STS alone a trust policy.
    """
    try:
        policy = PolicyTree(JsonText(text), PolicyType.RESOURCE, None)
    except JsonSyntaxError:
        return "identity"
    if not any(statement.principals for statement in policy.statements):
        return "identity"
    return "trust" if policy.is_trust_policy else "resource"


def _can_be_checked(policy: PolicyTree) -> bool:
    resources = (element for statement in policy.statements for element in statement.resources)
    return (
        policy.source.node_count() <= MAX_CHECKED
        and sum(len(element.texts) for element in resources) <= MAX_CHECKED_RESOURCES
    )


def _too_long(size: int, kind: PolicyType) -> Finding:
    code, finding_type = _SIZE_CODES[kind]
    start = Position(1, 1, 0)
    return Finding(
        code,
        finding_type,
        f"The document has {size} characters, more than the {MAX_DOCUMENT} that are read.",
        "Divide it into several policies.",
        (Location((), Span(start, start)),),
    )


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
