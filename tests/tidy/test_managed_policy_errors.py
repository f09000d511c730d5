"""What is found wrong in AWS's own managed policies: all of it is written down, with the reason."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from understudy_aws.data import managed_policies
from understudy_aws.policy.findings import FindingType, validate_policy

GOLDEN = Path(__file__).parent.parent / "golden" / "managed_policy_errors.txt"
REASONS = {
    "INVALID_ACTION": "no catalogue and no API description has it: of the console alone, not yet published, or gone",
    "INVALID_ARN_RESOURCE": "a resource type newer than the catalogue, or an ARN that AWS wrote down wrongly",
    "INVALID_GLOBAL_CONDITION_KEY": "a key that AWS no longer describes",
    "INVALID_SERVICE": "a service newer than the catalogue, not published, or gone",
    "INVALID_SERVICE_CONDITION_KEY": "a key newer than the catalogue",
    "INVALID_SERVICE_IN_ACTION": "a service newer than the catalogue, not published, or gone",
    "MISSING_ARN_ACCOUNT": "AWS's own omission: the statement allows nothing",
    "MISSING_QUALIFIER": "a plain operator on a key that the catalogue types as a list",
    "UNSUPPORTED_ACTION_FOR_CONDITION_KEY": "AWS's own mistake, or a grant newer than the catalogue",
}


def test_every_error_in_a_managed_policy_is_written_down_with_its_reason(request):
    """A change here is a line in this file's difference (`--update-golden` writes it)."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for policy in managed_policies.everything():
        document = policy.document
        for finding in validate_policy(document, "IDENTITY_POLICY"):
            if finding.finding_type is FindingType.ERROR:
                span = finding.locations[0].span
                found[finding.issue_code][policy.name].append(document[span.start.offset : span.end.offset])
    lines: list[str] = []
    for code in sorted(found):
        lines.append(f"{code}: {REASONS[code]}")
        lines.extend(
            f"  {name}: {', '.join(sorted(set(texts)))}" for name, texts in sorted(found[code].items())
        )
    text = "\n".join(lines) + "\n"
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text
