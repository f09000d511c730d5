"""One table for every check of type ERROR: a policy that has the finding, at its place, and one that nearly has it.

Codes are those of "IAM policy validation check reference" in the IAM guide. What stands between « and » is what
the finding has to point at; a text without marks only has to have it.
"""

from __future__ import annotations

IDENTITY, RESOURCE = ("IDENTITY_POLICY", None), ("RESOURCE_POLICY", None)
SCP, RCP = ("SERVICE_CONTROL_POLICY", None), ("RESOURCE_CONTROL_POLICY", None)
TRUST = ("RESOURCE_POLICY", "AWS::IAM::AssumeRolePolicyDocument")
BUCKET = ("RESOURCE_POLICY", "AWS::S3::Bucket")
ACCESS_POINT = ("RESOURCE_POLICY", "AWS::S3::AccessPoint")
TABLE = ("RESOURCE_POLICY", "AWS::DynamoDB::Table")

# In the page and not given, with the reason.
NOT_GIVEN = {
    "SCP_SYNTAX_ERROR_ACTION_WILDCARD": "since September 2025 service control policies take wildcards anywhere in "
    "an action (AWS Security Blog, full IAM language); the page still has the rule of before",
}
# Every code of type ERROR of the page as of 2026.
PAGE = (
    "ARN_ACCOUNT_NOT_ALLOWED", "ARN_REGION_NOT_ALLOWED", "DATA_TYPE_MISMATCH",
    "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", "INVALID_ACTION", "INVALID_ARN_ACCOUNT", "INVALID_ARN_PREFIX",
    "INVALID_ARN_REGION", "INVALID_ARN_RESOURCE", "INVALID_ARN_SERVICE_CASE",
    "INVALID_CONDITION_DATA_TYPE", "INVALID_CONDITION_KEY_FORMAT", "INVALID_CONDITION_MULTIPLE_BOOLEAN",
    "INVALID_CONDITION_OPERATOR", "INVALID_EFFECT", "INVALID_GLOBAL_CONDITION_KEY", "INVALID_PARTITION",
    "INVALID_POLICY_ELEMENT", "INVALID_PRINCIPAL_FORMAT", "INVALID_PRINCIPAL_KEY", "INVALID_REGION",
    "INVALID_SERVICE", "INVALID_SERVICE_CONDITION_KEY", "INVALID_SERVICE_IN_ACTION",
    "INVALID_VARIABLE_FOR_OPERATOR", "INVALID_VERSION", "JSON_SYNTAX_ERROR", "MISSING_ACTION",
    "MISSING_ARN_FIELD", "MISSING_ARN_REGION", "MISSING_EFFECT", "MISSING_PRINCIPAL", "MISSING_QUALIFIER",
    "MISSING_RESOURCE", "MISSING_STATEMENT", "NULL_WITH_IF_EXISTS", "SCP_SYNTAX_ERROR_ACTION_WILDCARD",
    "SCP_SYNTAX_ERROR_PRINCIPAL", "UNIQUE_SIDS_REQUIRED", "UNSUPPORTED_ACTION_IN_POLICY",
    "UNSUPPORTED_ELEMENT_COMBINATION", "UNSUPPORTED_GLOBAL_CONDITION_KEY", "UNSUPPORTED_PRINCIPAL",
    "UNSUPPORTED_RESOURCE_ARN_IN_POLICY", "UNSUPPORTED_SID", "UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
    "MISSING_BRACE_IN_VARIABLE", "MISSING_QUOTE_IN_VARIABLE", "UNSUPPORTED_SPACE_IN_VARIABLE",
    "EMPTY_VARIABLE", "VARIABLE_UNSUPPORTED_IN_ELEMENT", "VARIABLE_UNSUPPORTED_IN_VERSION",
    "PRIVATE_IP_ADDRESS", "PRIVATE_NOT_IP_ADDRESS", "POLICY_SIZE_EXCEEDS_SCP_QUOTA",
    "INVALID_SERVICE_PRINCIPAL_FORMAT", "MISSING_TAG_KEY_IN_CONDITION", "INVALID_VPC_FORMAT",
    "INVALID_VPCE_FORMAT", "FEDERATED_PRINCIPAL_NOT_SUPPORTED", "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
    "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
    "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
    "TYPE_MISMATCH_IP_RANGE", "MISSING_ACTION_FOR_CONDITION_KEY",
    "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", "MISMATCHED_ACTION_FOR_PRINCIPAL",
    "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", "POLICY_SIZE_EXCEEDS_RCP_QUOTA",
    "RCP_SYNTAX_ERROR_PRINCIPAL", "RCP_SYNTAX_ERROR_ALLOW", "RCP_SYNTAX_ERROR_NOTACTION",
    "RCP_SYNTAX_ERROR_ACTION", "MISSING_ARN_ACCOUNT", "INVALID_KMS_KEY_VALUE",
    "VARIABLE_USAGE_TOO_PERMISSIVE", "WILDCARD_USAGE_TOO_PERMISSIVE",
)  # fmt: skip


def policy(*statements: str, version: str = '"2012-10-17"') -> str:
    return f'{{"Version": {version},\n "Statement": [{", ".join(statements)}]}}'


def allow(elements: str) -> str:
    """A policy of one statement that allows; the elements are given as JSON text."""
    return policy(f'{{"Effect": "Allow",\n  {elements}}}')


def deny(elements: str) -> str:
    return policy(f'{{"Effect": "Deny", {elements}}}')


def actions(text: str) -> str:
    return allow(f'"Action": {text}, "Resource": "*"')


def resources(text: str) -> str:
    return allow(f'"Action": "*", "Resource": {text}')


def condition(text: str, action: str = '"*"') -> str:
    return allow(f'"Action": {action}, "Resource": "*", "Condition": {text}')


def principal(text: str, name: str = '"Principal"') -> str:
    return allow(f'{name}: {text}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"')


def trust(principals: str, action: str = '"sts:AssumeRole"', more: str = "") -> str:
    return allow(f'"Principal": {principals}, "Action": {action}{more}')


def rcp(elements: str) -> str:
    return deny(f'"Principal": "*", "Resource": "*", {elements}')


def bucket(action: str) -> str:
    return allow(f'"Principal": {ANYONE}, "Action": {action}, "Resource": "arn:aws:s3:::b"')


def bucket_of(name: str) -> str:
    return resources(f'"arn:aws:s3:::{name}"')


def cloudfront(conditions: str) -> str:
    service = '"Principal": {"Service": "cloudfront.amazonaws.com"}'
    return allow(
        f'{service}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", "Condition": {conditions}'
    )


ANYONE = '{"AWS": "111122223333"}'
FULL = '"Action": "s3:GetObject", "Resource": "*"'
STATEMENT = f'{{"Effect": "Allow", {FULL}}}'
LONG = "x" * 5_200

# Code, kind of policy, a text that has the finding, one that has not.
CASES = [
    ("JSON_SYNTAX_ERROR", IDENTITY, policy("«,»"), policy(STATEMENT)),
    ("JSON_SYNTAX_ERROR", IDENTITY, "nonsense", "{}"),
    ("JSON_SYNTAX_ERROR", IDENTITY, allow(f'«"Effect"»: "Allow", {FULL}'), allow(FULL)),
    ("JSON_SYNTAX_ERROR", IDENTITY, "[" * 101 + "]" * 101, "[" * 100 + "]" * 100),
    ("DATA_TYPE_MISMATCH", IDENTITY, "«[]»", "{}"),
    ("DATA_TYPE_MISMATCH", IDENTITY, policy('«"all"»'), policy(STATEMENT)),
    ("DATA_TYPE_MISMATCH", IDENTITY, policy(STATEMENT, version="«20121017»"), policy(STATEMENT)),
    ("DATA_TYPE_MISMATCH", IDENTITY, actions('["*", «7»]'), actions('["*", "s3:*"]')),
    ("DATA_TYPE_MISMATCH", IDENTITY, actions("«{}»"), actions("[]")),
    ("DATA_TYPE_MISMATCH", IDENTITY, condition("«[]»"), condition("{}")),
    ("DATA_TYPE_MISMATCH", IDENTITY, condition('{"Bool": «"x"»}'), condition('{"Bool": {}}')),
    (
        "DATA_TYPE_MISMATCH",
        IDENTITY,
        condition('{"StringEquals": {"aws:userid": [«null»]}}'),
        condition('{"StringEquals": {"aws:userid": [true]}}'),
    ),
    ("DATA_TYPE_MISMATCH", RESOURCE, principal("«[]»"), principal('"*"')),
    ("DATA_TYPE_MISMATCH", RESOURCE, principal('{"AWS": «{}»}'), principal('{"AWS": 111122223333}')),
    ("INVALID_POLICY_ELEMENT", IDENTITY, allow(f'«"action"»: "*", {FULL}'), allow(f'"Sid": "", {FULL}')),
    (
        "INVALID_POLICY_ELEMENT",
        IDENTITY,
        f'{{«"Effect"»: "Allow", "Statement": [{STATEMENT}]}}',
        '{"Id": ""}',
    ),
    (
        "INVALID_VERSION",
        IDENTITY,
        policy(STATEMENT, version='«"2012-10-18"»'),
        policy(version='"2008-10-17"'),
    ),
    ("MISSING_STATEMENT", IDENTITY, '«{"Version": "2012-10-17"}»', policy(STATEMENT)),
    ("MISSING_STATEMENT", IDENTITY, '{"Statement": «[]»}', f'{{"Statement": {STATEMENT}}}'),
    (
        "POLICY_SIZE_EXCEEDS_SCP_QUOTA",
        SCP,
        allow(f'"Sid": "{LONG}{LONG}", {FULL}'),
        allow(f'"Sid": "{LONG}"'),
    ),
    ("POLICY_SIZE_EXCEEDS_RCP_QUOTA", RCP, allow(f'"Sid": "{LONG}", {FULL}'), allow('"Sid": "short"')),
    (
        "UNIQUE_SIDS_REQUIRED",
        IDENTITY,
        policy(f'{{"Sid": "A", "Effect": "Allow", {FULL}}}', f'{{"Sid": «"A"», "Effect": "Allow", {FULL}}}'),
        policy(f'{{"Sid": "A", "Effect": "Allow", {FULL}}}', f'{{"Sid": "a", "Effect": "Allow", {FULL}}}'),
    ),
    ("UNIQUE_SIDS_REQUIRED", SCP, policy(*['{"Sid": "A"}'] * 2), policy(*['{"Sid": ""}'] * 2)),
    ("UNSUPPORTED_SID", IDENTITY, allow(f'"Sid": «"My statement"», {FULL}'), allow(f'"Sid": "My1", {FULL}')),
    ("MISSING_EFFECT", IDENTITY, policy(f"«{{{FULL}}}»"), allow(FULL)),
    ("INVALID_EFFECT", IDENTITY, policy(f'{{"Effect": «"allow"», {FULL}}}'), deny(FULL)),
    (
        "MISSING_ACTION",
        IDENTITY,
        policy('«{"Effect": "Allow", "Resource": "*"}»'),
        allow('"NotAction": "s3:*"'),
    ),
    (
        "MISSING_RESOURCE",
        IDENTITY,
        policy('«{"Effect": "Deny", "Action": "*"}»'),
        allow('"NotResource": "*"'),
    ),
    ("MISSING_RESOURCE", BUCKET, allow(f'"Principal": {ANYONE}, "Action": "s3:*"'), principal(ANYONE)),
    ("MISSING_RESOURCE", RESOURCE, allow(f'"Principal": {ANYONE}, "Action": "sqs:*"'), trust(ANYONE)),
    (
        "UNSUPPORTED_ELEMENT_COMBINATION",
        IDENTITY,
        allow('«"Action"»: "s3:*", «"NotAction"»: "ec2:*", "Resource": "*"'),
        allow('"Action": "s3:*", "NotResource": "*"'),
    ),
    ("INVALID_ACTION", IDENTITY, actions('["s3:GetObject", «"s3:GetObjectz"»]'), actions('"S3:getobject"')),
    ("INVALID_ACTION", IDENTITY, actions('«"s3:Fly*"»'), actions('"s3:Get*Tag?ing"')),
    ("INVALID_ACTION", IDENTITY, actions('«"GetObject"»'), actions('"*"')),
    ("INVALID_ACTION", IDENTITY, actions('«"s3:Get:Object"»'), actions('"*:*"')),
    ("INVALID_ACTION", IDENTITY, actions('«"s3:"»'), actions('"s3:*"')),
    ("INVALID_SERVICE_IN_ACTION", IDENTITY, actions('"«dynamo»:GetItem"'), actions('"dynamodb:GetItem"')),
    (
        "UNSUPPORTED_ACTION_IN_POLICY",
        BUCKET,
        bucket('[«"kms:Decrypt"», "s3:GetObject", «"s3:ListAllMyBuckets"»]'),
        bucket('["s3:*", "*", "s3:ListBucket"]'),
    ),
    ("UNSUPPORTED_ACTION_IN_POLICY", TRUST, trust(ANYONE, '«"iam:PassRole"»'), trust(ANYONE)),
    ("UNSUPPORTED_ACTION_IN_POLICY", TABLE, bucket('«"s3:GetObject"»'), bucket('"dynamodb:*"')),
    # Resources.
    ("INVALID_ARN_PREFIX", IDENTITY, resources('«"aws:s3:::bucket"»'), resources('"arn:aws:s3:::bucket"')),
    ("INVALID_ARN_PREFIX", IDENTITY, resources('["*", «"bucket"»]'), resources('["*", "arn:*"]')),
    ("MISSING_ARN_FIELD", IDENTITY, resources('«"arn:aws:s3::bucket"»'), resources('"arn:aws:s3:*"')),
    ("INVALID_PARTITION", IDENTITY, resources('"arn:«amazon»:s3:::b"'), resources('"arn:aws-eusc:s3:::b"')),
    ("INVALID_PARTITION", IDENTITY, resources('"arn:«»:s3:::b"'), resources('"arn:*:s3:::b"')),
    ("INVALID_ARN_SERVICE_CASE", IDENTITY, resources('"arn:aws:«S3»:::b"'), resources('"arn:aws:s3:::B"')),
    (
        "INVALID_SERVICE",
        IDENTITY,
        resources('"arn:aws:«dynamo»:eu-west-1:111122223333:table/t"'),
        resources('"arn:aws:dynamodb:eu-west-1:111122223333:table/t"'),
    ),
    (
        "INVALID_ARN_REGION",
        IDENTITY,
        resources('"arn:aws:sqs:«eu-west-9»:111122223333:q"'),
        resources('["arn:aws:sqs:eu-west-*:111122223333:q", "arn:aws:sqs:me-central-1:111122223333:q"]'),
    ),
    (
        "ARN_REGION_NOT_ALLOWED",
        IDENTITY,
        resources('"arn:aws:iam:«us-east-1»:111122223333:role/r"'),
        resources('["arn:aws:iam::111122223333:role/r", "arn:aws:iam:*:111122223333:role/r"]'),
    ),
    (
        "MISSING_ARN_REGION",
        IDENTITY,
        resources('«"arn:aws:sqs::111122223333:q"»'),
        resources('"arn:aws:sqs:*:111122223333:q"'),
    ),
    (
        "INVALID_ARN_ACCOUNT",
        IDENTITY,
        resources('"arn:aws:sqs:eu-west-1:«1111»:q"'),
        resources('["arn:aws:sqs:eu-west-1:*:q", "arn:aws:iam::aws:policy/p"]'),
    ),
    (
        "ARN_ACCOUNT_NOT_ALLOWED",
        IDENTITY,
        resources('"arn:aws:s3::«111122223333»:bucket"'),
        resources('"arn:aws:s3:eu-west-1:111122223333:accesspoint/a"'),
    ),
    (
        "MISSING_ARN_ACCOUNT",
        IDENTITY,
        resources('«"arn:aws:sqs:eu-west-1::q"»'),
        resources('"arn:aws:ec2:eu-west-1::image/ami-1"'),
    ),
    (
        "INVALID_ARN_RESOURCE",
        IDENTITY,
        resources('"arn:aws:dynamodb:eu-west-1:111122223333:«tables/t»"'),
        resources(
            '["arn:aws:dynamodb:*:*:t*", "arn:aws:iam::111122223333:root", "arn:aws:cloudformation:*:aws:transform/Include"]'
        ),
    ),
    (
        "INVALID_ARN_RESOURCE",
        IDENTITY,
        resources('"arn:aws:ec2:*:*:«vpc-endpoint:*»"'),
        resources('"arn:aws:ec2:*:*:${aws:username}"'),
    ),
    (
        "UNSUPPORTED_RESOURCE_ARN_IN_POLICY",
        BUCKET,
        principal(ANYONE).replace('"arn:aws:s3:::b/*"', '«"*"»'),
        principal(ANYONE),
    ),
    (
        "UNSUPPORTED_RESOURCE_ARN_IN_POLICY",
        ACCESS_POINT,
        principal(ANYONE).replace('"arn:aws:s3:::b/*"', '«"arn:aws:s3:::b/*"»'),
        principal(ANYONE).replace(
            "arn:aws:s3:::b/*", "arn:aws:s3:eu-west-1:111122223333:accesspoint/a/object/*"
        ),
    ),
    # Principals.
    ("MISSING_PRINCIPAL", BUCKET, policy(f"«{STATEMENT}»"), principal(ANYONE)),
    ("MISSING_PRINCIPAL", RCP, policy(f"«{STATEMENT}»"), rcp('"Action": "s3:*"')),
    ("UNSUPPORTED_PRINCIPAL", IDENTITY, principal(ANYONE, '«"Principal"»'), allow(FULL)),
    ("UNSUPPORTED_PRINCIPAL", IDENTITY, principal(ANYONE, '«"NotPrincipal"»'), allow(FULL)),
    ("INVALID_PRINCIPAL_FORMAT", RESOURCE, principal('«"111122223333"»'), principal(ANYONE)),
    ("INVALID_PRINCIPAL_FORMAT", RESOURCE, principal("«{}»"), principal('"*"')),
    ("INVALID_PRINCIPAL_FORMAT", RESOURCE, principal('«{"AWS": []}»'), principal('{"AWS": ["*"]}')),
    (
        "INVALID_PRINCIPAL_FORMAT",
        RESOURCE,
        principal('{"AWS": [«"arn:aws:iam::111122223333:group/g"», «"me"»]}'),
        principal(
            '{"AWS": ["arn:aws:iam::111122223333:user/u", "arn:aws:sts::111122223333:assumed-role/r/s"]}'
        ),
    ),
    (
        "INVALID_PRINCIPAL_FORMAT",
        RESOURCE,
        principal('{"CanonicalUser": «"abc"»}'),
        principal(f'{{"CanonicalUser": "{"0a" * 32}"}}'),
    ),
    ("INVALID_PRINCIPAL_KEY", RESOURCE, principal('{«"aws"»: "*"}'), principal('{"AWS": "*"}')),
    (
        "UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        RESOURCE,
        principal('{"AWS": «"arn:aws:iam::111122223333:role/*"», "Service": «"*"»}'),
        principal('{"AWS": "*"}'),
    ),
    (
        "INVALID_SERVICE_PRINCIPAL_FORMAT",
        TRUST,
        trust('{"Service": [«"EC2.amazonaws.com"», «"lambda"»]}'),
        trust('{"Service": ["ec2.amazonaws.com", "s3.amazonaws.com.cn", "logs.eu-west-1.amazonaws.com"]}'),
    ),
    (
        "FEDERATED_PRINCIPAL_NOT_SUPPORTED",
        BUCKET,
        principal('{"Federated": «"accounts.google.com"»}'),
        principal(ANYONE),
    ),
    (
        "FEDERATED_PRINCIPAL_NOT_SUPPORTED",
        RESOURCE,
        principal('{"Federated": «"accounts.google.com"»}'),
        trust('{"Federated": "accounts.google.com"}', '"sts:AssumeRoleWithWebIdentity"'),
    ),
    (
        "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        BUCKET,
        cloudfront('{"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}'),
        cloudfront('{"StringEquals": {"aws:SourceAccount": "111122223333"}}'),
    ),
    (
        "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        BUCKET,
        cloudfront('{"StringEquals": {"aws:PrincipalTag/team": "a"}}'),
        cloudfront('{"StringEqualsIfExists": {"aws:PrincipalTag/team": "a"}}'),
    ),
    # Trust policies.
    (
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
        TRUST,
        allow(f'«"NotPrincipal"»: {ANYONE}, "Action": "sts:AssumeRole"'),
        trust(ANYONE),
    ),
    ("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", TRUST, trust('«"*"»'), trust('{"AWS": "*"}')),
    (
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
        TRUST,
        trust(ANYONE, more=', «"Resource"»: "*"'),
        trust(ANYONE),
    ),
    (
        "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY",
        TRUST,
        trust('{"Federated": «"google"»}', '"sts:AssumeRoleWithWebIdentity"'),
        trust(
            '{"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A"}'
        ),
    ),
    (
        "MISMATCHED_ACTION_FOR_PRINCIPAL",
        RESOURCE,
        trust('{"Federated": «"cognito-identity.amazonaws.com"»}', '[«"sts:AssumeRole"», "sts:TagSession"]'),
        trust('{"Federated": "cognito-identity.amazonaws.com"}', '"sts:AssumeRoleWithWebIdentity"'),
    ),
    (
        "MISMATCHED_ACTION_FOR_PRINCIPAL",
        TRUST,
        trust(
            '{"Federated": «"arn:aws:iam::111122223333:saml-provider/p"»}',
            '«"sts:AssumeRoleWithWebIdentity"»',
        ),
        trust('{"Federated": "arn:aws:iam::111122223333:saml-provider/p"}', '"sts:AssumeRoleWithSAML"'),
    ),
    (
        "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY",
        TRUST,
        trust('{"Service": «"rolesanywhere.amazonaws.com"»}', '["sts:AssumeRole", "sts:TagSession"]'),
        trust(
            '{"Service": "rolesanywhere.amazonaws.com"}', '["sts:AssumeRole", "sts:Set*", "sts:TagSession"]'
        ),
    ),
    (
        "MISSING_ACTION_FOR_CONDITION_KEY",
        TRUST,
        trust(ANYONE, more=', "Condition": {"StringEquals": {"sts:SourceIdentity": «"a"»}}'),
        trust(
            ANYONE,
            '["sts:AssumeRole", "sts:SetSourceIdentity"]',
            ', "Condition": {"StringEquals": {"sts:SourceIdentity": "a"}}',
        ),
    ),
    # Service control policies and resource control policies.
    ("SCP_SYNTAX_ERROR_PRINCIPAL", SCP, principal('"*"', '«"Principal"»'), deny(FULL)),
    (
        "RCP_SYNTAX_ERROR_PRINCIPAL",
        RCP,
        deny(f'"Principal": «{ANYONE}», "Action": "s3:*", "Resource": "*"'),
        deny('"Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*"'),
    ),
    (
        "RCP_SYNTAX_ERROR_PRINCIPAL",
        RCP,
        deny('«"NotPrincipal"»: "*", "Action": "s3:*", "Resource": "*"'),
        rcp('"Action": "s3:*"'),
    ),
    (
        "RCP_SYNTAX_ERROR_ALLOW",
        RCP,
        allow('"Principal": "*", "Action": "*", "Resource": [«"arn:aws:s3:::b"»], «"Condition"»: {}'),
        allow('"Principal": "*", "Action": "*", "Resource": "*"'),
    ),
    ("RCP_SYNTAX_ERROR_NOTACTION", RCP, rcp('«"NotAction"»: "s3:*"'), rcp('"Action": "s3:*"')),
    (
        "RCP_SYNTAX_ERROR_ACTION",
        RCP,
        rcp('"Action": [«"ec2:*"», «"*"», "s3:*"]'),
        rcp('"Action": ["s3:*", "STS:AssumeRole", "dynamodb:GetItem"]'),
    ),
    # Conditions: operators.
    (
        "INVALID_CONDITION_OPERATOR",
        IDENTITY,
        condition('{«"StringEqual"»: {"aws:userid": "a:b"}}'),
        condition('{"foranyvalue:stringlikeifexists": {"aws:TagKeys": "a"}}'),
    ),
    (
        "INVALID_CONDITION_OPERATOR",
        IDENTITY,
        condition('{«"aws:SourceIp"»: "203.0.113.1"}'),
        condition('{"IpAddress": {"aws:SourceIp": "203.0.113.1"}}'),
    ),
    (
        "NULL_WITH_IF_EXISTS",
        IDENTITY,
        condition('{«"NullIfExists"»: {"aws:userid": "true"}}'),
        condition('{"Null": {"aws:userid": "true"}}'),
    ),
    (
        "INVALID_CONDITION_MULTIPLE_BOOLEAN",
        IDENTITY,
        condition('{"Bool": {"aws:SecureTransport": «["true", "false"]»}}'),
        condition('{"Bool": {"aws:SecureTransport": ["true"]}}'),
    ),
    (
        "INVALID_CONDITION_DATA_TYPE",
        IDENTITY,
        condition('{"StringEquals": {"aws:RequestTag/a": «["1", 2]»}}'),
        condition('{"StringEquals": {"aws:RequestTag/a": [1, 2]}}'),
    ),
    (
        "MISSING_QUALIFIER",
        IDENTITY,
        condition('{"StringEquals": {"aws:TagKeys": «"team"»}}'),
        condition('{"ForAllValues:StringEquals": {"aws:TagKeys": "team"}, "Null": {"aws:TagKeys": "false"}}'),
    ),
    (
        "INVALID_VARIABLE_FOR_OPERATOR",
        IDENTITY,
        condition('{"NumericEquals": {"s3:max-keys": "«${aws:PrincipalTag/n}»"}}'),
        condition('{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::${aws:username}"}}'),
    ),
    # Conditions: keys.
    (
        "INVALID_CONDITION_KEY_FORMAT",
        IDENTITY,
        condition('{"StringEquals": {«"SourceVpc"»: "vpc-12345678"}}'),
        condition('{"StringEquals": {"token.actions.githubusercontent.com:sub": "a"}}'),
    ),
    (
        "INVALID_GLOBAL_CONDITION_KEY",
        IDENTITY,
        condition('{"StringEquals": {«"aws:PrincipalOrg"»: "o-a1b2c3d4e5"}}'),
        condition('{"StringEquals": {"AWS:principalorgid": "o-a1b2c3d4e5"}}'),
    ),
    (
        "INVALID_SERVICE_CONDITION_KEY",
        IDENTITY,
        condition('{"StringEquals": {«"s3:prefixes"»: "a"}}'),
        condition('{"StringEquals": {"s3:prefix": "a", "s3:ExistingObjectTag/team": "b"}}'),
    ),
    (
        "INVALID_SERVICE",
        IDENTITY,
        condition('{"StringEquals": {«"simplestorage:prefix"»: "a"}}'),
        condition('{"StringEquals": {"saml:aud": "a", "accounts.google.com:aud": "b"}}'),
    ),
    (
        "UNSUPPORTED_GLOBAL_CONDITION_KEY",
        SCP,
        condition('{"ArnLike": {«"aws:ARN"»: "arn:aws:iam::*:role/r"}}'),
        condition('{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}'),
    ),
    (
        "MISSING_TAG_KEY_IN_CONDITION",
        IDENTITY,
        condition('{"StringEquals": {«"aws:RequestTag"»: "a", «"ec2:ResourceTag/"»: "b"}}'),
        condition('{"StringEquals": {"aws:RequestTag/team": "a", "secretsmanager:ResourceTag/team": "b"}}'),
    ),
    (
        "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
        IDENTITY,
        condition('{"StringEquals": {«"aws:username"»: "a", «"aws:UserName"»: "b"}}'),
        condition('{"StringEquals": {"aws:username": "a"}, "StringLike": {"aws:UserName": "b"}}'),
    ),
    (
        "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
        IDENTITY,
        condition('{"StringEquals": {"s3:prefix": «"a"»}}', '["s3:ListBucket", «"s3:GetObject"»]'),
        condition('{"StringEquals": {"s3:prefix": "a"}}', '["s3:ListBucket", "s3:Get*"]'),
    ),
    (
        "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
        RESOURCE,
        trust(
            '{"Federated": "cognito-identity.amazonaws.com"}',
            '["sts:AssumeRoleWithWebIdentity", «"sts:TagSession"»]',
            ', "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": «"a"»}}',
        ),
        condition('{"StringEqualsIfExists": {"s3:prefix": "a"}}', '["s3:ListBucket", "s3:GetObject"]'),
    ),
    # Conditions: values.
    (
        "INVALID_REGION",
        IDENTITY,
        condition('{"StringEquals": {"aws:RequestedRegion": ["eu-west-1", «"eu-west-9"»]}}'),
        condition('{"StringLike": {"aws:RequestedRegion": ["eu-*", "ap-southeast-7"]}}'),
    ),
    (
        "INVALID_SERVICE_PRINCIPAL_FORMAT",
        IDENTITY,
        condition(
            '{"StringEquals": {"iam:PassedToService": «"lambda"», "kms:ViaService": «"s3.amazonaws.com"»}}'
        ),
        condition(
            '{"StringLike": {"iam:PassedToService": "lambda.amazonaws.com",'
            ' "kms:ViaService": ["s3.*.amazonaws.com", "s3.eu-west-1.amazonaws.com"]}}'
        ),
    ),
    (
        "INVALID_VPC_FORMAT",
        IDENTITY,
        condition('{"StringEquals": {"aws:SourceVpc": «"vpc-123"»}}'),
        condition('{"StringEquals": {"aws:SourceVpc": ["vpc-12345678", "vpc-11223344556677889"]}}'),
    ),
    (
        "INVALID_VPCE_FORMAT",
        IDENTITY,
        condition('{"StringEquals": {"aws:SourceVpce": «"vpc-12345678"»}}'),
        condition('{"StringEquals": {"aws:SourceVpce": "vpce-12345678"}}'),
    ),
    (
        "INVALID_KMS_KEY_VALUE",
        IDENTITY,
        condition('{"StringEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": «"alias/k"»}}'),
        condition(
            '{"StringLike": {"s3:x-amz-server-side-encryption-aws-kms-key-id":'
            ' ["arn:aws:kms:eu-west-1:111122223333:key/1", "arn:aws:kms:*"]}}'
        ),
    ),
    (
        "TYPE_MISMATCH_IP_RANGE",
        IDENTITY,
        condition('{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", «"203.0.113.0/33"», «7»]}}'),
        condition('{"NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.9/24", "2001:db8::/32", "::1"]}}'),
    ),
    (
        "PRIVATE_IP_ADDRESS",
        IDENTITY,
        condition('{"IpAddress": {"aws:SourceIp": «["10.0.0.0/8", "192.168.1.1"]»}}'),
        condition('{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}'),
    ),
    (
        "PRIVATE_NOT_IP_ADDRESS",
        IDENTITY,
        condition('{"NotIpAddress": {"aws:SourceIp": «"fc00::/8"»}}'),
        condition('{"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}'),
    ),
    # Variables.
    ("MISSING_BRACE_IN_VARIABLE", IDENTITY, bucket_of("«${aws:username/*»"), bucket_of("${aws:username}/*")),
    (
        "MISSING_QUOTE_IN_VARIABLE",
        IDENTITY,
        bucket_of("«${aws:username, 'x}»"),
        bucket_of("${aws:username, 'x'}"),
    ),
    (
        "UNSUPPORTED_SPACE_IN_VARIABLE",
        IDENTITY,
        bucket_of("«${aws: username}»"),
        bucket_of("${aws:username, ' '}"),
    ),
    ("EMPTY_VARIABLE", IDENTITY, bucket_of("x«${}»y«${ }»"), bucket_of("${*}${?}${$}")),
    (
        "VARIABLE_UNSUPPORTED_IN_ELEMENT",
        IDENTITY,
        actions('"s3:«${aws:username}»"'),
        bucket_of("${aws:username}"),
    ),
    (
        "VARIABLE_UNSUPPORTED_IN_ELEMENT",
        RESOURCE,
        principal('{"AWS": "arn:aws:iam::111122223333:user/«${aws:username}»"}'),
        principal(ANYONE),
    ),
    (
        "VARIABLE_UNSUPPORTED_IN_VERSION",
        IDENTITY,
        policy('{"Resource": «"arn:aws:s3:::${aws:username}"»}', version='"2008-10-17"'),
        bucket_of("${aws:username}"),
    ),
    (
        "VARIABLE_USAGE_TOO_PERMISSIVE",
        IDENTITY,
        condition('{"StringEquals": {"aws:SourceVpc": "«${aws:PrincipalTag/vpc}»"}}'),
        condition('{"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}'),
    ),
    (
        "VARIABLE_USAGE_TOO_PERMISSIVE",
        IDENTITY,
        condition('{"ArnLike": {"aws:PrincipalArn": "«${aws:PrincipalTag/arn}»"}}'),
        condition(
            '{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/${aws:PrincipalTag/r}"}}'
        ),
    ),
    (
        "WILDCARD_USAGE_TOO_PERMISSIVE",
        IDENTITY,
        condition('{"StringLike": {"aws:PrincipalOrgID": "o-a1b2c3d4«*»"}}'),
        condition('{"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}'),
    ),
    (
        "WILDCARD_USAGE_TOO_PERMISSIVE",
        IDENTITY,
        condition('{"StringLike": {"aws:userid": ["AROA«*»", "AR«*»:x"]}}'),
        condition('{"StringLike": {"aws:userid": ["AROAEXAMPLEID:*", "*:session"]}}'),
    ),
    (
        "WILDCARD_USAGE_TOO_PERMISSIVE",
        IDENTITY,
        condition('{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a«*»"}}'),
        condition('{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}'),
    ),
]
