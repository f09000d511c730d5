"""Context providers of OpenID Connect providers: web-identity.md 36.7."""

from __future__ import annotations

import pytest
from issuers import ACCOUNT, GITHUB, Issuer
from refusals import refused

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
CONTEXT = {
    "SubjectSourceKey": "actor",
    "SubjectTypeValue": "user",
    "KeyDefinitionList": [{"SourceKey": "repository", "TargetKey": "Repo"}, {"SourceKey": "run_id"}],
}


@pytest.fixture
def github(understudy):
    """An issuer whose tokens set trusted context."""
    issuer = Issuer(understudy)
    issuer.iam.update_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn, ContextProvider=CONTEXT)
    return issuer


def shown(issuer):
    found = issuer.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn)
    return found.get("ContextProvider")


def test_it_is_set_changed_shown_and_removed(github):
    update = github.iam.update_open_id_connect_provider
    keys = [
        {"SourceKey": "repository", "TargetKey": "Repo"},
        {"SourceKey": "run_id", "TargetKey": "run_id"},
    ]
    assert {**CONTEXT, "KeyDefinitionList": keys} == shown(github)
    update(OpenIDConnectProviderArn=github.arn, ContextProvider={"SubjectSourceKey": "sub"})
    assert {"KeyDefinitionList": [], "SubjectSourceKey": "sub"} == shown(github)
    update(OpenIDConnectProviderArn=github.arn, RemoveContextProvider=True)
    assert shown(github) is None


def test_a_new_provider_has_one_at_once(understudy):
    iam = understudy.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url="https://id.example.com", ThumbprintList=["a" * 40], ContextProvider=CONTEXT
    )["OpenIDConnectProviderArn"]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ContextProvider"]
    assert "actor" == found["SubjectSourceKey"]


@pytest.mark.parametrize(
    "context",
    [
        {"SubjectSourceKey": " sub"},
        {"SubjectSourceKey": "a  b"},
        {"SubjectSourceKey": "a$b"},
        {"SubjectSourceKey": "sub", "SubjectTypeValue": "user", "SubjectTypeSourceKey": "kind"},
        {"SubjectSourceKey": "sub", "KeyDefinitionList": [{"SourceKey": "a"}, {"SourceKey": "A"}]},
    ],
)
def test_what_is_no_context_provider(github, context):
    with refused("InvalidInput", status=400):
        github.iam.update_open_id_connect_provider(
            OpenIDConnectProviderArn=github.arn, ContextProvider=context
        )


@pytest.mark.parametrize(
    "context",
    [
        {"SubjectTypeValue": "user"},
        {"SubjectSourceKey": "sub", "KeyDefinitionList": [{"TargetKey": "a"}]},
    ],
)
def test_sources_must_be_there(github, context):
    with refused("ValidationError", status=400):
        github.iam.update_open_id_connect_provider(
            OpenIDConnectProviderArn=github.arn, ContextProvider=context
        )


@pytest.mark.parametrize("params", [{}, {"ContextProvider": CONTEXT, "RemoveContextProvider": True}])
def test_one_thing_at_a_time(github, params):
    with refused("InvalidInput", status=400):
        github.iam.update_open_id_connect_provider(OpenIDConnectProviderArn=github.arn, **params)


def test_who_may_let_tokens_set_context_is_a_condition(understudy, github):
    deny = {"Bool": {"iam:EnableIdentityPropagation": "true"}}
    statements = [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": deny},
    ]
    who = understudy.user("ursula", {"Version": "2012-10-17", "Statement": statements})
    iam = understudy.client("iam", as_=who)
    with refused("AccessDenied", status=403):
        iam.update_open_id_connect_provider(OpenIDConnectProviderArn=github.arn, ContextProvider=CONTEXT)
    iam.update_open_id_connect_provider(OpenIDConnectProviderArn=github.arn, RemoveContextProvider=True)


def test_one_that_is_not_there(github):
    with refused("NoSuchEntity", status=404):
        github.iam.update_open_id_connect_provider(
            OpenIDConnectProviderArn=f"{PROVIDER}/other", RemoveContextProvider=True
        )
