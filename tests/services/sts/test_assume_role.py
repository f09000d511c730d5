"""Who may assume a role, and for how long (sts.md 3.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from refusals import refused

from understudy_aws.authn.caller import Caller
from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
OTHER = "111111111111"


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def denial(who, arn, reason):
    return f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn} {reason}"


NO_IDENTITY = "because no identity-based policy allows the sts:AssumeRole action"
NO_TRUST = "because no role trust policy allows the sts:AssumeRole action"


@pytest.fixture
def alice(understudy):
    """A user without policies."""
    return understudy.user("alice")


@pytest.fixture
def bob(understudy):
    """A user who may assume any role that lets him."""
    return understudy.allowing("bob", "sts:AssumeRole")


ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"


class TestAnswer:
    def test_it_holds_credentials_and_who_they_make_one(self, understudy, make_role, alice):
        arn = make_role("Worker", ALICE, Path="/deep/")
        answer = understudy.client("sts", as_=alice).assume_role(RoleArn=arn, RoleSessionName="my@work")
        size = {"SessionTokenSize", "SessionTokenUtilization"}
        assert set(answer) - size == {"Credentials", "AssumedRoleUser", "ResponseMetadata"}
        who = answer["AssumedRoleUser"]
        assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/my@work"
        assert who["AssumedRoleId"].startswith("AROA")
        assert who["AssumedRoleId"].endswith(":my@work")
        assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
        assert abs(
            answer["Credentials"]["Expiration"] - understudy.clock.now() - timedelta(hours=1)
        ) < timedelta(minutes=1)
        identity = understudy.client("sts", as_=understudy.session_of(answer)).get_caller_identity()
        assert (identity["Arn"], identity["UserId"]) == (who["Arn"], who["AssumedRoleId"])

    @pytest.mark.parametrize("name", ["x", "a b", "Session1:2", "x" * 65])
    def test_a_session_name_has_a_form(self, understudy, make_role, name):
        arn = make_role("worker", ALICE.replace("alice", "Administrator"))
        with refused("ValidationError", status=400) as told:
            understudy.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)
        assert f"Value '{name}' at 'roleSessionName' failed to satisfy constraint" in told.text

    @pytest.mark.parametrize(
        "arn",
        [
            "this is not an arn at all",
            "arn::iam::000000000000:role/x",
            "arn:aws:::000000000000:role",
            "arn:aws:iam:role/xxxxxxxx",
            "arn:aws:s3:::bucket-of-something",
        ],
    )
    @pytest.mark.parametrize("mode", ["strict", "off"])
    def test_an_arn_must_be_one(self, arn, mode):
        """Recorded at AWS; the same when no policy is asked."""
        with Understudy(iam=mode) as understudy, refused("ValidationError", f"{arn} is invalid", 400):
            understudy.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")


class TestWithinTheAccount:
    def test_a_user_the_role_trusts_by_name_needs_no_policy(self, make_role, alice, assume):
        assume(make_role("worker", ALICE), alice)

    @pytest.mark.parametrize("principal", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
    def test_a_role_that_trusts_the_account_leaves_it_to_policies(
        self, make_role, alice, bob, assume, principal
    ):
        arn = make_role("worker", principal)
        with refused("AccessDenied", denial(ALICE, arn, NO_IDENTITY), 403):
            assume(arn, alice)
        assume(arn, bob)

    def test_a_policy_alone_is_not_enough(self, make_role, alice, bob, assume):
        arn = make_role("worker", ALICE)
        with refused("AccessDenied", denial(ALICE.replace("alice", "bob"), arn, NO_TRUST), 403):
            assume(arn, bob)

    def test_a_denial_of_either_side_refuses(self, iam, make_role, alice, assume, policy):
        arn = make_role("worker", ALICE)
        document = policy("sts:*", effect="Deny")
        iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=document)
        with refused(
            "AccessDenied", denial(ALICE, arn, "with an explicit deny in an identity-based policy"), 403
        ):
            assume(arn, alice)

    def test_roles_may_not_be_assumed_by_the_root_user(self, understudy, make_role):
        """There are no keys of the root user here; services may hand one in."""
        arn = make_role("worker", ACCOUNT)
        root = Caller(kind="root", account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id=ACCOUNT)
        with pytest.raises(Exception, match=r"Roles may not be assumed by root accounts\.") as caught:
            understudy.app.gateway.perform(
                root, "sts", "AssumeRole", {"role_arn": arn, "role_session_name": "xx"}, region="us-east-1"
            )
        assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


class TestAcrossAccounts:
    @pytest.fixture
    def theirs(self, understudy):
        """Another account's administrator's client, and a user there of no policies."""
        administrator = understudy.account_administrator(OTHER)
        iam = understudy.client("iam", as_=administrator)
        iam.create_user(UserName="carol")
        key = iam.create_access_key(UserName="carol")["AccessKey"]
        return iam, type(administrator)(key["AccessKeyId"], key["SecretAccessKey"])

    CAROL = f"arn:aws:iam::{OTHER}:user/carol"

    def test_both_must_allow(self, make_role, theirs, assume, policy):
        iam, carol = theirs
        arn = make_role("worker", self.CAROL)
        with refused("AccessDenied", denial(self.CAROL, arn, NO_IDENTITY), 403):
            assume(arn, carol)
        document = policy("sts:AssumeRole", resource=arn)
        iam.put_user_policy(UserName="carol", PolicyName="may", PolicyDocument=document)
        assume(arn, carol)

    def test_a_role_that_trusts_nobody_there_refuses(self, make_role, theirs, assume, policy):
        iam, carol = theirs
        iam.put_user_policy(UserName="carol", PolicyName="may", PolicyDocument=policy("sts:AssumeRole"))
        arn = make_role("worker", ACCOUNT)
        with refused("AccessDenied", denial(self.CAROL, arn, NO_TRUST), 403):
            assume(arn, carol)

    def test_the_session_is_the_roles_accounts(self, understudy, make_role, theirs, assume, policy):
        iam, carol = theirs
        iam.put_user_policy(UserName="carol", PolicyName="may", PolicyDocument=policy("sts:AssumeRole"))
        session = assume(make_role("worker", OTHER), carol)
        assert understudy.client("sts", as_=session).get_caller_identity()["Account"] == ACCOUNT

    def test_an_external_id_is_asked_of_the_trust_policy(self, make_role, bob, assume):
        arn = make_role("worker", ACCOUNT, condition={"StringEquals": {"sts:ExternalId": "a:b/c"}})
        for given in ({}, {"ExternalId": "a:b"}):
            with refused("AccessDenied", status=403):
                assume(arn, bob, **given)
        assume(arn, bob, ExternalId="a:b/c")


class TestNoOracle:
    """A role that refuses and one that is not there answer alike: nobody learns which roles there are."""

    @pytest.mark.parametrize("account", [ACCOUNT, OTHER])
    @pytest.mark.parametrize("who", ["alice", "bob"])
    def test_what_is_not_there_refuses_like_what_is(self, understudy, make_role, alice, bob, account, who):
        other = understudy.client("iam", as_=understudy.account_administrator(OTHER))
        there = make_role(
            "worker", f"arn:aws:iam::{account}:user/Administrator", client=other if account == OTHER else None
        )
        caller = {"alice": alice, "bob": bob}[who]
        told = {}
        for arn in (there, there.replace("worker", "absent"), there.replace("role/", "role/deep/")):
            with refused("AccessDenied", status=403) as caught:
                understudy.client("sts", as_=caller).assume_role(RoleArn=arn, RoleSessionName="session")
            told[arn] = caught.text.replace(arn, "ROLE")
        assert len(set(told.values())) == 1, told

    def test_names_of_another_case_are_other_arns(self, make_role, alice, assume):
        arn = make_role("Worker", ALICE)
        with refused("AccessDenied", status=403):
            assume(arn.replace("Worker", "worker"), alice)


class TestDuration:
    def test_the_role_says_the_longest(self, understudy, make_role, alice):
        arn = make_role("worker", ALICE, MaxSessionDuration=7200)
        sts = understudy.client("sts", as_=alice)
        sts.assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=7200)
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        with refused("ValidationError", text, 400):
            sts.assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=7201)

    @pytest.mark.parametrize("seconds", [899, 43201])
    def test_it_is_a_quarter_hour_to_half_a_day(self, make_role, alice, assume, seconds):
        with refused("ValidationError", status=400):
            assume(make_role("worker", ALICE), alice, DurationSeconds=seconds)

    def test_a_role_assumed_by_a_role_lasts_an_hour(self, make_role, alice, assume):
        first = make_role("first", ALICE)
        second = make_role("second", first, MaxSessionDuration=43200)
        session = assume(first, alice)
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        with refused("ValidationError", text, 400):
            assume(second, session, DurationSeconds=3601)
        assume(second, session, DurationSeconds=3600)

    def test_a_users_session_is_held_to_an_hour_too(self, understudy, make_role, alice, assume):
        arn = make_role("worker", ALICE, MaxSessionDuration=43200)
        token = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        with refused("ValidationError", status=400):
            assume(arn, token, DurationSeconds=3601)
        assume(arn, token)

    def test_afterwards_it_is_expired(self, understudy, make_role, alice, assume):
        session = assume(make_role("worker", ALICE), alice, DurationSeconds=900)
        understudy.clock.advance(899)
        understudy.client("sts", as_=session).get_caller_identity()
        understudy.clock.advance(2)
        with refused("ExpiredToken", "The security token included in the request is expired", 403):
            understudy.client("sts", as_=session).get_caller_identity()
