"""The set of checks as a whole: what they are, and that no document is too much for them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.data import managed_policies
from understudy_aws.policy.findings import FindingType, PolicyType, validate_policy
from understudy_aws.policy.findings.advice import CHECKS
from understudy_aws.policy.findings.finding import RESOURCE_TYPES

TYPES = {
    "SECURITY_WARNING": [
        "ALLOW_WITH_NOT_PRINCIPAL",
        "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "FORALLVALUES_WITH_SINGLE_VALUED_KEY",
        "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
        "MISSING_GITHUB_REPO_CONDITION_KEY",
        "MISSING_PAIRED_CONDITION_KEYS",
        "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        "PASS_ROLE_WITH_NOT_RESOURCE",
        "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
        "PASS_ROLE_WITH_STAR_IN_RESOURCE",
        "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
        "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS",
    ],
    "WARNING": [
        "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        "CREATE_SLR_WITH_NOT_RESOURCE",
        "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
        "CREATE_SLR_WITH_STAR_IN_RESOURCE",
        "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        "DEPRECATED_GLOBAL_CONDITION_KEY",
        "INVALID_DATE_VALUE",
        "INVALID_ROLE_REFERENCE",
        "INVALID_USER_REFERENCE",
        "MISSING_VERSION",
        "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA",
        "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA",
        "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA",
        "RCP_IS_MISSING_RELATED_PRINCIPAL_CONDITION_KEY",
        "RCP_IS_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY",
        "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
        "TYPE_MISMATCH",
        "TYPE_MISMATCH_BOOLEAN",
        "TYPE_MISMATCH_DATE",
        "TYPE_MISMATCH_NUMBER",
        "TYPE_MISMATCH_STRING",
        "UNIQUE_SIDS_RECOMMENDED",
        "WILDCARD_WITHOUT_LIKE_OPERATOR",
    ],
    "SUGGESTION": [
        "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "CONFIRM_AUDIENCE_CLAIM_TYPE",
        "EMPTY_ARRAY_ACTION",
        "EMPTY_ARRAY_CONDITION",
        "EMPTY_ARRAY_CONDITION_FORALLVALUES",
        "EMPTY_ARRAY_CONDITION_FORANYVALUE",
        "EMPTY_ARRAY_CONDITION_IFEXISTS",
        "EMPTY_ARRAY_PRINCIPAL",
        "EMPTY_ARRAY_RESOURCE",
        "EMPTY_OBJECT_CONDITION",
        "EMPTY_OBJECT_PRINCIPAL",
        "EMPTY_SID_VALUE",
        "EQUIVALENT_TO_NULL_FALSE",
        "EQUIVALENT_TO_NULL_TRUE",
        "IMPROVE_IP_RANGE",
        "IRRELEVANT_CONDITION_KEY_IN_POLICY",
        "NULL_WITH_QUALIFIER",
        "PRIVATE_IP_ADDRESS_SUBSET",
        "PRIVATE_NOT_IP_ADDRESS_SUBSET",
        "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        "REDUNDANT_ACTION",
        "REDUNDANT_CONDITION_VALUE_NUM",
        "REDUNDANT_RESOURCE",
        "REDUNDANT_STATEMENT",
        "ROLE_TRUST_POLICY_REDUNDANT_PRINCIPAL",
        "WILDCARD_IN_SERVICE_NAME",
    ],
}


@pytest.mark.parametrize("finding_type", TYPES)
def test_the_codes_are_those_of_the_guide(finding_type):
    """Page "IAM policy validation check reference" of the IAM guide, and recorded answers for newer ones."""
    codes = sorted(check.issue_code for check in CHECKS if check.finding_type == finding_type)
    assert TYPES[finding_type] == codes


def test_every_managed_policy_is_checked_and_few_are_warned_of():
    """A check that warns of many of AWS's own policies would be wrong: AWS's warns of a few dozen."""
    warned: dict[FindingType, set[str]] = {each: set() for each in FindingType}
    for policy in managed_policies.everything():
        for finding in validate_policy(policy.document, PolicyType.IDENTITY):
            warned[finding.finding_type].add(policy.name)
    shares = {
        each: len(names) / len(managed_policies.everything()) for each, names in warned.items() if names
    }
    assert shares[FindingType.SECURITY_WARNING] < 0.02
    assert shares[FindingType.WARNING] < 0.06
    assert shares[FindingType.SUGGESTION] < 0.10


# Names that the checks look for, so that arbitrary documents come near to policies.
KEYS = st.sampled_from(
    [
        "Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource",
        "Principal", "NotPrincipal", "Condition", "AWS", "Service", "Federated", "StringLike", "StringNotLike",
        "StringEquals", "ForAllValues:StringEquals", "ForAnyValue:Null", "Null", "Bool", "IpAddress",
        "NotIpAddress", "NumericLessThan", "DateLessThan", "BinaryEquals", "ArnLike", "StringEqualsIfExists",
        "aws:SourceIp", "aws:VpcSourceIp", "aws:ResourceTag/a", "aws:TagKeys", "aws:CurrentTime",
        "aws:PrincipalOrgID", "aws:SourceArn", "s3:ResourceAccount", "iam:PassedToService", "aws:ARN",
        "token.actions.githubusercontent.com:sub", "token.actions.githubusercontent.com:aud",
    ]
)  # fmt: skip
TEXTS = st.sampled_from(
    [
        "", "*", "Allow", "Deny", "2012-10-17", "s3:GetObject", "s3:*", "iam:*", "iam:PassRole", "*:*", "?",
        "iam:CreateServiceLinkedRole", "logs:PutResourcePolicy", "arn:aws:iam::*:role/*", "arn:aws:s3:::b/*",
        "arn:aws:*:*:*:*", "10.0.0.0/8", "203.0.113.7/24", "2001:db8::1/32", "true", "1893456000", "2021", "7",
        "AROAEXAMPLEROLEID1234", "sns.amazonaws.com", "${aws:username}", "${", "\ue000", "é😀", ":", "::::::",
        "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com", "repo:a/b:*",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)
ELEMENTS = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
STATEMENTS = st.dictionaries(KEYS, ELEMENTS, max_size=6)
POLICY_TYPES = st.sampled_from(list(PolicyType))
RESOURCES = st.none() | st.sampled_from(RESOURCE_TYPES)


def check_locations(text: str, policy_type: PolicyType, resource_type: str | None) -> None:
    for finding in validate_policy(text, policy_type, resource_type):
        assert finding.details
        assert finding.locations
        for location in finding.locations:
            start, end = location.span.start.offset, location.span.end.offset
            assert 0 <= start <= end <= len(text)


@given(DOCUMENTS, POLICY_TYPES, RESOURCES)
def test_no_document_makes_a_check_raise(document, policy_type, resource_type):
    check_locations(json.dumps(document), policy_type, resource_type)


@settings(max_examples=300)
@given(st.lists(STATEMENTS, max_size=3), POLICY_TYPES, RESOURCES)
def test_no_statement_makes_a_check_raise(statements, policy_type, resource_type):
    check_locations(
        json.dumps({"Version": "2012-10-17", "Statement": statements}), policy_type, resource_type
    )


@given(st.text(max_size=200), POLICY_TYPES)
def test_no_text_makes_a_check_raise(text, policy_type):
    check_locations(text, policy_type, None)


def test_a_thousand_values_are_checked():
    """Checks that compared each value with each would take minutes."""
    shapes = ("s3:*Get{0}*", "s3:?et{0}", "arn:aws:s3:::bucket{0}/*/x*", "arn:aws:s*{0}:*:*:x*{0}")
    values = [shape.format(number) for shape in shapes for number in range(130)]
    statement = {"Effect": "Allow", "Action": values, "Resource": values}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    codes = {finding.issue_code for finding in validate_policy(text, PolicyType.IDENTITY)}
    assert {"POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", "REDUNDANT_ACTION"} <= codes
