"""MFA in STS, and what conditions see of it (sts.md 3.3, credentials.md 30.1)."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from totp import Phone

ACCOUNT = "000000000000"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
NOT_HERS = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)
ONE_ALONE = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
PRESENT = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.fixture
def alice(understudy):
    """A user without policies."""
    return understudy.user("alice")


@pytest.fixture
def phone(understudy, iam, alice):
    """A device that Alice has."""
    device = Phone(understudy, iam)
    device.enable(iam, "alice")
    return device


@pytest.fixture
def shown(understudy, alice, phone):
    """A session of Alice's for which she showed a code."""
    sts = understudy.client("sts", as_=alice)
    return understudy.session_of(sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.code()))


def allowing(condition):
    """A policy that allows describing VPCs under a condition."""
    statement = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class TestGetSessionToken:
    def test_a_wrong_code_makes_no_session(self, understudy, alice, phone):
        sts = understudy.client("sts", as_=alice)
        with refused("AccessDenied", WRONG, 403):
            sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.wrong())

    def test_a_code_makes_one(self, understudy, alice, phone):
        sts, code = understudy.client("sts", as_=alice), phone.code()
        sts.get_session_token(SerialNumber=phone.serial, TokenCode=code)
        with refused("AccessDenied", WRONG, 403):
            sts.get_session_token(SerialNumber=phone.serial, TokenCode=code)

    def test_a_device_is_its_users(self, understudy, phone):
        other = understudy.client("sts", as_=understudy.user("bob"))
        for serial in (phone.serial, phone.serial + "x", "GAHT12345678"):
            with refused("AccessDenied", NOT_HERS, 403):
                other.get_session_token(SerialNumber=serial, TokenCode=phone.code())

    @pytest.mark.parametrize("given", ["SerialNumber", "TokenCode"])
    def test_one_alone_is_not_enough(self, understudy, alice, phone, given):
        value = {"SerialNumber": phone.serial, "TokenCode": phone.code()}[given]
        with refused("AccessDenied", ONE_ALONE, 403):
            understudy.client("sts", as_=alice).get_session_token(**{given: value})

    def test_its_session_calls_iam(self, understudy, alice, shown, iam, policy):
        iam.put_user_policy(UserName="alice", PolicyName="may", PolicyDocument=policy("iam:ListUsers"))
        assert understudy.client("iam", as_=shown).list_users()["Users"]
        plain = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        with refused("InvalidClientTokenId", status=403):
            understudy.client("iam", as_=plain).list_users()

    def test_a_users_own_device_is_taken_away_with_it(self, understudy, iam, phone, shown, policy):
        document = policy("iam:DeactivateMFADevice")
        iam.put_user_policy(UserName="alice", PolicyName="may", PolicyDocument=document)
        own = understudy.client("iam", as_=shown)
        own.deactivate_mfa_device(UserName="alice", SerialNumber=phone.serial)
        assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []


class TestConditions:
    def test_present_is_absent_false_or_true(self, understudy, iam, alice, shown, may):
        plain = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        kinds = {"long-term": alice, "without": plain, "with": shown}

        def those_who_may(condition):
            document = allowing(condition)
            iam.put_user_policy(UserName="alice", PolicyName="may", PolicyDocument=document)
            return {kind for kind, keys in kinds.items() if may(keys, "describe_vpcs", "ec2")}

        assert {"with"} == those_who_may(PRESENT)
        assert {"without"} == those_who_may({"Bool": {"aws:MultiFactorAuthPresent": "false"}})
        assert {"long-term"} == those_who_may({"Null": {"aws:MultiFactorAuthPresent": "true"}})
        assert {"long-term", "with"} == those_who_may(
            {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}
        )
        assert {"long-term", "without"} == those_who_may({"Null": {"aws:MultiFactorAuthAge": "true"}})

    def test_age_is_the_seconds_since_the_code_was_shown(self, understudy, iam, shown, may):
        document = allowing({"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}})
        iam.put_user_policy(UserName="alice", PolicyName="may", PolicyDocument=document)
        understudy.clock.advance(290)
        assert may(shown, "describe_vpcs", "ec2")
        understudy.clock.advance(10)
        assert not may(shown, "describe_vpcs", "ec2")


class TestAssumeRole:
    @pytest.fixture
    def protected(self, alice, make_role):
        """A role that Alice may assume with a code alone; it may list users."""
        return make_role("protected", ALICE, condition=PRESENT, allows=("iam:ListUsers",))

    def test_the_trust_policy_sees_it(self, alice, phone, protected, assume, may):
        with refused("AccessDenied", status=403) as told:
            assume(protected, alice)
        assert "because no role trust policy allows the sts:AssumeRole action" in told.text
        assert may(assume(protected, alice, SerialNumber=phone.serial, TokenCode=phone.code()))

    def test_a_session_with_it_is_enough(self, protected, shown, assume):
        assume(protected, shown)

    def test_its_age_is_nought(self, make_role, alice, phone, assume):
        arn = make_role("fresh", ALICE, condition={"NumericEquals": {"aws:MultiFactorAuthAge": "0"}})
        assume(arn, alice, SerialNumber=phone.serial, TokenCode=phone.code())

    def test_the_roles_session_is_one_without(self, iam, alice, phone, protected, assume, may):
        document = allowing(PRESENT)
        iam.put_role_policy(RoleName="protected", PolicyName="mfa", PolicyDocument=document)
        session = assume(protected, alice, SerialNumber=phone.serial, TokenCode=phone.code())
        assert not may(session, "describe_vpcs", "ec2")

    def test_a_code_is_taken_once(self, alice, phone, protected, assume):
        code = phone.code()
        assume(protected, alice, SerialNumber=phone.serial, TokenCode=code)
        with refused("AccessDenied", WRONG, 403):
            assume(protected, alice, SerialNumber=phone.serial, TokenCode=code)

    def test_a_refusal_leaves_the_code(self, make_role, alice, phone, protected, assume):
        others = make_role("others", ALICE.replace("alice", "Administrator"))
        code = phone.code()
        with refused("AccessDenied", status=403):
            assume(others, alice, SerialNumber=phone.serial, TokenCode=code)
        assume(protected, alice, SerialNumber=phone.serial, TokenCode=code)

    def test_a_role_has_no_device(self, make_role, alice, phone, assume):
        first = assume(make_role("first", ALICE), alice)
        second = make_role("second", f"arn:aws:iam::{ACCOUNT}:role/first")
        with refused("AccessDenied", NOT_HERS, 403):
            assume(second, first, SerialNumber=phone.serial, TokenCode=phone.code())

    def test_the_trail_keeps_no_code(self, understudy, alice, phone, protected, assume):
        code = phone.code()
        assume(protected, alice, SerialNumber=phone.serial, TokenCode=code)
        entry = understudy.trail()[-1]
        assert entry.operation == "AssumeRole"
        assert code not in str(entry.parameters)
        assert entry.parameters["serial_number"] == phone.serial


def test_cloudtrail_says_whose_session_had_it(understudy, shown):
    understudy.client("sts", as_=shown).get_caller_identity()
    lookup = [{"AttributeKey": "EventName", "AttributeValue": "GetCallerIdentity"}]
    (event,) = understudy.client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
