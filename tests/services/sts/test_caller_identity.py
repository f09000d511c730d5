"""Who calls, and whose a key is (sts.md 3.2)."""

from __future__ import annotations

from refusals import refused

ACCOUNT = "000000000000"


def test_a_user_is_told_who_he_is_whatever_policies_say(iam, understudy, policy):
    """Not even an explicit denial blocks it."""
    keys = understudy.user("alice")
    iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=policy("*", effect="Deny"))
    answer = understudy.client("sts", as_=keys).get_caller_identity()
    assert answer["UserId"] == iam.get_user(UserName="alice")["User"]["UserId"]
    assert (answer["Arn"], answer["Account"]) == (f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT)


def test_a_path_is_in_a_users_arn_and_not_in_a_sessions(iam, understudy, make_role, assume):
    keys = understudy.user("alice")
    iam.update_user(UserName="alice", NewPath="/staff/")
    arn = understudy.client("sts", as_=keys).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:user/staff/alice"
    session = assume(make_role("worker", arn, Path="/deep/"), keys)
    arn = understudy.client("sts", as_=session).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"


class TestGetAccessKeyInfo:
    def test_it_tells_the_account_of_any_key(self, understudy, make_role, assume):
        other = understudy.account_administrator("111111111111")
        sts = understudy.client("sts")
        session = assume(make_role("worker", ACCOUNT))
        for keys, account in ((other, "111111111111"), (session, ACCOUNT)):
            assert account == sts.get_access_key_info(AccessKeyId=keys.access_key_id)["Account"]

    def test_it_needs_permission(self, understudy):
        with refused("AccessDenied", status=403):
            understudy.client("sts", as_=understudy.user("alice")).get_access_key_info(
                AccessKeyId="AKIAIOSFODNN7EXAMPLE"
            )

    def test_what_is_no_key_is_refused(self, understudy):
        with refused("ValidationError", status=400):
            understudy.client("sts").get_access_key_info(AccessKeyId="0000000000000000")
