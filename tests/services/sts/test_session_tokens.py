"""How large session tokens are made and told to be (sts.md 3.1), in the answers of all operations that have some."""

from __future__ import annotations

import json

import pytest
from estates import Estate
from issuers import Issuer
from refusals import refused
from saml_identity import Idp, attributes_of, encoded

ACCOUNT = "000000000000"
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"
LARGEST = 4096


@pytest.fixture
def ask(understudy, iam, make_role):
    """The answer of an operation that gives out credentials, with these parameters."""

    def role(**params):
        worker = make_role("worker", ACCOUNT)
        return understudy.client("sts").assume_role(RoleArn=worker, RoleSessionName="run", **params)

    def saml(**params):
        idp = Idp()
        iam.create_saml_provider(Name="Okta", SAMLMetadataDocument=idp.metadata())
        trust = {"Effect": "Allow", "Principal": {"Federated": SAML}, "Action": "sts:AssumeRoleWithSAML"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName="staff", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        response = idp.signed_response(understudy.clock.now(), attributes_of(arn, SAML))
        return understudy.client("sts").assume_role_with_saml(
            RoleArn=arn, PrincipalArn=SAML, SAMLAssertion=encoded(response), **params
        )

    def web(**params):
        issuer = Issuer(understudy)
        return issuer.assume(issuer.role(), **params)

    def root(**params):
        estate = Estate(understudy)
        estate.organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
        iam.enable_organizations_root_credentials_management()
        task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
        return understudy.client("sts").assume_root(
            TargetPrincipal=estate.account(), TaskPolicyArn=task, **params
        )

    def user(**params):
        return understudy.client("sts").get_session_token(**params)

    def federated(**params):
        return understudy.client("sts").get_federation_token(Name="guest", **params)

    made = {"role": role, "saml": saml, "web": web, "root": root, "user": user, "federated": federated}
    return lambda kind, **params: made[kind](**params)


KINDS = ("role", "saml", "web", "root", "user", "federated")


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_tells_the_size_of_its_token(ask, kind):
    answer = ask(kind)
    size = len(answer["Credentials"]["SessionToken"])
    assert (answer["SessionTokenSize"], answer["SessionTokenUtilization"]) == (size, size * 100 // LARGEST)
    assert 0 < size < LARGEST


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_as_large_as_asked_for_and_good(understudy, ask, kind):
    answer = ask(kind, MinimumSessionTokenSize=LARGEST)
    assert len(answer["Credentials"]["SessionToken"]) == LARGEST
    assert (answer["SessionTokenSize"], answer["SessionTokenUtilization"]) == (LARGEST, 100)
    sts = understudy.client("sts", as_=understudy.session_of(answer))
    assert sts.get_caller_identity()["Account"]


@pytest.mark.parametrize("least", [0, 1, 255])
def test_a_smaller_minimum_changes_nothing(understudy, least):
    sts = understudy.client("sts")
    assert (
        sts.get_session_token(MinimumSessionTokenSize=least)["SessionTokenSize"]
        == sts.get_session_token()["SessionTokenSize"]
    )


@pytest.mark.parametrize("least", [257, 258, 1000, 4095])
def test_the_size_is_exact(understudy, least):
    answer = understudy.client("sts").get_session_token(MinimumSessionTokenSize=least)
    assert len(answer["Credentials"]["SessionToken"]) == least == answer["SessionTokenSize"]


def test_all_of_a_padded_token_counts(understudy):
    """A token whose end is cut off, or another one, is worth nothing."""
    answer = understudy.client("sts").get_session_token(MinimumSessionTokenSize=1000)
    whole = understudy.session_of(answer)
    token = whole.session_token
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (token[:-1], other, token + "A"):
        answer["Credentials"]["SessionToken"] = bad
        with refused("InvalidClientTokenId", status=403):
            understudy.client("sts", as_=understudy.session_of(answer)).get_caller_identity()


@pytest.mark.parametrize("least", [-1, 4097])
@pytest.mark.parametrize("kind", ["role", "root", "user", "federated"])
def test_nobody_gets_a_larger_one(ask, kind, least):
    with refused("ValidationError", status=400):
        ask(kind, MinimumSessionTokenSize=least)
