"""Conditions on a resource's tags where a request never carries them."""

import json

import pytest

ALLOW, DENY, ALLOW_REST, DENY_REST = CODES = (
    "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
)


@pytest.mark.parametrize(
    ("actions", "block"),
    [
        # Recorded: AWSObservabilityAdminTelemetryEnablementServiceRolePolicy, AmazonEKSLoadBalancingPolicy.
        (
            '["logs:PutRetentionPolicy", «"logs:PutResourcePolicy"», «"logs:DescribeLogGroups"»]',
            '{"StringEquals": {«"aws:ResourceTag/Managed"»: "true"}}',
        ),
        (
            '«"elasticloadbalancing:DescribeLoadBalancers"»',
            '{"StringEquals": {«"aws:ResourceTag/eks:eks-cluster-name"»: "a"}}',
        ),
        ('«"s3:ListAllMyBuckets"»', '{"StringLike": {«"AWS:resourcetag/team"»: "a*"}}'),
        ('[«"sts:GetCaller*"», "ec2:StartInstances"]', '{"StringEquals": {«"aws:ResourceTag/team"»: "a"}}'),
        # Requests for these carry a tag.
        ('"ec2:StartInstances"', '{"StringEquals": {"aws:ResourceTag/team": "a"}}'),
        ('"ec2:*"', '{"StringEquals": {"aws:ResourceTag/team": "a"}}'),
        # Recorded: AWSSupplyChainFederationAdminAccess and AWSSSMForSAPServiceLinkedRolePolicy are not told of
        # actions that create something with tags.
        ('["chime:CreateAppInstanceUser", "resource-groups:CreateGroup"]', '{"StringLike": {"aws:ResourceTag/a": "b"}}'),
        # These hold without the tag.
        ('"logs:PutResourcePolicy"', '{"StringNotEquals": {"aws:ResourceTag/team": "a"}}'),
        ('"logs:PutResourcePolicy"', '{"StringEqualsIfExists": {"aws:ResourceTag/team": "a"}}'),
        ('"logs:PutResourcePolicy"', '{"Null": {"aws:ResourceTag/team": "true"}}'),
        ('"logs:PutResourcePolicy"', '{"StringEquals": {"aws:PrincipalTag/team": "a"}}'),
        # Nothing is known of these.
        ('["nobody:Knows", "logs:Unknown", "*", "*:Get*"]', '{"StringEquals": {"aws:ResourceTag/team": "a"}}'),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("effect", "code"), [("Allow", ALLOW), ("Deny", DENY)])
def test_actions_without_tags_are_pointed_at_with_the_key(policies, actions, block, effect, code):
    statement = f'{{"Effect": "{effect}", "Action": {actions}, "Resource": "*", "Condition": {block}}}'
    expected, actual = policies.identity(code, statement)
    assert expected == actual
    for other in CODES:
        if other != code:
            _, actual = policies.identity(other, statement.replace("«", "").replace("»", ""))
            assert [] == actual


@pytest.mark.parametrize(("effect", "code"), [("Allow", ALLOW_REST), ("Deny", DENY_REST)])
@pytest.mark.parametrize(
    ("name", "key"),
    [('«"NotAction"»', '«"aws:ResourceTag/team"»'), ('"NotAction"', '"aws:PrincipalTag/team"')],
)
def test_not_action_by_tag_is_pointed_at(policies, effect, code, name, key):
    statement = (
        f'{{"Effect": "{effect}", {name}: "iam:*", "Resource": "*", '
        f'"Condition": {{"StringEquals": {{{key}: "a"}}}}}}'
    )
    expected, actual = policies.identity(code, statement)
    assert expected == actual


def test_the_statement_to_move_them_to_is_written_out(policies):
    condition = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    actions = ["s3:ListAllMyBuckets", "ec2:StartInstances"]
    statement = {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    finding = policies.only(DENY, text)
    assert "Requests for s3:ListAllMyBuckets (s3) never carry aws:ResourceTag/team" in finding.details
    assert '{"Action": "s3:ListAllMyBuckets", "Resource": "*"}' in finding.instead
