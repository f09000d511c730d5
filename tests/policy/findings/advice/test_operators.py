"""Which operator a key, its values or their number ask for."""

import json

import pytest


@pytest.mark.parametrize(
    "block",
    [
        # Recorded: AIOpsAssistantPolicy, AWSDeadlineCloud-UserAccessFarms, AWSSSMForSAPServiceLinkedRolePolicy.
        '{"StringEquals": {«"aws:ViaAWSService"»: "true"}}',
        '{"ArnLike": {«"kms:EncryptionContext:aws:sso:instance-arn"»: "arn:aws:sso:::instance/*"}}',
        '{"ArnLike": {«"aws:RequestTag/awsApplication"»: "arn:aws:servicecatalog:*:*:application/*"}}',
        '{"StringEquals": {«"aws:MultiFactorAuthAge"»: "3600"}}',
        '{"Bool": {«"aws:SourceVpc"»: "true"}}',
        '{"NumericLessThan": {«"aws:CurrentTime"»: "1893456000"}}',
        '{"StringEqualsIfExists": {«"aws:SourceIp"»: "203.0.113.7"}}',
        '{"ForAnyValue:ArnLike": {«"aws:TagKeys"»: "arn:aws:s3:::b"}}',
        # The right ones.
        '{"Bool": {"aws:ViaAWSService": "true"}}',
        '{"StringLike": {"aws:SourceVpc": "vpc-*"}}',
        '{"Null": {"aws:SourceIp": "true"}}',
        '{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}',
        '{"StringEquals": {"aws:SourceArn": "arn:aws:s3:::b"}}',
        '{"NumericLessThan": {"aws:EpochTime": "1893456000"}}',
        '{"NumericLessThan": {"aws:ResourceTag/level": "3"}}',
        '{"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}',
        # Nothing is known of these.
        '{"Bool": {"nobody:knows": "true"}}',
        '{"Sometimes": {"aws:SourceVpc": "true"}}',
    ],
)
def test_an_operator_of_another_type_than_the_key_is_pointed_at(policies, block):
    expected, actual = policies.condition("TYPE_MISMATCH", block)
    assert expected == actual


def only(policies, code: str, condition: dict):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition}
    return policies.only(code, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.mark.parametrize(
    ("operator", "key", "right"),
    [
        ("StringEquals", "aws:SecureTransport", "Bool"),
        ("StringEqualsIfExists", "aws:MultiFactorAuthAge", "NumericEqualsIfExists"),
        ("NumericLessThanEquals", "aws:CurrentTime", "DateLessThanEquals"),
        ("NumericGreaterThan", "aws:TokenIssueTime", "DateGreaterThan"),
        ("StringNotLike", "aws:SourceIp", "NotIpAddress"),
        ("ArnNotLike", "aws:username", "StringNotLike"),
        ("IpAddress", "aws:SourceVpc", "StringLike"),
        ("ForAnyValue:NumericEquals", "aws:TagKeys", "ForAnyValue:StringEquals"),
        ("NumericNotEquals", "aws:SourceArn", "ArnNotLike"),
        ("DateLessThan", "aws:username", "StringEquals"),
    ],
)
def test_the_operator_of_the_right_type_is_named(policies, operator, key, right):
    finding = only(policies, "TYPE_MISMATCH", {operator: {key: "1"}})
    assert f'Write "{right}" instead of "{operator}".' == finding.instead


@pytest.mark.parametrize(
    "block",
    [
        # Recorded: AWSCodePipeline_FullAccess, S3UnlockBucketPolicy, AmazonSecurityLakeAdministrator.
        '{"StringLike": {«"codestar-notifications:NotificationsForResource"»: "arn:aws:codepipeline:*"}}',
        '{"StringNotLike": {«"aws:PrincipalArn"»: "arn:aws:iam::*:assumed-root"}}',
        '{"StringLikeIfExists": {«"ram:ResourceArn"»: ["arn:aws:glue:*:*:catalog"]}}',
        '{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}',
        '{"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/x"}}',
        '{"StringLike": {"aws:PrincipalTag/arn": "arn:aws:iam::*:role/x"}}',
    ],
)
def test_a_text_pattern_for_an_arn_is_pointed_at(policies, block):
    expected, actual = policies.condition("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", block)
    assert expected == actual


@pytest.mark.parametrize(
    ("operator", "right"),
    [
        ("StringLike", "ArnLike"),
        ("StringNotLikeIfExists", "ArnNotLikeIfExists"),
        ("ForAnyValue:StringLike", "ForAnyValue:ArnLike"),
    ],
)
def test_the_arn_operator_is_named(policies, operator, right):
    finding = only(
        policies,
        "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS",
        {operator: {"aws:SourceArn": "arn:aws:s3:::b*"}},
    )
    assert finding.instead.startswith(f'Write "{right}"')


@pytest.mark.parametrize(
    "block",
    [
        # Recorded: AWSGlueConsoleSageMakerNotebookFullAccess.
        '{"StringEquals": {"aws:TagKeys": [«"aws-glue-*"»]}}',
        '{"StringNotEquals": {"s3:prefix": ["home/", «"home/?"»]}}',
        '{"StringEqualsIgnoreCaseIfExists": {"aws:username": «"dev*"»}}',
        '{"StringLike": {"s3:prefix": "home/*"}}',
        '{"StringEquals": {"s3:prefix": "home/${*}"}}',
        '{"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::b*"}}',
        '{"StringEquals": {"s3:prefix": "home/"}}',
        '{"StringEquals": {"s3:prefix": 7}}',
    ],
)
def test_a_wildcard_under_an_operator_that_takes_it_for_itself_is_pointed_at(policies, block):
    expected, actual = policies.condition("WILDCARD_WITHOUT_LIKE_OPERATOR", block)
    assert expected == actual


@pytest.mark.parametrize(
    ("operator", "key", "right"),
    [
        ("StringEquals", "s3:prefix", "StringLike"),
        ("ForAnyValue:StringNotEqualsIfExists", "aws:TagKeys", "ForAnyValue:StringNotLikeIfExists"),
        ("StringEquals", "aws:SourceArn", "ArnLike"),
    ],
)
def test_the_like_operator_is_named(policies, operator, key, right):
    finding = only(policies, "WILDCARD_WITHOUT_LIKE_OPERATOR", {operator: {key: "a*"}})
    assert finding.instead.startswith(f'Write "{right}" if a pattern is meant')


@pytest.mark.parametrize(
    ("block", "effect"),
    [
        # Recorded for ssm:resourceTag.
        ('{"ForAllValues:StringEquals": {«"ssm:resourceTag/env"»: "dev"}}', "Allow"),
        ('{"ForAllValues:StringLikeIfExists": {«"aws:PrincipalTag/team"»: "*"}}', "Allow"),
        ('{"ForAllValues:StringEquals": {"aws:TagKeys": "team"}}', "Allow"),
        ('{"ForAnyValue:StringEquals": {"aws:PrincipalTag/team": "a"}}', "Allow"),
        ('{"StringEquals": {"aws:PrincipalTag/team": "a"}}', "Allow"),
        ('{"ForAllValues:StringEquals": {"cognito-identity.amazonaws.com:amr": "a"}}', "Allow"),
        ('{"ForAllValues:StringEquals": {"nobody:knows": "a"}}', "Allow"),
        # A Deny that also applies without the key denies more, not less.
        ('{"ForAllValues:StringEquals": {"ssm:resourceTag/env": "dev"}}', "Deny"),
        # Recorded: AmazonCodeGuruReviewerServiceRolePolicy has no such finding.
        ('{"ForAllValues:StringEquals": {"codestar-connections:ProviderAction": ["ListBranches"]}}', "Allow"),
    ],
)
def test_all_values_of_a_key_with_one_value_is_pointed_at(policies, block, effect):
    expected, actual = policies.condition("FORALLVALUES_WITH_SINGLE_VALUED_KEY", block, effect)
    assert expected == actual


@pytest.mark.parametrize(
    "block",
    [
        '{«"ForAllValues:Null"»: {"aws:TagKeys": "true"}}',
        '{«"ForAnyValue:Null"»: {"aws:TagKeys": "true"}}',
        '{"Null": {"aws:TagKeys": "true"}}',
        '{"ForAllValues:StringEquals": {"aws:TagKeys": "true"}}',
    ],
)
def test_null_with_a_set_prefix_is_pointed_at(policies, block):
    expected, actual = policies.condition("NULL_WITH_QUALIFIER", block)
    assert expected == actual


@pytest.mark.parametrize(
    ("code", "block"),
    [
        # Recorded: AmazonEKSServiceRolePolicy, AWSCloud9User, AWSSSOReadOnly.
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringLike": {"aws:ResourceTag/eks:eks-cluster-name": «"*"»}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringLike": {"ssm:resourceTag/aws:cloud9:environment": [«"*"»]}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringLike": {"kms:EncryptionContext:aws:sso:instance-arn": «"*"»}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringLikeIfExists": {"aws:ResourceTag/team": "*"}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"ForAnyValue:StringLike": {"aws:TagKeys": "*"}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringEquals": {"aws:ResourceTag/team": "*"}}'),
        ("EQUIVALENT_TO_NULL_FALSE", '{"StringLike": {"aws:ResourceTag/team": "a*"}}'),
        ("EQUIVALENT_TO_NULL_TRUE", '{"StringNotLike": {"aws:ResourceTag/team": «"*"»}}'),
        ("EQUIVALENT_TO_NULL_TRUE", '{"StringNotLike": {"aws:ResourceTag/team": "a*"}}'),
        ("EQUIVALENT_TO_NULL_TRUE", '{"StringLike": {"aws:ResourceTag/team": "*"}}'),
    ],
)
def test_a_pattern_that_asks_only_for_presence_is_pointed_at(policies, code, block):
    expected, actual = policies.condition(code, block)
    assert expected == actual


@pytest.mark.parametrize(
    ("code", "operator", "truth"),
    [
        ("EQUIVALENT_TO_NULL_FALSE", "StringLike", "false"),
        ("EQUIVALENT_TO_NULL_TRUE", "StringNotLike", "true"),
    ],
)
def test_the_null_condition_that_says_it_is_written_out(policies, code, operator, truth):
    finding = only(policies, code, {operator: {"aws:ResourceTag/team": "*"}})
    assert f'Say so: "Null": {{"aws:ResourceTag/team": "{truth}"}}.' == finding.instead
