"""Trusted context that tokens set in sessions: web-identity.md 36.7 (API models, STS and IAM API Reference)."""

from __future__ import annotations

import json

import jwt
import pytest
from issuers import ACCOUNT, GITHUB, MAIN, Issuer
from refusals import refused

CONTEXT = {
    "SubjectSourceKey": "actor",
    "SubjectTypeValue": "user",
    "KeyDefinitionList": [{"SourceKey": "repository", "TargetKey": "Repo"}, {"SourceKey": "run_id"}],
}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
SAID = {"actor": "ann", "repository": "acme/shop", "run_id": 17}
CONDITION = {
    "StringEquals": {
        "aws:OriginIdentity/Subject": "ann",
        "aws:OriginIdentity/SubjectType": "user",
        "aws:OriginIdentity/Issuer": GITHUB,
        "aws:TransactionContext/IdentityProvider/Repo": "acme/shop",
        "aws:TransactionContext/IdentityProvider/run_id": "17",
    },
    "ArnEquals": {"aws:OriginIdentity/FederatedProviderArn": PROVIDER},
}


@pytest.fixture
def github(understudy):
    """An issuer whose tokens set trusted context."""
    issuer = Issuer(understudy)
    issuer.iam.update_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn, ContextProvider=CONTEXT)
    return issuer


@pytest.fixture
def session(understudy, github):
    """Credentials of a session for a token with these claims."""

    def begin(role=None, **claims):
        return understudy.session_of(github.assume(role or github.role(), github.token(**claims)))

    return begin


class TestSessions:
    def test_the_answer_tells_what_was_set(self, github):
        told = github.assume(github.role(), github.token(**SAID))["TrustedIdentityPropagationContext"]
        assert {
            "OriginIdentity": {
                "Subject": "ann",
                "SubjectType": "user",
                "Issuer": GITHUB,
                "FederatedProviderArn": PROVIDER,
            },
            "TransactionContext": {"IdentityProvider": {"Repo": "acme/shop", "run_id": "17"}},
        } == told

    def test_what_the_token_does_not_say_is_not_set(self, github):
        told = github.assume(github.role(), github.token(actor="ann", repository=["a"], run_id=True))
        assert {"OriginIdentity"} == set(told["TrustedIdentityPropagationContext"])

    def test_the_kind_may_be_a_claim(self, github):
        context = {"SubjectSourceKey": "actor", "SubjectTypeSourceKey": "kind"}
        github.iam.update_open_id_connect_provider(
            OpenIDConnectProviderArn=github.arn, ContextProvider=context
        )
        role = github.role()

        def kind(**claims):
            told = github.assume(role, github.token(actor="ann", **claims))
            return told["TrustedIdentityPropagationContext"]["OriginIdentity"].get("SubjectType")

        assert ("workload", None) == (kind(kind="workload"), kind())

    @pytest.mark.parametrize(
        "claims", [{}, {"actor": ""}, {"actor": ["ann"]}, {"actor": "ann", "repository": "a" * 129}]
    )
    def test_a_token_without_subject_or_with_too_much_is_refused(self, github, claims):
        with refused("InvalidIdentityToken", status=400):
            github.assume(github.role(), github.token(**claims))

    def test_trust_policies_and_the_sessions_own_see_it(self, understudy, github, session, policy):
        role = github.role(condition=CONDITION)
        github.iam.put_role_policy(
            RoleName="deploy",
            PolicyName="own",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "iam:ListRoles",
                            "Resource": "*",
                            "Condition": CONDITION,
                        }
                    ],
                }
            ),
        )
        assert understudy.client("iam", as_=session(role, **SAID)).list_roles()
        with refused("AccessDenied", status=403):
            session(role, **{**SAID, "actor": "eve"})

    def test_without_a_context_provider_there_is_none(self, github):
        github.iam.update_open_id_connect_provider(
            OpenIDConnectProviderArn=github.arn, RemoveContextProvider=True
        )
        assert "TrustedIdentityPropagationContext" not in github.assume(github.role(), github.token(**SAID))

    def test_the_trail_does_not_keep_the_answers_part_about_people(self, understudy, github):
        github.assume(github.role(), github.token(actor="somebody-by-name"))
        assert "somebody-by-name" not in repr(understudy.trail()[-1].response)


class TestTokens:
    """GetWebIdentityToken with SubjectMode and Scope, by its description."""

    @pytest.fixture
    def ask(self, understudy, github, session):
        github.iam.enable_outbound_web_identity_federation()
        role = github.role()

        def asked(
            *, allowed=("sts:GetWebIdentityToken", "sts:SetWebIdentityTokenScope"), claims=SAID, **params
        ):
            github.iam.put_role_policy(
                RoleName="deploy",
                PolicyName="own",
                PolicyDocument=json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}],
                    }
                ),
            )
            sts = understudy.client("sts", as_=session(role, **claims))
            answer = sts.get_web_identity_token(
                **{"Audience": ["https://api.example.com"], "SigningAlgorithm": "ES384", **params}
            )
            return jwt.decode(answer["WebIdentityToken"], options={"verify_signature": False})

        return asked

    def test_a_token_is_about_whom_the_session_acts_for(self, ask):
        claims = ask(SubjectMode="OriginIdentity", Scope="read write")
        assert ("ann", "OriginIdentity", "read write") == (
            claims["sub"],
            claims["subject_mode"],
            claims["scope"],
        )
        role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
        assert role == claims["https://sts.amazonaws.com/"]["principal_id"]

    @pytest.mark.parametrize("mode", [{}, {"SubjectMode": "AWSIdentity"}])
    def test_it_is_about_the_principal_otherwise(self, ask, mode):
        claims = ask(**mode)
        assert f"arn:aws:iam::{ACCOUNT}:role/deploy" == claims["sub"]
        assert not {"scope", "subject_mode"} & set(claims)

    def test_without_context_there_is_no_origin(self, understudy, github):
        github.iam.enable_outbound_web_identity_federation()
        with refused("ValidationError", status=400):
            understudy.client("sts").get_web_identity_token(
                Audience=["a"], SigningAlgorithm="ES384", SubjectMode="OriginIdentity"
            )

    @pytest.mark.parametrize("actor", ["ARN:aws:iam::1:role/x", " ann", "ann ", "an\u200bn", "an\nn"])
    def test_a_subject_that_could_be_taken_for_another_is_denied(self, ask, actor):
        with refused("AccessDenied", status=403):
            ask(SubjectMode="OriginIdentity", claims={"actor": actor})

    @pytest.mark.parametrize(
        "params",
        [
            {"Scope": "read"},
            {"Scope": "read", "SubjectMode": "OriginIdentity", "Audience": ["a", "b"]},
            {"Scope": "read read", "SubjectMode": "OriginIdentity"},
            {"Scope": "read  write", "SubjectMode": "OriginIdentity"},
            {"SubjectMode": "Nobody"},
        ],
    )
    def test_what_cannot_be_asked_for(self, ask, params):
        with refused("ValidationError", status=400):
            ask(**params)

    def test_scope_takes_a_permission_of_its_own(self, ask):
        params = {"SubjectMode": "OriginIdentity", "Scope": "read"}
        with refused("AccessDenied", status=403) as caught:
            ask(allowed=("sts:GetWebIdentityToken",), **params)
        assert "sts:SetWebIdentityTokenScope" in caught.text

    def test_conditions_see_mode_and_scopes(self, understudy, github, session):
        github.iam.enable_outbound_web_identity_federation()
        role = github.role()
        condition = {
            "StringEquals": {"sts:SubjectMode": "OriginIdentity"},
            "ForAllValues:StringEquals": {"sts:IdentityTokenScope": ["read", "list"]},
        }
        statement = {"Effect": "Allow", "Action": "sts:*", "Resource": "*", "Condition": condition}
        github.iam.put_role_policy(
            RoleName="deploy",
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        sts = understudy.client("sts", as_=session(role, **SAID))
        params = {"Audience": ["a"], "SigningAlgorithm": "ES384", "SubjectMode": "OriginIdentity"}
        assert sts.get_web_identity_token(**params, Scope="list read")
        with refused("AccessDenied", status=403):
            sts.get_web_identity_token(**params, Scope="read write")
        with refused("AccessDenied", status=403):
            sts.get_web_identity_token(Audience=["a"], SigningAlgorithm="ES384")


def test_the_subject_of_the_token_stays_what_it_is(github):
    assert MAIN == github.assume(github.role(), github.token(**SAID))["SubjectFromWebIdentityToken"]
