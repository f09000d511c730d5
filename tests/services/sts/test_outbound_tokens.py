"""Outbound identity federation: tokens about AWS principals (web-identity.md 36.6)."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import jwt
import pytest
from refusals import refusal, refused

from understudy_aws import app, settings
from understudy_aws.core.http import HttpRequest
from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
NAMESPACE = "https://sts.amazonaws.com/"


@pytest.fixture
def issuer(understudy):
    """The issuer of the account, enabled."""
    return understudy.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]


@pytest.fixture
def ask(understudy):
    """Ask for a token, as the administrator or somebody else."""

    def asked(as_=None, audience=("https://api.example.com",), algorithm="ES384", **more):
        return understudy.client("sts", as_=as_).get_web_identity_token(
            Audience=list(audience), SigningAlgorithm=algorithm, **more
        )

    return asked


def get(understudy, url, *, method="GET", host=None):
    """A document of an issuer, asked for under its host."""
    parts = urlsplit(url)
    request = HttpRequest(method, parts.path, "", {"host": parts.netloc if host is None else host}, b"")
    return understudy.app.answer(request)


def verified(understudy, answer, audience="https://api.example.com"):
    """The claims of a token, verified as a stranger would: through the documents of its issuer."""
    token = answer["WebIdentityToken"]
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    found = json.loads(get(understudy, f"{issuer}/.well-known/openid-configuration").body)
    assert issuer == found["issuer"]
    keys = jwt.PyJWKSet.from_json(get(understudy, found["jwks_uri"]).body.decode())
    head = jwt.get_unverified_header(token)
    assert head["alg"] in found["id_token_signing_alg_values_supported"]
    return jwt.decode(
        token, keys[head["kid"]], algorithms=[head["alg"]], audience=audience, issuer=issuer, leeway=60
    )


class TestFeature:
    def test_without_it_nobody_has_a_token(self, understudy, ask, refused):
        with refused("OutboundWebIdentityFederationDisabledException", status=403):
            ask()

    def test_tokens_that_are_out_stay_good(self, understudy, issuer, ask):
        """IAM API Reference, DisableOutboundWebIdentityFederation."""
        answer = ask()
        understudy.client("iam").disable_outbound_web_identity_federation()
        assert verified(understudy, answer)
        assert "OutboundWebIdentityFederationDisabledException" == refusal(ask).code


class TestToken:
    @pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
    def test_a_stranger_verifies_it(self, understudy, issuer, ask, algorithm):
        answer = ask(algorithm=algorithm)
        found = verified(understudy, answer)
        assert algorithm == jwt.get_unverified_header(answer["WebIdentityToken"])["alg"]
        assert {"iss", "aud", "sub", "iat", "exp", "jti", NAMESPACE} == set(found)
        assert (issuer, f"arn:aws:iam::{ACCOUNT}:user/Administrator") == (found["iss"], found["sub"])
        assert {
            "aws_account": ACCOUNT,
            "source_region": "us-east-1",
            "principal_id": f"arn:aws:iam::{ACCOUNT}:user/Administrator",
        } == found[NAMESPACE]
        assert 300 == found["exp"] - found["iat"]
        assert int(answer["Expiration"].timestamp()) == found["exp"]

    def test_a_role_is_named_without_its_session(self, understudy, issuer, ask):
        """STS API Reference: of a role session the ARN of the role. Its tags, the session's end and source are told."""
        iam = understudy.client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
        arn = iam.create_role(
            RoleName="worker",
            Path="/deep/",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
            Tags=[{"Key": "team", "Value": "shop"}, {"Key": "env", "Value": "prod"}],
        )["Role"]["Arn"]
        iam.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        answer = understudy.client("sts").assume_role(
            RoleArn=arn, RoleSessionName="s1", SourceIdentity="ann", Tags=[{"Key": "Team", "Value": "web"}]
        )
        found = verified(understudy, ask(as_=understudy.session_of(answer)))
        assert arn == found["sub"]
        about = found[NAMESPACE]
        assert {"env": "prod", "Team": "web"} == about["principal_tags"]
        assert ("ann", arn) == (about["source_identity"], about["principal_id"])
        ends = answer["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
        assert ends == about["original_session_exp"]

    def test_request_tags_are_told(self, understudy, issuer, ask, refused):
        tags = [{"Key": "job-id", "Value": "job-7"}]
        assert {"job-id": "job-7"} == verified(understudy, ask(Tags=tags))[NAMESPACE]["request_tags"]
        with refused("InvalidParameterValue", status=400):
            ask(Tags=[*tags, {"Key": "JOB-ID", "Value": ""}])

    def test_an_organization_is_told(self, understudy, issuer, ask):
        organizations = understudy.client("organizations")
        made = organizations.create_organization()["Organization"]
        about = verified(understudy, ask())[NAMESPACE]
        assert made["Id"] == about["org_id"]
        (path,) = about["ou_path"]
        assert path.startswith(f"{made['Id']}/r-")

    def test_several_audiences_are_a_list(self, understudy, issuer, ask, refused):
        found = verified(understudy, ask(audience=("a", "b")), audience="b")
        assert ["a", "b"] == found["aud"]
        with refused("ValidationError", status=400):
            ask(audience=["a"] * 11)

    @pytest.mark.parametrize("seconds", [60, 3600])
    def test_it_lasts_a_minute_to_an_hour(self, understudy, issuer, ask, seconds, refused):
        found = verified(understudy, ask(DurationSeconds=seconds))
        assert seconds == found["exp"] - found["iat"]
        with refused("ValidationError", status=400):
            ask(DurationSeconds=seconds + (1 if seconds > 60 else -1))

    def test_it_does_not_outlive_the_session(self, understudy, issuer, ask, refused):
        session = understudy.role("worker", policy_of("sts:GetWebIdentityToken"))
        assert ask(as_=session, DurationSeconds=3600 - 30)
        understudy.clock.advance(1800)
        with refused("SessionDurationEscalationException", status=403):
            ask(as_=session, DurationSeconds=3600 - 30)

    def test_two_algorithms_sign(self, issuer, ask, refused):
        with refused("ValidationError", status=400) as told:
            ask(algorithm="HS256")
        assert "'signingAlgorithm'" in told.text

    def test_it_has_an_end(self, issuer, ask, refused):
        tags = [{"Key": f"key-{number}", "Value": "x" * 250} for number in range(50)]
        with refused("JWTPayloadSizeExceededException", status=400):
            ask(Tags=tags)


class TestPermission:
    @pytest.mark.parametrize(
        ("condition", "more", "allowed"),
        [
            (
                {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "https://api.example.com"}},
                {},
                True,
            ),
            ({"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "https://other"}}, {}, False),
            ({"NumericLessThanEquals": {"sts:DurationSeconds": "300"}}, {}, True),
            ({"NumericLessThanEquals": {"sts:DurationSeconds": "300"}}, {"DurationSeconds": 301}, False),
            ({"StringEquals": {"sts:SigningAlgorithm": "ES384"}}, {}, True),
            ({"StringEquals": {"sts:SigningAlgorithm": "RS256"}}, {}, False),
        ],
    )
    def test_conditions_see_what_is_asked_for(self, understudy, issuer, ask, condition, more, allowed):
        """IAM User Guide, "Controlling access with IAM policies" of outbound identity federation."""
        somebody = understudy.user("somebody", policy_of("sts:GetWebIdentityToken", condition=condition))
        if allowed:
            assert ask(as_=somebody, **more)
        else:
            with refused("AccessDenied", status=403):
                ask(as_=somebody, **more)

    def test_tags_take_one_of_their_own(self, understudy, issuer, ask):
        somebody = understudy.allowing("somebody", "sts:GetWebIdentityToken")
        with refused("AccessDenied") as told:
            ask(as_=somebody, Tags=[{"Key": "a", "Value": "b"}])
        assert "sts:TagGetWebIdentityToken" in told.text
        both = understudy.allowing("both", "sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken")
        assert ask(as_=both, Tags=[{"Key": "a", "Value": "b"}])


class TestSite:
    def test_the_host_may_stand_in_the_path(self, understudy, issuer):
        """For whoever cannot have the host's name lead here."""
        host = issuer.removeprefix("https://")
        there = get(
            understudy, f"http://127.0.0.1/{host}/.well-known/openid-configuration", host="127.0.0.1:4566"
        )
        assert (200, issuer) == (there.status, json.loads(there.body)["issuer"])

    def test_it_has_two_documents_and_no_private_key(self, understudy, issuer):
        for path in ("other", "jwks.json/", "openid-configuration/x"):
            assert 404 == get(understudy, f"{issuer}/.well-known/{path}").status
        assert 404 == get(understudy, f"{issuer}/.well-known/jwks.json", method="POST").status
        keys = json.loads(get(understudy, f"{issuer}/.well-known/jwks.json").body)["keys"]
        assert [("RSA", "RS256"), ("EC", "ES384")] == [(key["kty"], key["alg"]) for key in keys]
        assert not {"d", "p", "q"} & {name for key in keys for name in key}

    def test_nobody_else_has_one(self, understudy, issuer):
        unknown = "https://12345678-1234-1234-1234-123456789012.tokens.sts.global.api.aws"
        assert 404 == get(understudy, f"{unknown}/.well-known/jwks.json").status
        assert 200 != get(understudy, f"{issuer}/.well-known/jwks.json", host="other.example.com").status


def test_the_trail_has_no_token(understudy, issuer, ask):
    token = ask()["WebIdentityToken"]
    assert token.rpartition(".")[2] not in str(understudy.trail()[-1].encoded())


def test_the_issuer_outlives_the_server(tmp_path):
    with Understudy(state=str(tmp_path)) as understudy:
        issuer = understudy.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
        keys = get(understudy, f"{issuer}/.well-known/jwks.json").body
    again = app.build(settings.read({}, state=str(tmp_path)))
    request = HttpRequest("GET", "/.well-known/jwks.json", "", {"host": urlsplit(issuer).netloc}, b"")
    assert keys == again.answer(request).body
    again.close()


def policy_of(action, condition=None):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": statement}
