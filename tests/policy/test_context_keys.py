"""Condition keys: which of them hold lists, held against the catalogue of services."""

from __future__ import annotations

import pytest

from understudy_aws.data import service_catalogue
from understudy_aws.data.resource_control_policies import COVERED_SERVICES
from understudy_aws.policy import Principal, principal_context, question_context
from understudy_aws.policy.language.context_keys import is_list_key
from understudy_aws.policy.language.list_keys import LIST_KEY_PREFIXES, LIST_KEYS


def catalogue_keys():
    """Every key of the catalogue: the services' own, and those that stand in its index for no service."""
    for prefix in service_catalogue.everything():
        service = service_catalogue.service(prefix)
        assert service is not None
        yield from service.condition_keys
    for of_prefix in service_catalogue._index().keys.values():
        yield from of_prefix


def is_array(key):
    return (service_catalogue.condition_key_type(key) or "").startswith("ArrayOf")


def test_the_list_keys_are_those_of_the_catalogue():
    """`tools/generate_list_keys.py` writes them; the type is "ArrayOf…" at AWS (policies.md 4.4)."""
    keys = {key.lower() for key in catalogue_keys() if is_array(key)}
    assert {key for key in keys if "${" not in key} == LIST_KEYS
    assert {key.partition("${")[0] for key in keys if "${" in key} == set(LIST_KEY_PREFIXES)


def test_every_key_of_the_catalogue_is_judged_as_its_type_says():
    """Cognito's `amr` is typed String there and is a list all the same (policies.md 4.4)."""
    differing = {key for key in catalogue_keys() if is_list_key(key.lower()) is not is_array(key)}
    assert {"cognito-identity.amazonaws.com:amr"} == {key.lower() for key in differing}


@pytest.mark.parametrize(
    "key",
    [
        "aws:TagKeys", "aws:CalledVia", "aws:PrincipalOrgPaths", "aws:ResourceOrgPaths", "aws:SourceOrgPaths",
        "aws:VpceOrgPaths", "aws:PrincipalServiceNamesList", "sts:TransitiveTagKeys", "accounts.google.com:amr",
        "login.example.com/tenant/a:amr", "kms:GrantOperations", "ssm:DocumentCategories",
        "vpc-lattice-svcs:RequestQueryString/page",
    ],
)  # fmt: skip
def test_one_value_of_a_list_key_is_a_list_of_one(key):
    """Reference policies.md 4.4: the type is a property of the key."""
    assert {key.lower(): ["x"]} == question_context({key: "x"})


@pytest.mark.parametrize(
    "key", ["aws:RequestTag/team:amr", "aws:ResourceTag/a/b:amr", "aws:username", "amr", "aws:TagKeys/x", ""]
)
def test_a_tag_that_looks_like_a_list_key_is_none(key):
    assert {key.lower(): "x"} == question_context({key: "x"})


def test_a_list_stays_a_list_whatever_the_key():
    assert {"aws:username": ["x"]} == question_context({"aws:username": ("x",)})


def test_the_services_under_rcps_are_services():
    """Organizations user guide, "List of AWS services that support RCPs"."""
    assert {"s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb", "ecr", "aoss"} <= COVERED_SERVICES
    assert set() == COVERED_SERVICES - set(service_catalogue.everything())
    assert not {"iam", "ec2", "apprunner", "organizations"} & COVERED_SERVICES


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (
            Principal("user", "arn:aws:iam::111122223333:user/team/bob", "111122223333", user_id="AIDABOB"),
            {"aws:username": "bob", "aws:userid": "AIDABOB", "aws:principaltype": "User"},
        ),
        (
            Principal("root", "arn:aws:iam::111122223333:root", "111122223333"),
            {"aws:userid": "111122223333", "aws:principaltype": "Account"},
        ),
        (
            Principal(
                "role-session",
                "arn:aws:sts::111122223333:assumed-role/R/s",
                "111122223333",
                "arn:aws:iam::111122223333:role/p/R",
                user_id="AROAR:s",
            ),
            {
                "aws:principalarn": "arn:aws:iam::111122223333:role/p/R",
                "aws:userid": "AROAR:s",
                "aws:principaltype": "AssumedRole",
            },
        ),
    ],
    ids=["user", "root", "role session"],
)
def test_a_principal_carries_its_keys(principal, expected):
    """Reference policies.md 4.5 and 4.6."""
    context = principal_context(principal)
    assert expected == {key: context.get(key) for key in expected}
    assert (principal.kind == "user") is ("aws:username" in context)


def test_a_service_is_named_alone_and_in_a_list():
    """Reference policies.md 4.6: only direct calls by a service principal carry the two keys."""
    assert {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": "ecs.amazonaws.com",
        "aws:principalservicenameslist": ["ecs.amazonaws.com"],
    } == principal_context(Principal("service", service="ecs.amazonaws.com"))
