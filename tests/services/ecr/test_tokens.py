"""What docker login takes, through boto3 (registry.md 24.3)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from refusals import refused

from understudy_aws.core.http import HttpRequest
from understudy_aws.services.ecr.records import authorization_tokens
from understudy_aws.testing import Credentials

ACCOUNT, OTHER = "000000000000", "111122223333"


@pytest.fixture
def client(understudy):
    return understudy.client("ecr")


def ping(understudy, token):
    headers = {"host": "127.0.0.1:4566", "authorization": f"Basic {token}"}
    return understudy.app.answer(HttpRequest("GET", "/v2/", "", headers, b"")).status


def test_it_is_for_aws_and_for_twelve_hours(client, understudy):
    (given,) = client.get_authorization_token()["authorizationData"]
    user, _, secret = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    assert "AWS" == user
    assert len(secret) >= 32
    assert f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com" == given["proxyEndpoint"]
    assert timedelta(hours=11.9) < given["expiresAt"] - understudy.clock.now() <= timedelta(hours=12)
    assert 200 == ping(understudy, given["authorizationToken"])
    understudy.clock.advance(12 * 3600)
    assert 401 == ping(understudy, given["authorizationToken"])


def test_one_for_each_registry_that_is_named(client):
    given = client.get_authorization_token(registryIds=[ACCOUNT, OTHER])["authorizationData"]
    assert [ACCOUNT, OTHER] == [each["proxyEndpoint"].partition("//")[2][:12] for each in given]
    assert 2 == len({each["authorizationToken"] for each in given})


def test_it_takes_a_permission_on_everything(understudy):
    nobody = understudy.client("ecr", as_=understudy.user("nobody"))
    with refused("AccessDeniedException") as told:
        nobody.get_authorization_token()
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because" in told.text


def test_it_ends_with_the_session_that_asked_for_it(understudy):
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam, sts = understudy.client("iam"), understudy.client("sts")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="puller", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="puller", PolicyName="p", PolicyDocument=document)
    given = sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=3600)["Credentials"]
    session = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    client = understudy.client("ecr", as_=session)
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert 200 == ping(understudy, token)
    understudy.clock.advance(3600)
    assert 401 == ping(understudy, token)


def test_the_state_does_not_hold_the_secret(client, understudy):
    (given,) = client.get_authorization_token()["authorizationData"]
    secret = base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]
    with understudy.app.database.transaction() as tx:
        (kept,) = authorization_tokens.scan(tx)
    assert secret not in repr(kept)
    assert secret not in "".join(map(str, understudy.trail()))
