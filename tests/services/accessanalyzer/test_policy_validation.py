"""ValidatePolicy through boto3 (Access Analyzer API reference, ValidatePolicy)."""

from __future__ import annotations

import json

import pytest
from refusals import refused

from understudy_aws.policy.findings import validate_policy

LINK = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
WRONG_ACTION = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjekt"], "Resource": "*"}
  ]
}"""
FINE = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}}'


@pytest.fixture
def analyzer(understudy):
    return understudy.client("accessanalyzer")


def findings(analyzer, document, kind="IDENTITY_POLICY", **more):
    answer = analyzer.validate_policy(policyDocument=document, policyType=kind, **more)
    return answer["findings"]


def many(count: int) -> str:
    """A document with at least so many findings."""
    statements = [
        {"Effect": "Allow", "Action": f"s3:Nothing{number}", "Resource": "*"} for number in range(count)
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_finding_says_what_where_and_what_instead(analyzer):
    """The shape recorded of AWS: path of values, keys and indexes; lines from 1, columns and offsets from 0."""
    (found,) = [one for one in findings(analyzer, WRONG_ACTION) if one["issueCode"] == "INVALID_ACTION"]
    offset = WRONG_ACTION.index('"s3:GetObjekt"')
    column = WRONG_ACTION.splitlines()[3].index('"s3:GetObjekt"')
    start = {"line": 4, "column": column, "offset": offset}
    path = [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 1}]
    assert ("ERROR", f"{LINK}#access-analyzer-reference-policy-checks-error-invalid-action") == (
        found["findingType"],
        found["learnMoreLink"],
    )
    end = {"line": 4, "column": column + 14, "offset": offset + 14}
    assert [{"path": path, "span": {"start": start, "end": end}}] == found["locations"]
    assert "s3:GetObject" in found["findingDetails"]


def test_findings_are_the_engines_own_in_its_order(analyzer):
    document = many(7)
    expected = [
        (one.issue_code, one.finding_type.value, f"{one.details} {one.instead}".rstrip())
        for one in validate_policy(document, "IDENTITY_POLICY")
    ]
    told = [
        (one["issueCode"], one["findingType"], one["findingDetails"]) for one in findings(analyzer, document)
    ]
    assert len(told) >= 7
    assert expected == told


def test_a_document_without_fault_has_no_findings(analyzer):
    assert [] == findings(analyzer, FINE)


@pytest.mark.parametrize("document", ["", "{", "null", "\x01", "ü" * 1000])
def test_what_is_no_json_is_a_finding_and_no_refusal(analyzer, document):
    assert "ERROR" in {one["findingType"] for one in findings(analyzer, document)}


def test_a_character_that_no_text_holds_is_refused(analyzer):
    with refused("SerializationException"):
        findings(analyzer, "\x00")


def test_a_document_longer_than_iam_takes_one_is_refused(analyzer):
    """API reference of IAM: a PolicyDocument has at most 131,072 characters."""
    longest = FINE + " " * (131_072 - len(FINE))
    assert "JSON_SYNTAX_ERROR" not in {one["issueCode"] for one in findings(analyzer, longest)}
    with refused("ValidationException", "The policy document is longer than 131072 characters.", 400):
        findings(analyzer, f"{longest} ")


def test_every_locale_is_taken_and_answered_in_english(analyzer):
    locales = ("DE", "EN", "ES", "FR", "IT", "JA", "KO", "PT_BR", "ZH_CN", "ZH_TW")
    told = [findings(analyzer, WRONG_ACTION, locale=locale) for locale in locales]
    assert all(one == told[0] for one in told)


def test_the_type_of_the_policy_decides_what_is_missing(analyzer):
    """An identity policy has no Principal, and a resource policy must have one."""
    without = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})  # fmt: skip
    as_resource = {one["issueCode"] for one in findings(analyzer, without, "RESOURCE_POLICY")}
    as_identity = {one["issueCode"] for one in findings(analyzer, without)}
    assert "MISSING_PRINCIPAL" in as_resource - as_identity


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_together_are_the_whole_list(analyzer, size):
    document = many(7)
    pages = [
        answer["findings"]
        for answer in analyzer.get_paginator("validate_policy").paginate(
            policyDocument=document, policyType="IDENTITY_POLICY", PaginationConfig={"PageSize": size}
        )
    ]
    assert all(len(page) == size for page in pages[:-1])
    assert findings(analyzer, document) == [one for page in pages for one in page]


def test_without_a_size_a_page_has_a_hundred(analyzer):
    answer = analyzer.validate_policy(policyDocument=many(101), policyType="IDENTITY_POLICY")
    assert 100 == len(answer["findings"])
    assert answer["nextToken"]


def test_a_token_is_good_for_the_same_question_only(analyzer):
    token = analyzer.validate_policy(policyDocument=many(3), policyType="IDENTITY_POLICY", maxResults=1)[
        "nextToken"
    ]
    with refused("ValidationException", "The token is not valid for this request.", 400):
        analyzer.validate_policy(policyDocument=many(4), policyType="IDENTITY_POLICY", nextToken=token)
    with refused("ValidationException", status=400):
        analyzer.validate_policy(policyDocument=many(3), policyType="RESOURCE_POLICY", nextToken=token)


@pytest.mark.parametrize("token", ["x", "ü", "WyJhIl0", "A" * 10_000])
def test_a_token_of_no_answer_is_refused(analyzer, token):
    with refused("ValidationException", "The token is not valid for this request."):
        analyzer.validate_policy(policyDocument=FINE, policyType="IDENTITY_POLICY", nextToken=token)


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_of_nothing_is_refused(analyzer, size):
    with refused("ValidationException", "maxResults must be at least 1."):
        analyzer.validate_policy(policyDocument=FINE, policyType="IDENTITY_POLICY", maxResults=size)


def test_a_type_that_is_none_is_refused_with_its_field(analyzer):
    text = (
        "Value 'POLICY' at 'policyType' failed to satisfy constraint: Member must satisfy enum value set: "
        "[IDENTITY_POLICY, RESOURCE_POLICY, SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY]"
    )
    with pytest.raises(analyzer.exceptions.ValidationException) as caught:
        analyzer.validate_policy(policyDocument=FINE, policyType="POLICY")
    response = caught.value.response
    assert f"1 validation error detected: {text}" == response["Error"]["Message"]
    assert ("fieldValidationFailed", [{"name": "policyType", "message": text}]) == (
        response["reason"],
        response["fieldList"],
    )


def test_a_resource_type_goes_with_a_resource_policy_only(analyzer):
    """The text recorded in awslabs/terraform-iam-policy-validator, pull request 23."""
    bucket = {"policyDocument": FINE, "validatePolicyResourceType": "AWS::S3::Bucket"}
    with refused("ValidationException", "InvalidInput", 400):
        analyzer.validate_policy(policyType="IDENTITY_POLICY", **bucket)
    assert analyzer.validate_policy(policyType="RESOURCE_POLICY", **bucket)["findings"]


def test_it_needs_a_permission_under_iams_own_prefix(understudy):
    """The denial recorded of AWS names the service in region and account, and a star."""
    who = understudy.allowing("somebody", "accessanalyzer:*", "iam:*")
    denied = understudy.client("accessanalyzer", as_=who, region="eu-west-1")
    message = (
        "User: arn:aws:iam::000000000000:user/somebody is not authorized to perform: access-analyzer:ValidatePolicy "
        "on resource: arn:aws:access-analyzer:eu-west-1:000000000000:* because no identity-based policy allows the "
        "access-analyzer:ValidatePolicy action"
    )
    with refused("AccessDeniedException", message, 403):
        denied.validate_policy(policyDocument=FINE, policyType="IDENTITY_POLICY")
    who = understudy.allowing("another", "access-analyzer:ValidatePolicy")
    allowed = understudy.client("accessanalyzer", as_=who, region="eu-west-1")
    assert [] == findings(allowed, FINE)


def test_it_is_in_the_trail_with_the_action_that_was_decided(understudy, analyzer):
    findings(analyzer, FINE)
    entry = understudy.trail()[-1]
    assert ("accessanalyzer", "ValidatePolicy", "access-analyzer:ValidatePolicy") == (
        entry.service,
        entry.operation,
        entry.evaluations[0].action,
    )


def test_what_is_not_served_says_so_and_names_itself(analyzer):
    with refused(
        "NotImplemented", "Understudy knows access-analyzer:ListAnalyzers but does not serve it.", 501
    ):
        analyzer.list_analyzers()


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:access-analyzer:us-east-1:000000000000:analyzer/a",
        "a b+c",
        "ü%2F/..//x",
        "%25",
        "a;b=c&d?e#f",
        "~(x)'*!",
    ],
)
def test_whatever_stands_in_a_path_is_signed_and_understood(analyzer, arn):
    """Signature Version 4 encodes a path twice; a wrong reading would be a wrong signature (signatures.md 6.1)."""
    with refused(
        "NotImplemented", "Understudy knows access-analyzer:UntagResource but does not serve it.", 501
    ):
        analyzer.untag_resource(resourceArn=arn, tagKeys=["a b", "ü&="])


def test_a_wrong_signature_is_refused_as_on_any_json_service(understudy):
    who = understudy.user("somebody")
    stranger = type(who)(who.access_key_id, "another secret")
    with refused("InvalidSignatureException", status=403):
        understudy.client("accessanalyzer", as_=stranger).list_analyzers()
