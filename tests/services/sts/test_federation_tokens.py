"""GetFederationToken in the hands of whoever got it: rules, rights and records (sts.md 3.2)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from refusals import refused

ACCOUNT = "000000000000"
GUEST = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


@pytest.fixture
def broker(understudy):
    """A client of a user who hands out tokens, and who may read secrets and describe VPCs."""
    keys = understudy.allowing(
        "broker",
        "sts:GetFederationToken",
        "sts:TagSession",
        "secretsmanager:GetSecretValue",
        "ec2:DescribeVpcs",
    )
    return understudy.client("sts", as_=keys)


def reads(understudy, session, secret):
    """Whether a session may read a secret."""
    client = understudy.client("secretsmanager", as_=session)
    try:
        client.get_secret_value(SecretId=secret)
    except client.exceptions.ClientError as error:
        told = error.response["Error"]["Code"]
    else:
        told = ""
    assert told in {"", "AccessDeniedException"}
    return not told


class TestRules:
    @pytest.mark.parametrize("name", ["x", "x" * 33, "a b", "a/b", "a:b", "ü" * 3])
    def test_a_name_has_a_form(self, broker, name):
        with refused("ValidationError", status=400):
            broker.get_federation_token(Name=name)

    def test_thirty_two_letters_are_taken(self, broker):
        broker.get_federation_token(Name="a_B+=,.@-" + "x" * 23)

    @pytest.mark.parametrize("seconds", [899, 129_601])
    def test_it_lasts_a_quarter_hour_to_a_day_and_a_half(self, broker, seconds):
        with refused("ValidationError", status=400):
            broker.get_federation_token(Name="guest", DurationSeconds=seconds)

    @pytest.mark.parametrize(("asked", "seconds"), [({}, 43_200), ({"DurationSeconds": 129_600}, 129_600)])
    def test_by_default_it_lasts_half_a_day(self, understudy, broker, asked, seconds):
        end = broker.get_federation_token(Name="guest", **asked)["Credentials"]["Expiration"]
        assert abs(end - understudy.clock.now() - timedelta(seconds=seconds)) < timedelta(minutes=1)

    def test_ten_managed_policies_are_the_most(self, broker):
        arns = [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11
        with refused("ValidationError", status=400):
            broker.get_federation_token(Name="guest", PolicyArns=arns)

    def test_its_size_counts_policies_and_tags(self, broker):
        plain = broker.get_federation_token(Name="guest")["PackedPolicySize"]
        tagged = broker.get_federation_token(Name="guest", Tags=[{"Key": "team", "Value": "a"}])
        both = broker.get_federation_token(
            Name="guest", Tags=[{"Key": "team", "Value": "a"}], Policy=EVERYTHING
        )
        assert plain == 0 < tagged["PackedPolicySize"] < both["PackedPolicySize"]

    def test_more_than_fits_is_too_large(self, broker):
        nine = [{"Key": f"T{number}", "Value": "a" * 250} for number in range(1, 10)]
        with refused("PackedPolicyTooLarge", status=400):
            broker.get_federation_token(Name="guest", Tags=nine)

    def test_keys_of_tags_are_told_apart_without_case(self, broker):
        text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        tags = [{"Key": "team", "Value": "a"}, {"Key": "TEAM", "Value": "b"}]
        with refused("InvalidParameterValue", text, 400):
            broker.get_federation_token(Name="guest", Tags=tags)


class TestRights:
    @pytest.fixture
    def secret(self, understudy):
        made = understudy.client("secretsmanager").create_secret(Name="plans", SecretString="x")
        return made["ARN"]

    def name_in_its_policy(self, understudy, secret, principal, **condition):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            **({"Condition": condition} if condition else {}),
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        understudy.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=text)

    def test_what_user_and_session_allow(self, understudy, broker, secret):
        session = understudy.session_of(broker.get_federation_token(Name="guest", Policy=EVERYTHING))
        assert reads(understudy, session, secret)
        bare = understudy.session_of(broker.get_federation_token(Name="guest"))
        assert not reads(understudy, bare, secret)

    def test_a_resource_that_names_the_federated_user_lets_it_in_without_either(
        self, understudy, broker, secret
    ):
        bare = understudy.session_of(broker.get_federation_token(Name="guest"))
        other = understudy.session_of(broker.get_federation_token(Name="other"))
        self.name_in_its_policy(understudy, secret, GUEST)
        assert reads(understudy, bare, secret)
        assert not reads(understudy, other, secret)

    def test_one_that_names_the_account_leaves_it_to_policies(self, understudy, broker, secret):
        bare = understudy.session_of(broker.get_federation_token(Name="guest"))
        self.name_in_its_policy(understudy, secret, ACCOUNT)
        assert not reads(understudy, bare, secret)

    def test_conditions_see_its_tags_and_kind(self, understudy, broker, secret):
        def session(team):
            answer = broker.get_federation_token(Name="guest", Tags=[{"Key": "team", "Value": team}])
            return understudy.session_of(answer)

        self.name_in_its_policy(
            understudy,
            secret,
            GUEST,
            StringEquals={
                "aws:PrincipalTag/team": "a",
                "aws:PrincipalType": "FederatedUser",
                "aws:userid": f"{ACCOUNT}:guest",
                "aws:PrincipalArn": GUEST,
            },
            Null={"aws:username": "true"},
        )
        assert reads(understudy, session("a"), secret)
        assert not reads(understudy, session("b"), secret)


def test_cloudtrail_has_a_federated_user_and_who_asked_for_it(understudy, broker):
    session = understudy.session_of(broker.get_federation_token(Name="guest", Policy=EVERYTHING))
    understudy.client("ec2", as_=session).describe_vpcs()
    lookup = [{"AttributeKey": "EventName", "AttributeValue": "DescribeVpcs"}]
    (event,) = understudy.client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert (identity["type"], identity["principalId"], identity["arn"]) == (
        "FederatedUser",
        f"{ACCOUNT}:guest",
        GUEST,
    )
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/broker"
