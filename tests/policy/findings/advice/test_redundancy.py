"""What is said twice."""

import json

import pytest


def acting(actions: str, element: str = "Action") -> str:
    return f'{{"Effect": "Allow", "{element}": {actions}, "Resource": "*"}}'


@pytest.mark.parametrize(
    "actions",
    [
        # The guide's own examples.
        '[«"iam:Get*"», "iam:List*", «"iam:GetCredentialReport"»]',
        '["iam:Get*", "iam:*CredentialReport"]',
        # Recorded: AWSBatchFullAccess, ViewOnlyAccess, SystemAdministrator.
        '[«"ecs:DescribeClusters"», «"ecs:Describe*"», "ecs:ListClusters"]',
        '[«"ec2:Allocate*"», "ec2:Assign*", «"ec2:Allocate*"»]',
        '[«"s3:GetObject"», «"S3:getobject"»]',
        '[«"*"», «"s3:GetObject"», «"iam:*"»]',
        '[«"s3:?etObject"», «"s3:GetObject"», "s3:GetObjectAcl"]',
        '[«"s3:*"», «"s3:Get?bject"»]',
        '[«"s3:?etObject"», «"s3:*Object"»]',
        '["s3:Get?", "s3:Get*Object", "s3:PutObject"]',
        '["s3:GetObject", "s3:GetObjectAcl"]',
        '"s3:GetObject"',
        "[]",
        '["s3:GetObject", 7]',
    ],
)
@pytest.mark.parametrize("element", ["Action", "NotAction"])
def test_actions_that_another_covers_are_pointed_at_together_with_it(policies, actions, element):
    expected, actual = policies.identity("REDUNDANT_ACTION", acting(actions, element))
    assert expected == actual


@pytest.mark.parametrize(
    "resources",
    [
        # The guide's own example.
        (
            '[«"arn:aws:iam::111122223333:role/jane-admin"», «"arn:aws:iam::111122223333:role/jane-s3only"», '
            '«"arn:aws:iam::111122223333:role/jane*"»]'
        ),
        # Recorded: AWSGlueConsoleFullAccess, AWSElementalMediaConnectCreateBridge, AWSBackupFullAccess.
        '[«"arn:aws:s3:::aws-glue-*/*"», "arn:aws:s3:::*/*aws-glue-*/x", «"arn:aws:s3:::aws-glue-*"»]',
        (
            '[«"arn:aws:mediaconnect:*:*:bridge:*:*"», «"arn:aws:mediaconnect:*:*:bridge:*:*/bridgeOutput/*"», '
            '«"arn:aws:mediaconnect:*:*:bridge:*:*/bridgeSource/*"»]'
        ),
        '[«"arn:aws:timestream:*:*:database/*/table/*"», «"arn:aws:timestream:*:*:database/*"»]',
        '[«"*"», «"arn:aws:s3:::bucket"»]',
        '[«"arn:aws:sns:*:111122223333:a"», «"arn:aws:sns:eu-west-1:111122223333:a"»]',
        '["arn:aws:sns:eu-*:111122223333:a", "arn:aws:sns:us-east-1:111122223333:a"]',
        # In the first five parts a star stays within its part.
        '["arn:aws:sns:*:a", "arn:aws:sns:eu-west-1:111122223333:a"]',
        '["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]',
        '["arn:aws:s3:::Bucket*", "arn:aws:s3:::bucket1"]',
        '[«"arn:aws:s3:::home/${aws:username}/*"», «"arn:aws:s3:::home/*"»]',
        '["arn:aws:s3:::home/${*}/x", "arn:aws:s3:::home/a/x"]',
        '"arn:aws:s3:::bucket"',
    ],
)
@pytest.mark.parametrize("element", ["Resource", "NotResource"])
def test_resources_that_another_covers_are_pointed_at_together_with_it(policies, resources, element):
    statement = f'{{"Effect": "Allow", "Action": "s3:GetObject", "{element}": {resources}}}'
    expected, actual = policies.identity("REDUNDANT_RESOURCE", statement)
    assert expected == actual


def test_what_is_covered_by_one_wildcard_is_one_finding_that_says_what_to_remove(policies):
    """Recorded: the three ARNs of AWSElementalMediaConnectCreateBridge are one finding with three places."""
    resources = ["arn:aws:sns:*:*:t*", "arn:aws:sns:*:*:ta", "arn:aws:sns:*:*:tb"]
    statement = {"Effect": "Allow", "Action": "sns:Publish", "Resource": resources}
    finding = policies.only(
        "REDUNDANT_RESOURCE", json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    assert 3 == len(finding.locations)
    assert "arn:aws:sns:*:*:t* already covers arn:aws:sns:*:*:ta and arn:aws:sns:*:*:tb." == finding.details
    assert finding.instead.startswith(
        "Remove arn:aws:sns:*:*:ta and arn:aws:sns:*:*:tb, which changes nothing"
    )


ONE = '{"Sid": "A", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"«{ONE}»", f"«{ONE.replace(chr(34) + 'A' + chr(34), chr(34) + 'B' + chr(34))}»"),
        (
            f"«{ONE}»",
            '«{"Resource": ["*"], "Action": ["S3:putobject", "s3:GetObject"], "Effect": "Allow"}»',
        ),
        (ONE, ONE.replace("Allow", "Deny")),
        (ONE, ONE.replace('"*"', '"arn:aws:s3:::b"')),
        (ONE, ONE.replace('"Action"', '"NotAction"')),
        (ONE, ONE.replace("}", ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}}')),
    ],
)
def test_statements_that_say_the_same_are_pointed_at(policies, first, second):
    expected, actual = policies.identity("REDUNDANT_STATEMENT", first, second)
    assert expected == actual


ROLE = '"arn:aws:iam::111122223333:role/path/app"'


@pytest.mark.parametrize(
    "principal",
    [
        f'{{"AWS": [{ROLE}, «"arn:aws:sts::111122223333:assumed-role/app/session"»]}}',
        f'{{"AWS": [{ROLE}, "arn:aws:sts::111122223333:assumed-role/other/session"]}}',
        f'{{"AWS": [{ROLE}, "arn:aws:sts::444455556666:assumed-role/app/session"]}}',
        '{"AWS": "arn:aws:sts::111122223333:assumed-role/app/session"}',
        '"*"',
    ],
)
def test_a_session_of_a_trusted_role_needs_no_mention(policies, principal):
    statement = f'{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}'
    expected, actual = policies.trust("ROLE_TRUST_POLICY_REDUNDANT_PRINCIPAL", statement)
    assert expected == actual
