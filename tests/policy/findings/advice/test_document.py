"""Version, size and names of statements."""

import json

import pytest

ALLOW = '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}'


def test_a_policy_without_a_version_is_told_what_it_is_read_as(policies):
    expected, actual = policies.document("MISSING_VERSION", f'«{{"Statement": [{ALLOW}]}}»')
    assert expected == actual


@pytest.mark.parametrize("version", ["2012-10-17", "2008-10-17", "2020-01-01"])
def test_a_policy_with_any_version_is_not_said_to_miss_one(policies, version):
    expected, actual = policies.document(
        "MISSING_VERSION", f'{{"Version": "{version}", "Statement": [{ALLOW}]}}'
    )
    assert expected == actual


def test_a_finding_about_the_whole_document_has_an_empty_path_and_the_span_of_the_document(policies):
    """Recorded: the size of a policy is reported with an empty path and from line 1, column 0 on; our columns start at 1."""
    text = f'{{\n  "Statement": [{ALLOW}]\n}}'
    (location,) = policies.only("MISSING_VERSION", text).locations
    assert ((), (1, 1, 0), (3, 2, len(text))) == (
        location.path,
        (location.span.start.line, location.span.start.column, location.span.start.offset),
        (location.span.end.line, location.span.end.column, location.span.end.offset),
    )


@pytest.mark.parametrize(
    "statement",
    [
        '{"Sid": «""», "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}',
        '{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}',
        ALLOW,
        '{"Sid": 7, "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}',
    ],
)
def test_an_empty_sid_is_pointed_at(policies, statement):
    expected, actual = policies.identity("EMPTY_SID_VALUE", statement)
    assert expected == actual


def named(*sids: str) -> str:
    statements = [
        f'{{"Sid": {sid}, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}'
        for sid in sids
    ]
    return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


@pytest.mark.parametrize("text", [named('«"A"»', '"B"', '«"A"»'), named('"A"', '"B"'), named('""', '""')])
def test_sids_that_a_resource_policy_repeats_are_pointed_at(policies, text):
    expected, actual = policies.document("UNIQUE_SIDS_RECOMMENDED", text, "RESOURCE_POLICY")
    assert expected == actual


def test_repeated_sids_of_an_identity_policy_are_an_error_and_no_warning(policies):
    expected, actual = policies.document("UNIQUE_SIDS_RECOMMENDED", named('"A"', '"A"'))
    assert expected == actual


def sized(characters: int) -> str:
    """An identity policy of so many characters besides white space."""
    text = '{"Version":"2012-10-17", "Statement":[{"Sid":"", "Effect":"Allow","Action":"s3:Get","Resource":"*"}]}'
    missing = characters - len("".join(text.split()))
    return text.replace('"s3:Get"', f'"s3:Get{"x" * missing}"')


def test_an_identity_policy_may_have_10240_characters_besides_white_space(policies):
    """Recorded: ValidatePolicy names 10240 as the maximum."""
    expected, actual = policies.document("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", sized(10_240))
    assert expected == actual


def test_one_character_more_is_too_many_and_the_number_of_policies_needed_is_told(policies):
    finding = policies.only("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", sized(10_241))
    assert "10241 characters" in finding.details
    assert "at least 2 managed policies" in finding.instead


TRUST = {"Effect": "Allow", "Principal": {"AWS": ["111122223333"]}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(("accounts", "is_too_long"), [(1, False), (300, True)])
def test_a_trust_policy_may_have_2048_characters(policies, accounts, is_too_long):
    """Reference iam.md 2.2."""
    principal = {"AWS": [f"{number:012}" for number in range(accounts)]}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**TRUST, "Principal": principal}]})
    _, actual = policies.document("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", text, "RESOURCE_POLICY")
    assert [] == actual
    _, actual = policies.trust(
        "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", json.dumps({**TRUST, "Principal": principal})
    )
    assert is_too_long == bool(actual)


@pytest.mark.parametrize(
    ("resource_type", "is_too_long"),
    [("AWS::S3::Bucket", True), ("AWS::DynamoDB::Table", True), (None, False)],
)
def test_a_bucket_policy_may_have_20_kilobytes(policies, resource_type, is_too_long):
    statement = json.dumps({"Sid": "x" * 20_480, "Effect": "Deny", "Principal": "*", "Action": "s3:*"})
    _, actual = policies.resource("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", statement, resource_type)
    assert is_too_long == bool(actual)
