"""GetScopedCredentials: sts.md 3.5. A scoped session never has more than the session it is made of."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from refusals import refused

from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
NOT_ALLOWED = "because no session policy allows the iam:ListUsers action"


@pytest.fixture
def worker(make_role):
    """A role that may do these and scope its sessions down."""
    return make_role(
        "worker",
        ACCOUNT,
        allows=("iam:ListUsers", "iam:ListRoles", "ec2:DescribeVpcs", "sts:GetScopedCredentials"),
    )


@pytest.fixture
def session(worker, assume):
    return assume(worker)


@pytest.fixture
def scoped(understudy):
    """The answer to GetScopedCredentials of a session."""
    return lambda who, **params: understudy.client("sts", as_=who).get_scoped_credentials(**params)


@pytest.fixture
def scope(understudy, scoped, policy):
    """Credentials of a session that is scoped down to these actions."""
    return lambda who, *actions, **params: understudy.session_of(
        scoped(who, Policy=policy(*actions), **params)
    )


class TestAnswer:
    def test_it_is_the_same_principal(self, understudy, session, scoped):
        answer = scoped(session, Policy=EVERYTHING, ScopedSessionDescription="for the nightly report")
        del answer["ResponseMetadata"]
        keys = answer.pop("Credentials")
        assert keys["AccessKeyId"].startswith("ASIA")
        assert keys["AccessKeyId"] != session.access_key_id
        info = answer.pop("SessionInfo")
        assert answer == {
            "SessionTokenSize": len(keys["SessionToken"]),
            "SessionTokenUtilization": 6,
            "ScopedPoliciesCount": 1,
        }
        made = understudy.client("sts", as_=understudy.session_of({"Credentials": keys}))
        own = understudy.client("sts", as_=session).get_caller_identity()
        identity = made.get_caller_identity()
        assert (info["ScopedSessionId"], info["Arn"]) == (own["UserId"], own["Arn"])
        assert (identity["UserId"], identity["Arn"]) == (own["UserId"], own["Arn"])

    def test_a_source_identity_goes_on(self, make_role, assume, scoped):
        role = make_role("r", ACCOUNT, actions=("sts:*",), allows=("sts:GetScopedCredentials",))
        answer = scoped(assume(role, SourceIdentity="ann"), DurationSeconds=60)
        assert (answer["SourceIdentity"], answer["ScopedPoliciesCount"]) == ("ann", 0)

    def test_its_token_is_as_large_as_asked_for(self, understudy, session, scoped):
        answer = scoped(session, DurationSeconds=60, MinimumSessionTokenSize=4096)
        assert (answer["SessionTokenSize"], answer["SessionTokenUtilization"]) == (4096, 100)
        assert understudy.client("sts", as_=understudy.session_of(answer)).get_caller_identity()


class TestNarrowing:
    def test_what_the_policy_does_not_allow_is_refused(self, understudy, session, scope, may):
        less = scope(session, "iam:ListRoles")
        assert may(session)
        assert not may(less)
        assert may(less, "list_roles")
        with refused("AccessDenied", status=403) as caught:
            understudy.client("iam", as_=less).list_users()
        assert caught.text.endswith(NOT_ALLOWED)

    def test_it_never_gives_more(self, session, scope, may):
        assert not may(session, "list_groups")
        more = scope(session, "*")
        assert may(more)
        assert not may(more, "list_groups")

    def test_a_deny_of_it_counts(self, understudy, session, scoped, may):
        document = json.loads(EVERYTHING)
        document["Statement"].append({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
        less = understudy.session_of(scoped(session, Policy=json.dumps(document)))
        assert may(less, "list_roles")
        assert not may(less)

    def test_scoped_sessions_of_scoped_sessions_have_what_all_allow(self, session, scope, may):
        first = scope(session, "iam:ListUsers", "iam:ListRoles", "sts:GetScopedCredentials")
        second = scope(first, "iam:ListUsers", "ec2:DescribeVpcs", "sts:GetScopedCredentials")
        third = scope(second, "*")
        for who in (second, third):
            assert may(who)
            assert not may(who, "list_roles")
            assert not may(who, "describe_vpcs", "ec2")
        assert may(first, "list_roles")

    def test_session_policies_of_the_role_session_go_on(self, worker, assume, policy, scope, may):
        limited = assume(worker, Policy=policy("iam:ListRoles", "sts:GetScopedCredentials"))
        less = scope(limited, "*")
        assert may(less, "list_roles")
        assert not may(less)

    def test_a_scoped_session_without_a_policy_keeps_those_it_has(
        self, understudy, session, scope, scoped, may
    ):
        less = scope(session, "iam:ListRoles", "sts:GetScopedCredentials")
        answer = scoped(less, DurationSeconds=60)
        assert answer["ScopedPoliciesCount"] == 1
        same = understudy.session_of(answer)
        assert may(same, "list_roles")
        assert not may(same)

    def test_what_a_trust_policy_grants_by_name_is_limited_too(
        self, understudy, session, scope, make_role, assume
    ):
        """Decision 0050: what a resource lets the session do is among its existing permissions."""
        name = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"
        other = make_role("other", name)
        assert assume(other, session)
        for actions in (("iam:*",), ("sts:AssumeRole",)):
            sts = understudy.client("sts", as_=scope(session, *actions))
            if actions == ("iam:*",):
                with refused("AccessDenied", status=403):
                    sts.assume_role(RoleArn=other, RoleSessionName="next")
            else:
                assert sts.assume_role(RoleArn=other, RoleSessionName="next")["Credentials"]

    def test_the_role_s_policies_are_followed(self, iam, policy, session, scope, may):
        less = scope(session, "iam:ListUsers")
        assert may(less)
        iam.put_role_policy(RoleName="worker", PolicyName="own", PolicyDocument=policy("iam:ListRoles"))
        assert not may(less)
        assert not may(less, "list_roles")

    def test_conditions_in_it_see_the_request(self, understudy, session, scoped):
        statement = {
            "Effect": "Allow",
            "Action": "ec2:DescribeVpcs",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        less = understudy.session_of(scoped(session, Policy=document))
        assert understudy.client("ec2", as_=less, region="eu-west-1").describe_vpcs()
        with refused("UnauthorizedOperation", status=403):
            understudy.client("ec2", as_=less, region="us-east-1").describe_vpcs()

    def test_why_it_was_refused_is_explained(self, understudy, session, scope):
        less = scope(session, "iam:ListRoles")
        with refused("AccessDenied"):
            understudy.client("iam", as_=less).list_users()
        text = understudy.explain(understudy.trail()[-1].request_id)
        assert "scope-down policy 1" in text
        assert "iam:ListUsers" in text


class TestLife:
    def test_it_ends_with_the_calling_session_or_sooner(self, understudy, session, scoped, may):
        whole = scoped(session, Policy=EVERYTHING)["Credentials"]["Expiration"]
        assert abs(whole - understudy.clock.now() - timedelta(hours=1)) < timedelta(minutes=1)
        short = understudy.session_of(scoped(session, DurationSeconds=60))
        assert may(short)
        understudy.clock.advance(61)
        with refused("ExpiredToken", status=403):
            understudy.client("iam", as_=short).list_users()
        assert may(session)

    def test_it_cannot_be_longer(self, understudy, session, scoped):
        understudy.clock.advance(600)
        with refused("InsufficientSessionLifetime", status=400) as caught:
            scoped(session, DurationSeconds=3001)
        assert caught.text.startswith(
            "The requested DurationSeconds exceeds the remaining lifetime of the calling session"
        )
        assert scoped(session, DurationSeconds=2990)

    def test_nor_by_asking_again(self, understudy, session, scoped):
        short = understudy.session_of(scoped(session, DurationSeconds=60))
        with refused("InsufficientSessionLifetime", status=400):
            scoped(short, DurationSeconds=61)

    def test_it_ends_with_the_role(self, understudy, iam, session, scope, may):
        less = scope(session, "iam:ListUsers", "sts:GetScopedCredentials")
        deeper = scope(less, "iam:ListUsers")
        assert may(deeper)
        iam.delete_role_policy(RoleName="worker", PolicyName="own")
        iam.delete_role(RoleName="worker")
        for who in (session, less, deeper):
            with refused("InvalidClientTokenId", status=403):
                understudy.client("iam", as_=who).list_users()

    def test_it_ends_with_the_session_that_was_scoped_down_first(self, understudy, session, scope, may):
        """Whatever ends that one: the credentials of an instance end with the instance."""
        less = scope(session, "iam:ListUsers", "sts:GetScopedCredentials")
        deeper = scope(less, "iam:ListUsers")
        assert may(deeper)
        gateway = understudy.app.gateway
        with gateway.database.transaction() as tx:
            gateway.credentials.end_session(tx, session.access_key_id)
        for who in (session, less, deeper):
            with refused("InvalidClientTokenId", status=403):
                understudy.client("iam", as_=who).list_users()

    def test_revoking_older_sessions_stops_it(self, understudy, iam, session, scope, may):
        """It is no newer than the calling session: decision 0050."""
        understudy.clock.advance(300)
        less = scope(session, "iam:ListUsers")
        before = (understudy.clock.now() - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        statement = {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}},
        }
        assert may(less)
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="worker", PolicyName="revoke", PolicyDocument=document)
        assert not may(less)


class TestRefusals:
    def test_a_user_s_own_keys_are_refused(self, understudy, scoped):
        text = "Cannot call GetScopedCredentials without session credentials"
        with refused("AccessDenied", text, 403):
            scoped(understudy.allowing("bob", "sts:GetScopedCredentials"), Policy=EVERYTHING)

    def test_with_iam_off_too(self):
        with Understudy(iam="off") as understudy, refused("AccessDenied", status=403):
            understudy.client("sts").get_scoped_credentials(DurationSeconds=60)

    @pytest.mark.parametrize("kind", ["user", "federated"])
    def test_sessions_of_users_may(self, understudy, scoped, kind):
        sts = understudy.client("sts")
        answer = (
            sts.get_session_token()
            if kind == "user"
            else sts.get_federation_token(Name="guest", Policy=EVERYTHING)
        )
        less = understudy.session_of(
            scoped(understudy.session_of(answer), Policy=EVERYTHING.replace('"*","R', '"ec2:*","R'))
        )
        assert understudy.client("ec2", as_=less).describe_vpcs()["Vpcs"]
        with refused("AccessDeniedException"):
            understudy.client("secretsmanager", as_=less).list_secrets()
        with refused("InvalidClientTokenId", status=403):
            understudy.client("iam", as_=less).list_users()

    def test_it_takes_a_permission(self, session, scope, scoped, make_role, assume):
        with refused("AccessDenied", status=403):
            scoped(assume(make_role("idle", ACCOUNT)), DurationSeconds=60)
        with refused("AccessDenied", status=403):
            scoped(scope(session, "iam:ListUsers"), DurationSeconds=60)

    def test_a_fourth_policy_is_denied_and_a_shorter_time_is_not(self, understudy, session, scoped):
        who = session
        for count in (1, 2, 3):
            answer = scoped(who, Policy=EVERYTHING)
            assert answer["ScopedPoliciesCount"] == count
            who = understudy.session_of(answer)
        with refused("AccessDenied", "A session can have at most 3 scope down policies.", 403):
            scoped(who, Policy=EVERYTHING)
        assert scoped(who, DurationSeconds=60)["ScopedPoliciesCount"] == 3

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({}, "ValidationError"),
            ({"ScopedSessionDescription": "nothing else"}, "ValidationError"),
            ({"Policy": "{"}, "MalformedPolicyDocument"),
            ({"Policy": EVERYTHING.replace("Resource", "Principal")}, "MalformedPolicyDocument"),
            ({"Policy": EVERYTHING.replace('"*","R', f'"iam:{"x" * 1500}","R')}, "PackedPolicyTooLarge"),
            ({"Policy": EVERYTHING + " " * 2048}, "ValidationError"),
            ({"DurationSeconds": 0}, "ValidationError"),
            ({"DurationSeconds": 129601}, "ValidationError"),
            ({"DurationSeconds": 60, "ScopedSessionDescription": "x"}, "ValidationError"),
            ({"DurationSeconds": 60, "ScopedSessionDescription": "x" * 257}, "ValidationError"),
            ({"DurationSeconds": 60, "MinimumSessionTokenSize": 4097}, "ValidationError"),
        ],
    )
    def test_what_is_asked_for_wrongly(self, understudy, session, scoped, params, code):
        with refused(code, status=400):
            scoped(session, **params)
        assert understudy.trail()[-1].outcome == code

    def test_an_expired_session_is_refused_like_anywhere(self, understudy, session, scoped):
        understudy.clock.advance(3601)
        with refused("ExpiredToken", status=403):
            scoped(session, DurationSeconds=1)


def test_the_trail_has_its_purpose_and_no_secrets(understudy, session, scoped):
    answer = scoped(session, DurationSeconds=60, ScopedSessionDescription="for the nightly report")
    entry = understudy.trail()[-1]
    assert entry.operation == "GetScopedCredentials"
    assert entry.parameters["scoped_session_description"] == "for the nightly report"
    (event,) = understudy.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetScopedCredentials"}]
    )["Events"]
    record = json.loads(event["CloudTrailEvent"])
    assert record["requestParameters"]["scopedSessionDescription"] == "for the nightly report"
    assert record["readOnly"] is False
    assert record["responseElements"]["credentials"]["accessKeyId"] == answer["Credentials"]["AccessKeyId"]
    assert answer["Credentials"]["SecretAccessKey"] not in event["CloudTrailEvent"]
    assert answer["Credentials"]["SessionToken"] not in event["CloudTrailEvent"]
