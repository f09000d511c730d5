"""Whom a resource policy lets in."""

import pytest


@pytest.mark.parametrize(
    "statement",
    [
        '{"Effect": "Allow", «"NotPrincipal"»: {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}',
        '{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}',
        '{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}',
    ],
)
def test_letting_in_everyone_but_some_is_pointed_at(policies, statement):
    expected, actual = policies.resource("ALLOW_WITH_NOT_PRINCIPAL", statement)
    assert expected == actual


ROLE_ID, USER_ID = "AROAEXAMPLEROLEID1234", "AIDAEXAMPLEUSERID1234"


@pytest.mark.parametrize(
    ("code", "principal"),
    [
        ("INVALID_ROLE_REFERENCE", f'{{"AWS": [«"{ROLE_ID}"», "{USER_ID}"]}}'),
        ("INVALID_USER_REFERENCE", f'{{"AWS": ["{ROLE_ID}", «"{USER_ID}"»]}}'),
        ("INVALID_ROLE_REFERENCE", f'{{"CanonicalUser": "{ROLE_ID}"}}'),
        ("INVALID_ROLE_REFERENCE", '{"AWS": "arn:aws:iam::111122223333:role/AROAEXAMPLEROLEID1234"}'),
        ("INVALID_USER_REFERENCE", '{"AWS": "AIDA"}'),
    ],
)
def test_what_is_left_of_the_deleted_is_pointed_at(policies, code, principal):
    statement = f'{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}'
    expected, actual = policies.trust(code, statement)
    assert expected == actual


RESTRICT, RECOMMEND = (
    "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
    "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
)


@pytest.mark.parametrize(
    ("code", "principal", "condition"),
    [
        (RESTRICT, '{"Service": «"cloudtrail.amazonaws.com"»}', ""),
        (RESTRICT, '{"Service": ["ec2.amazonaws.com", «"sns.amazonaws.com"»]}', ""),
        (
            RESTRICT,
            '{"Service": «"sns.amazonaws.com"»}',
            ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}',
        ),
        (
            RESTRICT,
            '{"Service": "sns.amazonaws.com"}',
            ', "Condition": {"StringEquals": {"AWS:SourceAccount": "1"}}',
        ),
        (RESTRICT, '{"Service": "sns.amazonaws.com"}', ', "Condition": {"ArnLike": {"aws:SourceArn": "a"}}'),
        (
            RESTRICT,
            '{"Service": "sns.amazonaws.com"}',
            ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o"}}',
        ),
        # Of these no account can be asked for.
        (RESTRICT, '{"Service": "ec2.amazonaws.com"}', ""),
        (RESTRICT, '{"AWS": "111122223333"}', ""),
        (RESTRICT, '"*"', ""),
        (
            RECOMMEND,
            '{"Service": "sns.amazonaws.com"}',
            ', "Condition": {"StringEquals": {«"aws:PrincipalOrgID"»: "o"}}',
        ),
        (
            RECOMMEND,
            '{"Service": "sns.amazonaws.com"}',
            ', "Condition": {"StringEquals": {"aws:SourceOrgID": "o"}}',
        ),
        (RECOMMEND, '{"AWS": "*"}', ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o"}}'),
    ],
)
def test_a_service_that_tells_on_whose_behalf_it_calls_is_to_be_asked(policies, code, principal, condition):
    statement = (
        f'{{"Effect": "Allow", "Principal": {principal}, "Action": "s3:PutObject", '
        f'"Resource": "arn:aws:s3:::b/*"{condition}}}'
    )
    expected, actual = policies.resource(code, statement)
    assert expected == actual


def test_a_deny_lets_no_service_in(policies):
    statement = (
        '{"Effect": "Deny", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "s3:*", "Resource": "*"}'
    )
    expected, actual = policies.resource(RESTRICT, statement)
    assert expected == actual


@pytest.mark.parametrize("check", ["trust", "resource"])
def test_a_role_that_a_service_assumes_is_not_warned_of(policies, check):
    statement = (
        '{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}'
    )
    expected, actual = getattr(policies, check)(RESTRICT, statement)
    assert expected == actual


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("aws:PrincipalArn", "aws:SourceArn"),
        ("aws:PrincipalAccount", "aws:SourceAccount"),
        ("aws:PrincipalOrgPaths", "aws:SourceOrgPaths"),
    ],
)
def test_the_key_that_says_it_of_a_service_is_named(policies, key, meant):
    text = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": '
        '"sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*", '
        f'"Condition": {{"StringEquals": {{"{key}": "x"}}}}}}}}'
    )
    finding = policies.only(RECOMMEND, text, "RESOURCE_POLICY")
    assert finding.instead.startswith(f'Write "{meant}"')
