"""With AWS's latency a change in IAM is known to the rest of AWS some seconds later, and is then as if made at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused

from understudy_aws.testing import Understudy, in_process

ACCOUNT = "000000000000"
LONGER_THAN_ANY_DELAY = 11
ALLOW = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(*principals):
    return document({"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"})


class StillClock:
    """Shows one time, so that only what a test lets pass passes, however slow the machine is."""

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _still():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_process, "SystemClock", StillClock)
        yield


@pytest.fixture
def slow():
    with Understudy(clock="aws", seed=1) as made:
        yield made


@pytest.fixture
def ann(slow):
    """A user without permissions, known everywhere."""
    who = slow.user("ann")
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    return who


def may(understudy, who):
    try:
        understudy.client("ec2", as_=who).describe_vpcs()
    except ClientError as error:
        if error.response["Error"]["Code"] != "UnauthorizedOperation":
            raise
        return False
    return True


CHANGES = {
    "an inline policy": lambda iam: iam.put_user_policy(
        UserName="ann", PolicyName="p", PolicyDocument=document(ALLOW)
    ),
    "an attachment": lambda iam: iam.attach_user_policy(
        UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    ),
    "a group": lambda iam: (
        iam.create_group(GroupName="g"),
        iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document(ALLOW)),
        iam.add_user_to_group(GroupName="g", UserName="ann"),
    ),
    "a managed policy": lambda iam: iam.attach_user_policy(
        UserName="ann",
        PolicyArn=iam.create_policy(PolicyName="p", PolicyDocument=document(ALLOW))["Policy"]["Arn"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_allowed_is_allowed_some_seconds_later(slow, ann, change):
    iam = slow.client("iam")
    CHANGES[change](iam)
    slow.clock.advance(1)
    assert not may(slow, ann)
    # IAM itself tells of the change at once.
    assert iam.get_user(UserName="ann")["User"]["UserName"] == "ann"
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    assert may(slow, ann)


def test_what_is_taken_away_is_allowed_for_some_seconds_more(slow, ann):
    iam = slow.client("iam")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(ALLOW))
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    assert [] == iam.list_user_policies(UserName="ann")["PolicyNames"]
    slow.clock.advance(1)
    assert may(slow, ann)
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    assert not may(slow, ann)


def test_a_new_version_of_a_policy_counts_some_seconds_later(slow, ann):
    iam = slow.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document({**ALLOW, "Action": "s3:GetObject"}))[
        "Policy"
    ]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(ALLOW), SetAsDefault=True)
    slow.clock.advance(1)
    assert not may(slow, ann)
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    assert may(slow, ann)


def test_a_trust_policy_counts_some_seconds_later(slow, ann):
    iam = slow.client("iam")
    role = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:user/Administrator")
    )["Role"]
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:user/ann"))
    sts = slow.client("sts", as_=ann)
    slow.clock.advance(1)
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")


def test_a_key_is_made_inactive_some_seconds_later(slow, ann):
    slow.client("iam").update_access_key(UserName="ann", AccessKeyId=ann.access_key_id, Status="Inactive")
    sts = slow.client("sts", as_=ann)
    slow.clock.advance(1)
    sts.get_caller_identity()
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()


def test_explain_says_that_a_call_was_refused_for_that_alone(slow, ann):
    slow.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(ALLOW))
    slow.clock.advance(1)
    with pytest.raises(ClientError) as early:
        slow.client("ec2", as_=ann).describe_vpcs()
    told = slow.explain(early.value)
    assert (
        "refused only because AWS takes some seconds to make changes known everywhere: user ann was changed 1."
        in told
    )
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    assert "it is known by now" in slow.explain(early.value)


def test_explain_says_nothing_of_changes_that_would_not_have_helped(slow, ann):
    slow.client("iam").put_user_policy(
        UserName="ann", PolicyName="p", PolicyDocument=document({**ALLOW, "Action": "s3:GetObject"})
    )
    slow.clock.advance(1)
    with pytest.raises(ClientError) as refusal:
        slow.client("ec2", as_=ann).describe_vpcs()
    assert "some seconds" not in slow.explain(refusal.value)


def test_finding_that_out_lets_nobody_in_early(slow, ann):
    """What is asked with all changes known is not kept for the next question."""
    slow.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(ALLOW))
    slow.clock.advance(1)
    assert [False, False, False] == [may(slow, ann) for _ in range(3)]


def test_what_a_transaction_that_failed_changed_was_never_there(slow, ann):
    iam = slow.client("iam")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(ALLOW))
    slow.clock.advance(LONGER_THAN_ANY_DELAY)
    with refused("DeleteConflict"):
        iam.delete_user(UserName="ann")
    slow.clock.advance(1)
    assert may(slow, ann)


def test_with_the_instant_clock_nothing_is_kept(understudy):
    assert understudy.app.gateway.propagation is None
    assert understudy.app.database.on_change is None


def test_everything_is_known_after_a_restart(tmp_path):
    with Understudy(clock="aws", state=str(tmp_path)) as first:
        who = first.allowing("ann", "ec2:DescribeVpcs")
        assert not first.app.gateway.propagation.unknown([]), "no account is asked about"
        assert first.app.gateway.propagation.unknown([ACCOUNT])
    with Understudy(clock="aws", state=str(tmp_path), account="111111111111") as again:
        assert may(again, who)


USERS = ("ann", "bob")
POLICIES = [document(ALLOW), document({**ALLOW, "Effect": "Deny"}), document({**ALLOW, "Action": "s3:*"})]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(USERS), st.sampled_from(POLICIES)),
        st.tuples(st.just("delete"), st.sampled_from(USERS), st.none()),
        st.tuples(st.just("join"), st.sampled_from(USERS), st.none()),
        st.tuples(st.just("leave"), st.sampled_from(USERS), st.none()),
        st.tuples(st.just("group"), st.none(), st.sampled_from(POLICIES)),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([0.5, 3, 7])),
    ),
    max_size=6,
)


def act(understudy, step):
    what, user, given_ = step
    iam = understudy.client("iam")
    if what == "put":
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=given_)
    elif what == "delete" and iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName="p")
    elif what == "join":
        iam.add_user_to_group(GroupName="g", UserName=user)
    elif what == "leave" and iam.list_groups_for_user(UserName=user)["Groups"]:
        iam.remove_user_from_group(GroupName="g", UserName=user)
    elif what == "group":
        iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=given_)
    elif what == "wait":
        understudy.clock.advance(given_)


def played(steps, clock, seed):
    """Who may what after each step, and in the end, when all delays are over."""
    with Understudy(clock=clock, seed=seed, ids_seed=7) as understudy:
        who = {name: understudy.user(name) for name in USERS}
        understudy.client("iam").create_group(GroupName="g")
        understudy.clock.advance(LONGER_THAN_ANY_DELAY)
        during = []
        for step in steps:
            act(understudy, step)
            understudy.clock.advance(1)
            during.append([may(understudy, each) for each in who.values()])
        understudy.clock.advance(LONGER_THAN_ANY_DELAY)
        return during, [may(understudy, each) for each in who.values()]


@settings(max_examples=10)
@given(STEPS)
def test_when_the_delays_are_over_decisions_are_those_without_delays(steps):
    assert played(steps, "instant", 1)[1] == played(steps, "aws", 1)[1]


def test_the_seed_alone_decides_how_long_a_change_takes():
    def delays(seed):
        with Understudy(clock="aws", seed=seed, ids_seed=7) as understudy:
            understudy.allowing("ann", "ec2:DescribeVpcs")
            for _ in range(3):
                understudy.client("iam").tag_user(UserName="ann", Tags=[{"Key": "a", "Value": "b"}])
                understudy.client("iam").untag_user(UserName="ann", TagKeys=["a"])
            found = understudy.app.gateway.propagation.unknown([ACCOUNT])
            return [round((each.known - each.at).total_seconds(), 6) for each in found]

    assert delays(1) == delays(1)
    assert delays(1) != delays(2)
    assert all(2 <= each <= 10 for each in delays(3))
