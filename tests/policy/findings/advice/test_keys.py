"""Outdated keys, keys that need another beside them, keys without effect."""

import pytest


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("DEPRECATED_GLOBAL_CONDITION_KEY", '{"ArnLike": {«"aws:ARN"»: "arn:aws:iam::111122223333:role/x"}}'),
        ("DEPRECATED_GLOBAL_CONDITION_KEY", '{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}'),
        ("MISSING_PAIRED_CONDITION_KEYS", '{"IpAddress": {«"aws:VpcSourceIp"»: "10.0.0.0/8"}}'),
        (
            "MISSING_PAIRED_CONDITION_KEYS",
            '{"IpAddress": {«"aws:Ec2InstanceSourcePrivateIPv4"»: "10.0.0.7"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}',
        ),
        (
            "MISSING_PAIRED_CONDITION_KEYS",
            '{"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:sourcevpc": "vpc-1"}}',
        ),
        (
            "MISSING_PAIRED_CONDITION_KEYS",
            '{"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:SourceVpce": "vpce-1"}}',
        ),
        ("MISSING_PAIRED_CONDITION_KEYS", '{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}'),
    ],
)  # fmt: skip
def test_keys_are_pointed_at(policies, code, block):
    expected, actual = policies.condition(code, block)
    assert expected == actual


@pytest.mark.parametrize(
    ("resource_type", "key"),
    [
        ("AWS::S3::Bucket", '«"s3:ResourceAccount"»'),
        ("AWS::S3::AccessPoint", '«"S3:resourceaccount"»'),
        ("AWS::S3::Bucket", '"aws:PrincipalAccount"'),
        ("AWS::DynamoDB::Table", '"s3:ResourceAccount"'),
        (None, '"s3:ResourceAccount"'),
    ],
)
def test_a_bucket_is_not_asked_for_its_own_account(policies, resource_type, key):
    statement = (
        '{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", '
        f'"Condition": {{"StringNotEquals": {{{key}: "111122223333"}}}}}}'
    )
    expected, actual = policies.resource("IRRELEVANT_CONDITION_KEY_IN_POLICY", statement, resource_type)
    assert expected == actual


PRINCIPAL, SOURCE = (
    "RCP_IS_MISSING_RELATED_PRINCIPAL_CONDITION_KEY",
    "RCP_IS_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY",
)


@pytest.mark.parametrize(
    ("code", "block"),
    [
        (PRINCIPAL, '{"StringNotEqualsIfExists": {«"aws:PrincipalOrgID"»: "o-1234567890"}}'),
        (PRINCIPAL, '{"StringNotEquals": {«"aws:PrincipalAccount"»: "111122223333"}}'),
        (
            PRINCIPAL,
            '{"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}',
        ),
        (PRINCIPAL, '{"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}'),
        (PRINCIPAL, '{"StringNotEquals": {"aws:SourceOrgID": "o-1234567890"}}'),
        (SOURCE, '{"StringNotEqualsIfExists": {«"aws:SourceOrgID"»: "o-1234567890"}}'),
        (SOURCE, '{"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-1"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}'),
        (SOURCE, '{"StringEquals": {"aws:SourceOrgID": "o-1234567890"}}'),
    ],
)  # fmt: skip
def test_a_resource_control_policy_is_told_whom_it_denies_unawares(policies, code, block):
    statement = (
        f'{{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {block}}}'
    )
    expected, actual = policies.rcp(code, statement)
    assert expected == actual
    _, actual = policies.resource(code, statement.replace("«", "").replace("»", ""))
    assert [] == actual
