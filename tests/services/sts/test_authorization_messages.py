"""EC2's encoded refusals, read back (sts.md 3.2)."""

from __future__ import annotations

import json

import pytest
from refusals import refused


@pytest.fixture
def encoded(understudy):
    """What EC2 told somebody it refused."""

    def of(who, operation="create_vpc", **params):
        params = params or {"CidrBlock": "10.0.0.0/16"}
        with refused("UnauthorizedOperation", status=403) as told:
            getattr(understudy.client("ec2", as_=who), operation)(**params)
        return told.text.rpartition("Encoded authorization failure message: ")[2]

    return of


def decoded(understudy, message, as_=None):
    answer = understudy.client("sts", as_=as_).decode_authorization_message(EncodedMessage=message)
    return json.loads(answer["DecodedMessage"])


def conditions(message):
    items = message["context"]["conditions"]["items"]
    return {item["key"]: [each["value"] for each in item["values"]["items"]] for item in items}


def test_a_missing_permission_says_who_what_and_where(understudy, encoded, iam):
    message = decoded(understudy, encoded(understudy.user("alice")))
    assert (message["allowed"], message["explicitDeny"]) == (False, False)
    assert message["matchedStatements"] == {"items": []}
    context = message["context"]
    assert context["principal"] == {
        "id": iam.get_user(UserName="alice")["User"]["UserId"],
        "name": "alice",
        "arn": "arn:aws:iam::000000000000:user/alice",
    }
    assert context["action"] == "ec2:CreateVpc"
    assert context["resource"] == "arn:aws:ec2:us-east-1:000000000000:vpc/*"
    assert conditions(message)["ec2:region"] == ["us-east-1"]


def test_a_denial_says_which_statement(understudy, encoded):
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoVpcs", "Effect": "Deny", "Action": "ec2:CreateVpc", "Resource": "*"},
    ]
    who = understudy.user("alice", {"Version": "2012-10-17", "Statement": statements})
    message = decoded(understudy, encoded(who))
    assert message["explicitDeny"] is True
    (matched,) = message["matchedStatements"]["items"]
    assert (matched["statementId"], matched["effect"]) == ("NoVpcs", "DENY")


def test_lists_are_lists(understudy, encoded):
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}]
    message = encoded(understudy.user("alice"), CidrBlock="10.0.0.0/16", TagSpecifications=tags)
    assert conditions(decoded(understudy, message))["aws:tagkeys"] == ["a", "b"]


def test_it_needs_permission(understudy, encoded):
    alice = understudy.user("alice")
    message = encoded(alice)
    with refused("AccessDenied", status=403) as told:
        decoded(understudy, message, as_=alice)
    assert "not authorized to perform: sts:DecodeAuthorizationMessage because" in told.text


def test_only_what_was_sealed_is_read(understudy, encoded):
    message = encoded(understudy.user("alice"))
    forged = ("A" if message[0] != "A" else "B") + message[1:]
    for wrong in ("nothing", forged, message[:-1], message + "A", "é"):
        with refused("InvalidAuthorizationMessageException", status=400):
            decoded(understudy, wrong)


def test_another_account_reads_nothing(understudy, encoded):
    message = encoded(understudy.user("alice"))
    other = understudy.account_administrator("111111111111")
    with refused("InvalidAuthorizationMessageException", status=400):
        decoded(understudy, message, as_=other)
