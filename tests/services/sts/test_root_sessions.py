"""AssumeRoot: sts.md 3.4. Texts and codes were recorded with accounts that have no such sessions."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from estates import Estate, deny
from refusals import refused

ACCOUNT = "000000000000"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/Administrator"
TASKS = "arn:aws:iam::aws:policy/root-task"
AUDIT = f"{TASKS}/IAMAuditRootUserCredentials"


def root(account):
    return f"arn:aws:iam::{account}:root"


def denial(account, who=ADMINISTRATOR):
    return f"User: {who} is not authorized to perform: sts:AssumeRoot on resource: {root(account)}"


@pytest.fixture
def estate(understudy):
    """An organization with centralized root access."""
    made = Estate(understudy, "SERVICE_CONTROL_POLICY")
    made.organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    iam = understudy.client("iam")
    iam.enable_organizations_root_sessions()
    iam.enable_organizations_root_credentials_management()
    return made


@pytest.fixture
def member(estate):
    return estate.account()


@pytest.fixture
def assume(understudy):
    """The answer to AssumeRoot."""

    def assumed(target, task=AUDIT, as_=None, **params):
        sts = understudy.client("sts", as_=as_)
        return sts.assume_root(TargetPrincipal=target, TaskPolicyArn={"arn": task}, **params)

    return assumed


@pytest.fixture
def audit(understudy, member, assume):
    """A session that may look at a root user's credentials."""
    return understudy.session_of(assume(member))


class TestSessions:
    def test_it_is_the_root_user_for_a_quarter_hour(self, understudy, member, assume):
        for target in (member, root(member)):
            answer = assume(target)
            left = answer["Credentials"]["Expiration"] - understudy.clock.now()
            assert abs(left - timedelta(minutes=15)) < timedelta(seconds=30)
            session = understudy.session_of(answer)
            identity = understudy.client("sts", as_=session).get_caller_identity()
            assert (identity["Arn"], identity["UserId"], identity["Account"]) == (
                root(member),
                member,
                member,
            )

    def test_it_is_as_short_as_was_asked_for(self, understudy, member, assume):
        session = understudy.session_of(assume(member, DurationSeconds=60))
        understudy.clock.advance(61)
        with refused("ExpiredToken", status=403):
            understudy.client("sts", as_=session).get_caller_identity()

    def test_a_session_audits_the_root_users_credentials(self, understudy, member, audit):
        iam = understudy.client("iam", as_=audit)
        assert iam.list_access_keys()["AccessKeyMetadata"] == []
        assert iam.list_signing_certificates()["Certificates"] == []
        assert iam.list_mfa_devices()["MFADevices"] == []
        assert iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"] == 0
        assert {"UserId", "Arn", "CreateDate"} == set(iam.get_user()["User"])
        assert iam.get_user()["User"]["Arn"] == root(member)
        with refused("NoSuchEntity", status=404):
            iam.get_login_profile()

    def test_and_does_nothing_else(self, understudy, member, audit):
        iam = understudy.client("iam", as_=audit)
        for call in (iam.list_users, iam.list_roles, iam.create_access_key):
            with refused("AccessDenied", status=403) as told:
                call()
            assert "explicit deny" in told.text
        with refused("AccessDenied", status=403):
            iam.list_access_keys(UserName="Administrator")
        with refused("UnauthorizedOperation", status=403):
            understudy.client("ec2", as_=audit).describe_vpcs()
        with refused("AccessDenied", status=403):
            understudy.client("sts", as_=audit).get_session_token()

    def test_each_task_is_for_itself(self, understudy, member, assume):
        delete = understudy.client("iam", as_=understudy.session_of(
            assume(member, f"{TASKS}/IAMDeleteRootUserCredentials")
        ))  # fmt: skip
        with refused("NoSuchEntity", status=404):
            delete.delete_login_profile()
        with refused("AccessDenied", status=403):
            delete.create_login_profile()
        create = understudy.client("iam", as_=understudy.session_of(
            assume(member, f"{TASKS}/IAMCreateRootUserPassword")
        ))  # fmt: skip
        with refused("NotImplemented", "Root users have no passwords in Understudy.", 501):
            create.create_login_profile()
        with refused("AccessDenied", status=403):
            create.delete_login_profile()

    def test_conditions_and_the_trail_know_it(self, understudy, estate, member, audit):
        """AWS's guides: `aws:AssumedRoot` of such sessions alone, `assumedRoot` in CloudTrail's records."""
        iam = understudy.client("iam", as_=audit)
        iam.list_access_keys()
        own = understudy.client("cloudtrail", as_=estate.administrator(member))
        lookup = [{"AttributeKey": "EventName", "AttributeValue": "ListAccessKeys"}]
        (event,) = own.lookup_events(LookupAttributes=lookup)["Events"]
        identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
        assert (identity["type"], identity["arn"]) == ("Root", root(member))
        assert identity["sessionContext"]["assumedRoot"] == "true"
        condition = {"Bool": {"aws:AssumedRoot": "true"}}
        estate.attach(estate.policy(deny("iam:ListAccessKeys", Condition=condition)), member)
        with refused("AccessDenied", status=403) as told:
            iam.list_access_keys()
        assert "service control policy" in told.text

    def test_a_source_identity_goes_on(self, understudy, iam, member, assume):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": ADMINISTRATOR},
                    "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                }
            ],
        }
        iam.create_role(RoleName="operator", AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName="operator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        operator = understudy.session_of(
            understudy.client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{ACCOUNT}:role/operator", RoleSessionName="op", SourceIdentity="ann"
            )
        )
        assert assume(member, as_=operator)["SourceIdentity"] == "ann"
        assert "SourceIdentity" not in assume(member)


class TestRequests:
    @pytest.mark.parametrize(
        "target",
        ["arn:aws:iam::000000000000:user/ann", "arn:aws-cn:iam::000000000000:root", "0000000000000", "twelve-or-more",
         "arn:aws:iam::000000000000:root/x", "arn:aws:sts::000000000000:root"],
    )  # fmt: skip
    def test_a_target_is_a_root_user(self, assume, target):
        with refused("ValidationError", "Request must contain a valid target principal", 400):
            assume(target)

    @pytest.mark.parametrize(
        "task",
        ["arn:aws:iam::aws:policy/ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/root-task/IAMAudit"],
    )
    def test_a_task_is_one_of_awss(self, assume, task):
        with refused("ValidationError", "Request must contain valid AWS managed task policy ARN", 400):
            assume(ACCOUNT, task)

    def test_a_task_is_needed(self, understudy):
        text = (
            "1 validation error detected: Value null at 'taskPolicyArn' failed to satisfy constraint: Member must not "
            "be null"
        )
        with refused("ValidationError", text, 400):
            understudy.client("sts").assume_root(TargetPrincipal=ACCOUNT, TaskPolicyArn={})

    def test_a_quarter_hour_is_the_most(self, assume):
        text = (
            "1 validation error detected: Value '901' at 'durationSeconds' failed to satisfy constraint: Member must "
            "have value less than or equal to 900"
        )
        with refused("ValidationError", text, 400):
            assume(ACCOUNT, DurationSeconds=901)


class TestWhoMay:
    def test_nobody_without_centralized_root_access(self, understudy, iam, estate, member, assume):
        iam.disable_organizations_root_credentials_management()
        with refused("AccessDenied", denial(member), 403):
            assume(member)
        assume(member, f"{TASKS}/S3UnlockBucketPolicy")
        iam.disable_organizations_root_sessions()
        with refused("AccessDenied", denial(member), 403):
            assume(member, f"{TASKS}/S3UnlockBucketPolicy")

    def test_nobody_becomes_the_management_accounts_or_a_strangers(self, understudy, estate, assume):
        understudy.account_administrator("222222222222")
        for account in (ACCOUNT, "222222222222", "333333333333"):
            with refused("AccessDenied", denial(account), 403):
                assume(account)

    def test_a_policy_must_allow_it_and_no_reason_is_given(self, understudy, iam, member, assume):
        ann = understudy.user("ann")
        who = f"arn:aws:iam::{ACCOUNT}:user/ann"
        with refused("AccessDenied", denial(member, who), 403):
            assume(member, as_=ann)

        def put(effect, task):
            statement = {
                "Effect": effect,
                "Action": "sts:AssumeRoot",
                "Resource": "arn:aws:iam::*:root",
                "Condition": {"StringEquals": {"sts:TaskPolicyArn": task}},
            }
            text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName="ann", PolicyName=effect, PolicyDocument=text)

        put("Allow", f"{TASKS}/S3UnlockBucketPolicy")
        with refused("AccessDenied", denial(member, who), 403):
            assume(member, as_=ann)
        put("Allow", AUDIT)
        assume(member, as_=ann)
        put("Deny", AUDIT)
        with refused("AccessDenied", denial(member, who), 403):
            assume(member, as_=ann)

    def test_a_member_only_as_a_delegated_administrator(self, understudy, estate, member, assume):
        other = estate.account("security")
        administrator = estate.administrator(other)
        with refused("AccessDenied", status=403):
            assume(member, as_=administrator)
        estate.organizations.register_delegated_administrator(
            AccountId=other, ServicePrincipal="iam.amazonaws.com"
        )
        assume(member, as_=administrator)

    def test_no_session_of_a_user_or_a_root_user(self, understudy, member, assume, audit):
        session = understudy.session_of(understudy.client("sts").get_session_token())
        with refused("AccessDenied", status=403):
            assume(member, as_=session)
        with refused("AccessDenied", status=403):
            assume(member, as_=audit)
