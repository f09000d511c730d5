"""What sessions can do: their tags, their policies, and how long they follow their role (sts.md 3)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from raw_requests import action, signed
from refusals import refused

from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"


@pytest.fixture
def alice(understudy):
    """A user without policies."""
    return understudy.user("alice")


@pytest.fixture
def tagged(make_role, alice):
    """A role alice may assume with tags; it may list users in the team `a` alone."""
    return make_role("tagged", ALICE, actions=("sts:AssumeRole", "sts:TagSession"))


def only_for_team(iam, role, team="a"):
    """Let a role list users if its session carries this team."""
    statement = {
        "Effect": "Allow",
        "Action": "iam:ListUsers",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/Team": team}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="team", PolicyDocument=document)


def tag(key, value):
    return {"Key": key, "Value": value}


class TestTags:
    def test_they_are_what_conditions_see(self, iam, tagged, alice, assume, may):
        only_for_team(iam, "tagged")
        assert may(assume(tagged, alice, Tags=[tag("team", "a")]))
        assert not may(assume(tagged, alice, Tags=[tag("team", "b")]))
        assert not may(assume(tagged, alice))

    def test_they_come_before_the_roles_of_the_same_key_in_any_case(self, iam, tagged, alice, assume, may):
        only_for_team(iam, "tagged")
        iam.tag_role(RoleName="tagged", Tags=[tag("TEAM", "a")])
        assert may(assume(tagged, alice))
        assert not may(assume(tagged, alice, Tags=[tag("team", "b")]))

    def test_the_trust_policy_must_allow_them(self, make_role, alice, assume):
        arn = make_role("plain", ALICE)
        with refused("AccessDenied", status=403) as told:
            assume(arn, alice, Tags=[tag("team", "a")])
        assert "not authorized to perform: sts:TagSession" in told.text

    def test_which_ones_can_be_limited(self, make_role, alice, assume):
        arn = make_role(
            "picky",
            ALICE,
            actions=("sts:AssumeRole", "sts:TagSession"),
            condition={"StringEqualsIfExists": {"aws:RequestTag/team": "a"}},
        )
        assume(arn, alice, Tags=[tag("team", "a")])
        with refused("AccessDenied"):
            assume(arn, alice, Tags=[tag("team", "b")])

    def test_they_must_not_repeat(self, tagged, alice, assume):
        """The three texts were recorded at AWS."""
        text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        with refused("InvalidParameterValue", text, 400):
            assume(tagged, alice, Tags=[tag("team", "a"), tag("TEAM", "b")])

    @pytest.mark.parametrize("key", ["aws:team", "AWS:team"])
    def test_some_keys_are_reserved(self, tagged, alice, assume, key):
        """AWS's guide says so of sessions too, under its rules for tagging."""
        with refused("InvalidParameterValue", status=400):
            assume(tagged, alice, Tags=[tag(key, "a")])

    def test_what_goes_on_must_be_there(self, tagged, alice, assume):
        text = "The specified transitive tag key must be included in the requested tags."
        with refused("InvalidParameterValue", text, 400):
            assume(tagged, alice, Tags=[tag("team", "a")], TransitiveTagKeys=["other"])

    def test_their_size_is_answered(self, understudy, tagged, alice):
        sts = understudy.client("sts", as_=alice)
        answer = sts.assume_role(RoleArn=tagged, RoleSessionName="session", Tags=[tag("team", "a")])
        assert 1 <= answer["PackedPolicySize"] <= 100

    def test_more_than_fits_is_too_large(self, tagged, assume, alice, policy):
        """aws-actions/configure-aws-credentials#1898: nine tags of 250 letters, run against AWS."""
        nine = [tag(f"T{number}", "a" * 250) for number in range(1, 10)]
        with refused(
            "PackedPolicyTooLarge", "Packed size of session tags consumes 498% of allotted space.", 400
        ):
            assume(tagged, alice, Tags=nine)
        with refused("PackedPolicyTooLarge", status=400) as told:
            assume(tagged, alice, Tags=nine, Policy=policy("iam:ListUsers"))
        assert re.fullmatch(
            r"Packed policy consumes 5\d\d% of allotted space, please use smaller policy\.", told.text
        )

    def test_white_space_of_a_policy_is_not_packed(self, understudy, tagged, alice, policy):
        sts = understudy.client("sts", as_=alice)
        narrow = policy("iam:ListUsers")
        sizes = {
            sts.assume_role(RoleArn=tagged, RoleSessionName="session", Policy=text)["PackedPolicySize"]
            for text in (narrow, narrow + " " * (2048 - len(narrow)))
        }
        assert 1 == len(sizes)


class TestTransitiveTags:
    @pytest.fixture
    def chain(self, iam, make_role, tagged):
        """A role that the tagged role may assume with tags; it may list users of team `a`."""
        arn = make_role("next", tagged, actions=("sts:AssumeRole", "sts:TagSession"))
        only_for_team(iam, "next")
        return arn

    def test_they_go_on_and_others_do_not(self, tagged, chain, alice, assume, may):
        goes_on = assume(tagged, alice, Tags=[tag("team", "a")], TransitiveTagKeys=["TEAM"])
        assert may(assume(chain, goes_on))
        stays = assume(tagged, alice, Tags=[tag("team", "a")])
        assert not may(assume(chain, stays))

    def test_they_go_on_from_one_role_to_the_next(self, iam, make_role, tagged, chain, alice, assume, may):
        last = make_role("last", chain, actions=("sts:AssumeRole", "sts:TagSession"))
        only_for_team(iam, "last")
        first = assume(tagged, alice, Tags=[tag("team", "a")], TransitiveTagKeys=["team"])
        assert may(assume(last, assume(chain, first)))

    def test_they_cannot_be_replaced_on_the_way(self, tagged, chain, alice, assume):
        first = assume(tagged, alice, Tags=[tag("team", "a")], TransitiveTagKeys=["team"])
        text = (
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
        with refused("InvalidParameterValue", text, 400):
            assume(chain, first, Tags=[tag("Team", "b")])

    def test_the_next_role_must_let_them_in(self, make_role, tagged, alice, assume):
        plain = make_role("plain", tagged)
        first = assume(tagged, alice, Tags=[tag("team", "a")], TransitiveTagKeys=["team"])
        with refused("AccessDenied") as told:
            assume(plain, first)
        assert "sts:TagSession" in told.text


class TestSourceIdentity:
    @pytest.fixture
    def known(self, make_role, alice):
        return make_role("known", ALICE, actions=("sts:AssumeRole", "sts:SetSourceIdentity"))

    def test_it_needs_the_trust_policys_permission(self, make_role, alice, assume):
        arn = make_role("plain", ALICE)
        with refused("AccessDenied") as told:
            assume(arn, alice, SourceIdentity="alice")
        assert "sts:SetSourceIdentity" in told.text

    def test_it_is_answered_and_stays_from_role_to_role(self, understudy, make_role, known, alice, assume):
        session = assume(known, alice, SourceIdentity="alice")
        next_role = make_role("next", known, actions=("sts:AssumeRole", "sts:SetSourceIdentity"))
        sts = understudy.client("sts", as_=session)
        answer = sts.assume_role(RoleArn=next_role, RoleSessionName="session")
        assert answer["SourceIdentity"] == "alice"
        with refused("AccessDenied", status=403):
            sts.assume_role(RoleArn=next_role, RoleSessionName="session", SourceIdentity="bob")

    def test_the_next_role_must_let_it_in(self, make_role, known, alice, assume):
        session = assume(known, alice, SourceIdentity="alice")
        with refused("AccessDenied") as told:
            assume(make_role("plain", known), session)
        assert "sts:SetSourceIdentity" in told.text


class TestSessionPolicies:
    @pytest.fixture
    def worker(self, make_role, alice):
        return make_role("worker", ALICE, allows=("iam:ListUsers", "iam:ListRoles"))

    def test_they_narrow_and_never_widen(self, worker, alice, assume, may, policy):
        session = assume(worker, alice, Policy=policy("iam:ListUsers", "iam:ListGroups"))
        assert may(session, "list_users")
        assert not may(session, "list_roles")
        assert not may(session, "list_groups")

    def test_managed_ones_narrow_too_as_they_now_are(self, iam, worker, alice, assume, may, policy):
        arn = iam.create_policy(PolicyName="narrow", PolicyDocument=policy("iam:ListUsers"))["Policy"]["Arn"]
        session = assume(worker, alice, PolicyArns=[{"arn": arn}])
        assert may(session, "list_users")
        assert not may(session, "list_roles")
        document = policy("iam:ListRoles")
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        assert not may(session, "list_users")
        assert may(session, "list_roles")

    def test_one_that_was_deleted_leaves_nothing_until_it_is_back(
        self, iam, worker, alice, assume, may, policy
    ):
        arn = iam.create_policy(PolicyName="narrow", PolicyDocument=policy("iam:ListUsers"))["Policy"]["Arn"]
        session = assume(worker, alice, PolicyArns=[{"arn": arn}])
        iam.delete_policy(PolicyArn=arn)
        assert not may(session)
        iam.create_policy(PolicyName="narrow", PolicyDocument=policy("iam:ListUsers"))
        assert may(session)

    def test_the_denial_names_them(self, understudy, worker, alice, assume, policy):
        session = assume(worker, alice, Policy=policy("iam:ListUsers"))
        with refused("AccessDenied") as told:
            understudy.client("iam", as_=session).list_roles()
        assert told.text.endswith("because no session policy allows the iam:ListRoles action")

    def test_a_policy_must_be_one(self, worker, alice, assume):
        with refused("MalformedPolicyDocument", status=400):
            assume(worker, alice, Policy="{")

    def test_it_has_a_limit(self, worker, alice, assume, policy):
        long = policy("iam:ListUsers") + " " * 2048
        with refused("ValidationError", status=400) as told:
            assume(worker, alice, Policy=long)
        assert told.text.endswith(
            "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
        )

    @pytest.mark.parametrize(
        "arn", ["arn:aws:iam::000000000000:policy/nowhere", "arn:aws:iam::aws:policy/Nothing"]
    )
    def test_managed_ones_must_exist(self, worker, alice, assume, arn):
        with refused("MalformedPolicyDocument", status=400):
            assume(worker, alice, PolicyArns=[{"arn": arn}])

    def test_one_misspelt_is_not_passed_over(self, understudy, worker, alice):
        """It would leave the session with all the role may do."""
        misspelt = ("PolicyArns.member.1.Arn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
        request = action("sts", "AssumeRole", misspelt, RoleArn=worker, RoleSessionName="session")
        response = understudy.app.handle(signed(request, alice, "sts"))
        assert 400 == response.status
        assert b"<Code>ValidationError</Code>" in response.body
        assert b"policyArns.1.member.arn" in response.body

    def test_managed_ones_are_the_roles_accounts(self, understudy, worker, alice, assume, policy):
        other = understudy.client("iam", as_=understudy.account_administrator("111111111111"))
        arn = other.create_policy(PolicyName="all", PolicyDocument=policy("*"))["Policy"]["Arn"]
        with refused("MalformedPolicyDocument", status=400):
            assume(worker, alice, PolicyArns=[{"arn": arn}])

    def test_ten_managed_ones_are_the_most(self, worker, alice, assume):
        arns = [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11
        with refused("ValidationError", status=400):
            assume(worker, alice, PolicyArns=arns)


class TestLiveSessions:
    def test_they_follow_the_roles_policies(self, iam, make_role, alice, assume, may, policy):
        """Recorded at AWS: sts.md 3.1."""
        session = assume(make_role("worker", ALICE), alice)
        assert not may(session)
        iam.put_role_policy(RoleName="worker", PolicyName="may", PolicyDocument=policy("iam:ListUsers"))
        assert may(session)
        iam.put_role_permissions_boundary(
            RoleName="worker", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonEC2FullAccess"
        )
        assert not may(session)
        iam.delete_role_permissions_boundary(RoleName="worker")
        iam.delete_role_policy(RoleName="worker", PolicyName="may")
        assert not may(session)

    def test_they_are_worth_nothing_without_the_role(self, iam, understudy, make_role, alice, assume):
        session = assume(make_role("worker", ALICE), alice)
        sts = understudy.client("sts", as_=session)
        sts.get_caller_identity()
        iam.delete_role(RoleName="worker")
        with refused("InvalidClientTokenId", status=403):
            sts.get_caller_identity()
        make_role("worker", ALICE)
        with refused("InvalidClientTokenId", status=403):
            sts.get_caller_identity()

    def test_they_end_with_their_role_and_not_with_its_trust(self, iam, understudy, make_role, alice, assume):
        session = assume(make_role("worker", ALICE), alice)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        iam.update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps(trust))
        understudy.client("sts", as_=session).get_caller_identity()

    def test_a_token_of_another_session_is_invalid(self, understudy, make_role, alice, assume):
        arn = make_role("worker", ALICE)
        first, second = assume(arn, alice), assume(arn, alice)
        mixed = type(first)(first.access_key_id, first.secret_access_key, second.session_token)
        with refused("InvalidClientTokenId", status=403):
            understudy.client("sts", as_=mixed).get_caller_identity()

    def test_they_are_there_after_a_restart(self, tmp_path):
        with Understudy(state=str(tmp_path)) as first:
            sts = first.client("sts")
            session = first.session_of(sts.get_session_token())
        with Understudy(state=str(tmp_path), account="999999999999") as second:
            identity = second.client("sts", as_=session).get_caller_identity()
            assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/Administrator"

    def test_a_day_after_their_end_they_are_forgotten(self, understudy, make_role, alice, assume):
        session = assume(make_role("worker", ALICE), alice)
        for hours, code in ((23, "ExpiredToken"), (48, "InvalidClientTokenId")):
            understudy.clock.advance(hours * 3600)
            understudy.settle()
            with refused(code, status=403):
                understudy.client("sts", as_=session).get_caller_identity()


class TestGetSessionToken:
    def test_it_is_the_user_for_half_a_day(self, understudy, alice):
        answer = understudy.client("sts", as_=alice).get_session_token()
        left = answer["Credentials"]["Expiration"] - understudy.clock.now()
        assert abs(left - timedelta(hours=12)) < timedelta(minutes=1)
        session = understudy.session_of(answer)
        assert understudy.client("sts", as_=session).get_caller_identity()["Arn"] == ALICE

    def test_no_policy_forbids_it(self, iam, understudy, alice, policy):
        document = policy("*", effect="Deny")
        iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=document)
        understudy.client("sts", as_=alice).get_session_token(DurationSeconds=900)

    @pytest.mark.parametrize("seconds", [899, 129601])
    def test_it_lasts_a_quarter_hour_to_a_day_and_a_half(self, understudy, alice, seconds):
        with refused("ValidationError", status=400):
            understudy.client("sts", as_=alice).get_session_token(DurationSeconds=seconds)

    def test_its_rights_are_the_users_as_they_now_are(self, iam, understudy, alice, may, policy):
        session = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        assert not may(session, "describe_vpcs", "ec2")
        iam.put_user_policy(UserName="alice", PolicyName="may", PolicyDocument=policy("ec2:*"))
        assert may(session, "describe_vpcs", "ec2")

    def test_it_goes_on_when_the_user_is_renamed(self, iam, understudy, alice):
        session = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        sts = understudy.client("sts", as_=session)
        sts.get_caller_identity()
        iam.update_user(UserName="alice", NewUserName="alicia")
        assert sts.get_caller_identity()["Arn"] == ALICE.replace("alice", "alicia")
        understudy.user("alice")
        assert sts.get_caller_identity()["Arn"] == ALICE.replace("alice", "alicia")


class TestGetFederationToken:
    @pytest.fixture
    def broker(self, understudy):
        """A user who hands out tokens and may read EC2."""
        return understudy.allowing("broker", "sts:GetFederationToken", "ec2:Describe*")

    def test_it_says_who_is_federated(self, understudy, broker):
        answer = understudy.client("sts", as_=broker).get_federation_token(Name="guest")
        assert answer["FederatedUser"] == {
            "FederatedUserId": f"{ACCOUNT}:guest",
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
        }
        assert answer["PackedPolicySize"] == 0
        session = understudy.session_of(answer)
        identity = understudy.client("sts", as_=session).get_caller_identity()
        assert (identity["Arn"], identity["UserId"]) == (
            f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
            f"{ACCOUNT}:guest",
        )

    def test_its_rights_are_what_both_allow(self, understudy, broker, may, policy):
        sts = understudy.client("sts", as_=broker)
        document = policy("ec2:DescribeVpcs", "ec2:CreateVpc")
        session = understudy.session_of(sts.get_federation_token(Name="guest", Policy=document))
        assert may(session, "describe_vpcs", "ec2")
        assert not may(session, "describe_subnets", "ec2")
        with refused("UnauthorizedOperation"):
            understudy.client("ec2", as_=session).create_vpc(CidrBlock="10.0.0.0/16")

    def test_without_a_policy_it_has_none(self, understudy, broker, may):
        sts = understudy.client("sts", as_=broker)
        session = understudy.session_of(sts.get_federation_token(Name="guest"))
        assert not may(session, "describe_vpcs", "ec2")

    def test_it_needs_permission_on_that_name(self, understudy, alice):
        with refused("AccessDenied", status=403) as told:
            understudy.client("sts", as_=alice).get_federation_token(Name="guest")
        assert f"sts:GetFederationToken on resource: arn:aws:sts::{ACCOUNT}:federated-user/guest" in told.text

    def test_tags_need_permission_of_their_own(self, understudy, broker):
        with refused("AccessDenied", status=403) as told:
            understudy.client("sts", as_=broker).get_federation_token(Name="guest", Tags=[tag("team", "a")])
        assert "sts:TagSession" in told.text

    def test_it_ends_with_the_user(self, iam, understudy, broker):
        session = understudy.session_of(
            understudy.client("sts", as_=broker).get_federation_token(Name="guest")
        )
        iam.delete_user_policy(UserName="broker", PolicyName="given")
        iam.delete_access_key(UserName="broker", AccessKeyId=broker.access_key_id)
        understudy.client("sts", as_=session).get_caller_identity()
        iam.delete_user(UserName="broker")
        with refused("InvalidClientTokenId", status=403):
            understudy.client("sts", as_=session).get_caller_identity()
