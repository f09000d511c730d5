"""Who may hand roles to services, and have services create their own."""

import json

import pytest

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    validate_policy,
)
from understudy_aws.policy.findings import PolicyType

FORMS = {
    "NOT_RESOURCE": ("Action", '«"{action}"»', "NotResource", '«"arn:aws:iam::111122223333:role/x"»'),
    "STAR_IN_ACTION_AND_NOT_RESOURCE": (
        "Action", '["s3:*", «"iam:*"»]', "NotResource", '«"arn:aws:iam::111122223333:role/x"»',
    ),
    "NOT_ACTION_AND_NOT_RESOURCE": (
        "NotAction", '«["s3:*"]»', "NotResource", '«"arn:aws:iam::111122223333:role/x"»',
    ),
    "STAR_IN_RESOURCE": ("Action", '["s3:GetObject", «"{action}"»]', "Resource", '«"*"»'),
    "STAR_IN_ACTION_AND_RESOURCE": ("Action", '«"*"»', "Resource", '«"*"»'),
    "STAR_IN_RESOURCE_AND_NOT_ACTION": ("NotAction", '«"s3:*"»', "Resource", '[«"*"»]'),
}  # fmt: skip
FAMILIES = {"PASS_ROLE": "iam:PassRole", "CREATE_SLR": "iam:CreateServiceLinkedRole"}
KEYS = {"PASS_ROLE": "iam:PassedToService", "CREATE_SLR": "iam:AWSServiceName"}


def written(family: str, form: str, effect: str = "Allow", condition: str = "") -> str:
    action, actions, resource, resources = FORMS[form]
    actions = actions.replace("{action}", FAMILIES[family])
    return f'{{"Effect": "{effect}", "{action}": {actions}, "{resource}": {resources}{condition}}}'


def unmarked(text: str) -> str:
    return text.replace("«", "").replace("»", "")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_its_code_and_points_at_the_action_and_the_resource(policies, family, form):
    """Recorded for AdministratorAccess, IAMFullAccess, PowerUserAccess and AmazonElasticMapReduceRole."""
    for each in FORMS:
        statement = written(family, form) if each == form else unmarked(written(family, form))
        expected, actual = policies.identity(f"{family}_WITH_{each}", statement)
        assert expected == actual


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", FORMS)
def test_a_deny_is_no_grant(policies, family, form):
    expected, actual = policies.identity(f"{family}_WITH_{form}", unmarked(written(family, form, "Deny")))
    assert expected == actual


@pytest.mark.parametrize(
    ("condition", "limits"),
    [
        ('{"StringEquals": {"KEY": "ec2.amazonaws.com"}}', True),
        ('{"StringLike": {"key": "ec2.amazonaws.com*"}}', True),
        ('{"ForAnyValue:StringEquals": {"KEY": "ec2.amazonaws.com"}}', True),
        # Recorded: AWSServiceRoleForAmazonEKSNodegroup and AlexaForBusinessFullAccess are warned of.
        ('{"StringEqualsIfExists": {"KEY": "ec2.amazonaws.com"}}', False),
        ('{"StringLike": {"KEY": ["*a4b.amazonaws.com"]}}', False),
        ('{"StringNotEquals": {"KEY": "ec2.amazonaws.com"}}', False),
        ('{"Null": {"KEY": "false"}}', False),
        ('{"StringEquals": {"aws:PrincipalAccount": "111122223333"}}', False),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", [form for form in FORMS if "NOT_RESOURCE" not in form])
def test_a_condition_that_names_the_services_is_enough(policies, family, form, condition, limits):
    block = f', "Condition": {condition}'.replace("KEY", KEYS[family]).replace("key", KEYS[family].lower())
    statement = written(family, form, condition=block)
    expected, actual = policies.identity(
        f"{family}_WITH_{form}", unmarked(statement) if limits else statement
    )
    assert expected == actual


def test_a_condition_on_the_resource_the_role_is_for_is_enough_to_pass_roles(policies):
    """Recorded: AWSServiceRoleForSMS is not warned of."""
    block = (
        ', "Condition": {"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:cloudformation:*:*:stack/a/*"}}'
    )
    statement = unmarked(written("PASS_ROLE", "STAR_IN_RESOURCE", condition=block))
    expected, actual = policies.identity("PASS_ROLE_WITH_STAR_IN_RESOURCE", statement)
    assert expected == actual


@pytest.mark.parametrize(
    ("resource", "is_open"),
    [
        ("*", True),
        ("arn:aws:iam::*:role/*", True),
        ("arn:aws:iam::111122223333:role/*", True),
        ("arn:aws:iam::111122223333:*", True),
        ("arn:*:iam::*:role/aws-service-role/*", True),
        ("arn:aws:*:*:*:*", True),
        ("arn:aws:iam::*", True),
        # Recorded: AWSBatchFullAccess and SystemAdministrator are not warned of.
        ("arn:aws:iam::*:role/ecsInstanceRole", False),
        ("arn:aws:iam::*:role/lambda-sysadmin-*", False),
        ("arn:aws:iam::111122223333:role/app", False),
        ("arn:aws:iam::111122223333:user/*", False),
        ("arn:aws:s3:::*", False),
    ],
)
def test_a_resource_is_open_when_nothing_of_the_role_s_name_is_fixed(policies, resource, is_open):
    marked = f'«"{resource}"»' if is_open else f'"{resource}"'
    action = '«"iam:PassRole"»' if is_open else '"iam:PassRole"'
    statement = f'{{"Effect": "Allow", "Action": {action}, "Resource": {marked}}}'
    expected, actual = policies.identity("PASS_ROLE_WITH_STAR_IN_RESOURCE", statement)
    assert expected == actual


def test_naming_the_service_in_the_path_is_enough_to_create_its_role(policies):
    """The path tells the service, although the role's name is left to AWS (observed with ValidatePolicy)."""
    arn = "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/*"
    statement = f'{{"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "{arn}"}}'
    expected, actual = policies.identity("CREATE_SLR_WITH_STAR_IN_RESOURCE", statement)
    assert expected == actual


def advice(policies, code: str, *statements: dict) -> str:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return policies.only(code, text).instead


def suggested(instead: str) -> dict:
    """The statement in the advice."""
    return json.loads(instead[instead.index("{") : instead.rindex("}") + 1])


BROAD = {"Effect": "Allow", "Action": ["apprunner:*", "iam:CreateServiceLinkedRole"], "Resource": "*"}


def test_what_to_write_instead_names_both_roles_of_app_runner(policies):
    """Reference service-linked-roles.md 1.9: App Runner has a role of its own and one for networking."""
    statement = suggested(advice(policies, "CREATE_SLR_WITH_STAR_IN_RESOURCE", BROAD))
    assert {
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": [
            "arn:aws:iam::*:role/aws-service-role/apprunner.amazonaws.com/AWSServiceRoleForAppRunner",
            (
                "arn:aws:iam::*:role/aws-service-role/networking.apprunner.amazonaws.com/"
                "AWSServiceRoleForAppRunnerNetworking"
            ),
        ],
        "Condition": {
            "StringEquals": {
                "iam:AWSServiceName": ["apprunner.amazonaws.com", "networking.apprunner.amazonaws.com"]
            }
        },
    } == statement


def test_what_to_write_instead_takes_the_services_from_the_other_statements_if_need_be(policies):
    ecs = {"Effect": "Allow", "Action": "ecs:CreateCluster", "Resource": "*"}
    create = {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"}
    statement = suggested(advice(policies, "CREATE_SLR_WITH_STAR_IN_RESOURCE", ecs, create))
    assert "ecs.amazonaws.com" == statement["Condition"]["StringEquals"]["iam:AWSServiceName"]


def test_the_suggested_statement_allows_the_role_that_is_needed_and_has_no_finding_itself(policies):
    statement = suggested(advice(policies, "CREATE_SLR_WITH_STAR_IN_RESOURCE", BROAD))
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    _, actual = policies.document("CREATE_SLR_WITH_STAR_IN_RESOURCE", text)
    assert [] == actual
    question = Question(
        Principal("user", "arn:aws:iam::111122223333:user/u", "111122223333"),
        "iam:CreateServiceLinkedRole",
        "arn:aws:iam::111122223333:role/aws-service-role/networking.apprunner.amazonaws.com/"
        "AWSServiceRoleForAppRunnerNetworking",
        {"iam:awsservicename": "networking.apprunner.amazonaws.com"},
    )
    bindings = Bindings(identity=(NamedPolicy("suggested", compile_policy(text)),))
    assert decide(question, bindings).allowed


def test_what_to_write_instead_of_passing_any_role_names_the_service_beside_it(policies):
    broad = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "iam:PassRole"], "Resource": "*"}
    statement = suggested(advice(policies, "PASS_ROLE_WITH_STAR_IN_RESOURCE", broad))
    assert "lambda.amazonaws.com" == statement["Condition"]["StringEquals"]["iam:PassedToService"]
    assert "arn:aws:iam::ACCOUNT:role/ROLE-NAME" == statement["Resource"]


def test_a_wildcard_is_quoted_in_what_is_said_of_it(policies):
    text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}'
    finding = policies.only("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", text)
    assert finding.details.startswith('"iam:*" includes iam:PassRole')


@pytest.mark.parametrize("policy_type", [PolicyType.SERVICE_CONTROL, PolicyType.RESOURCE_CONTROL])
def test_a_policy_that_only_limits_hands_out_no_roles(policy_type):
    """FullAWSAccess, which Organizations attaches itself, lets nobody do anything by itself."""
    full = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    codes = {finding.issue_code for finding in validate_policy(full, policy_type)}
    assert not {code for code in codes if code.startswith(("PASS_ROLE", "CREATE_SLR"))}
