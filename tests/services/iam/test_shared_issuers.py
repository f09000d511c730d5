"""Trust in issuers that many organizations share: web-identity.md 36.8."""

from __future__ import annotations

import json

import msgspec
import pytest
from issuers import ACCOUNT, GITHUB
from refusals import refused

from understudy_aws.data.shared_issuers import required_keys
from understudy_aws.services.iam.role_records import roles
from understudy_aws.testing import Understudy

WEB = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}
WORDS = (
    f"The trust policy must evaluate {GITHUB}:sub or {GITHUB}:job_workflow_ref because {GITHUB} is a shared OpenID "
    "Connect provider."
)


def provider(issuer):
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"


HUB = provider(GITHUB)


def statement(condition=None, *, federated=HUB, action=WEB, effect="Allow"):
    made = {"Effect": effect, "Principal": {"Federated": federated}, "Action": action}
    return {**made, "Condition": condition} if condition else made


def trust(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def create(iam):
    """Make a role with this trust policy."""

    def made(document):
        return iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]

    return made


def test_a_role_for_every_repository_is_refused_when_it_is_made_and_when_it_is_changed(iam, create):
    for condition in (None, AUDIENCE):
        with refused("MalformedPolicyDocument", WORDS, 400):
            create(trust(statement(condition)))
    good = {"StringLike": {f"{GITHUB}:sub": "repo:acme/*"}}
    create(trust(statement(good)))
    with refused("MalformedPolicyDocument", WORDS, 400):
        iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trust(statement(AUDIENCE)))
    kept = iam.get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"]
    assert good == kept["Statement"][0]["Condition"]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {f"{GITHUB}:sub": "repo:acme/shop:ref:refs/heads/main"}},
        {"StringLike": {f"{GITHUB}:sub": ["repo:acme/shop:*", "*"]}},
        {"ForAnyValue:StringLike": {f"{GITHUB.upper()}:SUB": "repo:acme/shop:*"}, **AUDIENCE},
        {"StringLike": {f"{GITHUB}:job_workflow_ref": "acme/shop/.github/workflows/*"}},
    ],
)
def test_a_condition_on_the_claim_is_enough_whatever_it_asks(create, condition):
    assert create(trust(statement(condition)))


@pytest.mark.parametrize(
    "issuer, key",
    [
        ("gitlab.com", "gitlab.com:sub"),
        ("app.terraform.io", "app.terraform.io:sub"),
        ("oidc.vercel.com", "oidc.vercel.com:aud"),
        ("studio.datachain.ai/api", "studio.datachain.ai/api:sub"),
        ("sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", "sts:RoleSessionName"),
    ],
)
def test_each_issuer_has_its_claim(create, issuer, key):
    other = {"StringEquals": {f"{issuer}:oaud": "acme"}}
    with refused("MalformedPolicyDocument", status=400):
        create(trust(statement(other, federated=provider(issuer))))
    assert create(trust(statement({"StringEquals": {key: "acme"}}, federated=provider(issuer))))


def test_cognito_is_named_without_an_arn(create):
    with refused("MalformedPolicyDocument", status=400):
        create(trust(statement(federated="cognito-identity.amazonaws.com")))
    asked = {"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:pool"}}
    assert create(trust(statement(asked, federated="cognito-identity.amazonaws.com")))


@pytest.mark.parametrize(
    "statements",
    [
        [
            statement(
                federated=provider("oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE")
            )
        ],
        [statement(federated=provider("gitlab.example.com"))],
        [statement(federated=provider("oidc.vercel.com/acme"))],
        [statement(federated="accounts.google.com")],
        [statement(effect="Deny")],
        [statement(action="sts:TagSession")],
    ],
)
def test_what_lets_nobody_in_and_issuers_of_one_organization_need_none(create, statements):
    assert create(trust(*statements))


@pytest.mark.parametrize(
    "statements",
    [
        [statement({"StringEquals": {f"{GITHUB}:sub": "repo:acme/shop:pull_request"}}), statement(AUDIENCE)],
        [statement(AUDIENCE, federated=[provider("gitlab.example.com"), HUB])],
        [statement({"StringEquals": {"gitlab.com:sub": "acme"}}, federated=[provider("gitlab.com"), HUB])],
        [statement(AUDIENCE, action=["sts:TagSession", "sts:assumerolewithwebidentity"])],
    ],
)
def test_each_statement_answers_for_itself_and_for_all_it_names(create, statements):
    with refused("MalformedPolicyDocument", WORDS, 400):
        create(trust(*statements))


def test_an_escaped_letter_hides_no_issuer(create):
    with refused("MalformedPolicyDocument", WORDS, 400):
        create(trust(statement(AUDIENCE)).replace("Federated", "Feder\\u0061ted"))


def test_a_role_that_is_there_keeps_its_policy(understudy: Understudy, iam, create):
    """A role of a store from before the rule."""
    create(trust(statement({"StringEquals": {f"{GITHUB}:sub": "repo:acme/shop:pull_request"}})))
    with understudy.app.database.transaction() as tx:
        role = roles.get(tx, ACCOUNT, "deploy")
        roles.put(tx, msgspec.structs.replace(role, trust=trust(statement(AUDIENCE))))
    iam.update_role(RoleName="deploy", Description="of old")
    assert (
        AUDIENCE
        == iam.get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    )


def test_issuers_are_known_in_any_letter_case():
    assert required_keys("GitLab.com") == ("gitlab.com:sub",)
    assert required_keys("gitlab.example.com") == ()
