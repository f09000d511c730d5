"""Who holds a key and what binds them: as the records stand at the moment of the request."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused

from understudy_aws.authn.caller import Caller
from understudy_aws.core.ids import Ids
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.testing import Credentials, Understudy

ACCOUNT = "000000000000"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
INVALID = "The security token included in the request is invalid."


@pytest.fixture
def iam(understudy):
    return understudy.client("iam")


@pytest.fixture
def alice(understudy):
    return understudy.user("alice")


@pytest.fixture
def may(understudy, alice):
    """Whether alice may list users."""

    def asked(who=alice):
        code = None
        try:
            understudy.client("iam", as_=who).list_users()
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code in (None, "AccessDenied")
        return code is None

    return asked


def document(*actions, effect="Allow", **more):
    statement = {"Effect": effect, "Action": list(actions), "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class TestPolicies:
    """A change is seen by the next request."""

    def test_inline(self, iam, may):
        assert not may()
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=document("iam:ListUsers"))
        assert may()
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=document("iam:ListRoles"))
        assert not may()

    def test_attached(self, iam, may):
        iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        assert may()
        iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        assert not may()

    def test_a_new_default_version(self, iam, may):
        policy = document("iam:ListUsers")
        arn = iam.create_policy(PolicyName="own", PolicyDocument=policy)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="alice", PolicyArn=arn)
        assert may()
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("iam:ListRoles"), SetAsDefault=True)
        assert not may()
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        assert may()

    def test_of_a_group_joined_changed_and_left(self, iam, may):
        iam.create_group(GroupName="Staff")
        iam.add_user_to_group(GroupName="staff", UserName="ALICE")
        assert not may()
        iam.attach_group_policy(GroupName="Staff", PolicyArn=READ_ONLY)
        assert may()
        iam.detach_group_policy(GroupName="Staff", PolicyArn=READ_ONLY)
        assert not may()
        iam.put_group_policy(GroupName="Staff", PolicyName="own", PolicyDocument=document("iam:ListUsers"))
        assert may()
        iam.remove_user_from_group(GroupName="Staff", UserName="alice")
        assert not may()

    def test_a_group_denies_too(self, iam, may):
        iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        iam.create_group(GroupName="staff")
        iam.put_group_policy(GroupName="staff", PolicyName="no", PolicyDocument=document("*", effect="Deny"))
        assert may()
        iam.add_user_to_group(GroupName="staff", UserName="alice")
        assert not may()

    def test_a_boundary_put_changed_and_lifted(self, iam, may):
        iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        policy = document("ec2:*")
        arn = iam.create_policy(PolicyName="edge", PolicyDocument=policy)["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
        assert not may()
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("iam:*"), SetAsDefault=True)
        assert may()
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        assert not may()
        iam.delete_user_permissions_boundary(UserName="alice")
        assert may()

    def test_tags_of_the_user(self, iam, may):
        condition = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
        policy = document("iam:ListUsers", Condition=condition)
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=policy)
        assert not may()
        iam.tag_user(UserName="alice", Tags=[{"Key": "Team", "Value": "a"}])
        assert may()
        iam.untag_user(UserName="alice", TagKeys=["TEAM"])
        assert not may()

    def test_a_user_by_another_name_keeps_his_rights(self, iam, may, understudy, alice):
        iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        assert may()
        iam.update_user(UserName="alice", NewUserName="alicia")
        assert may()
        assert understudy.client("sts", as_=alice).get_caller_identity()["Arn"].endswith("user/alicia")


class TestKeys:
    def test_an_inactive_key_is_unknown_until_it_is_active(self, iam, understudy, alice):
        sts = understudy.client("sts", as_=alice)
        sts.get_caller_identity()
        change = {"UserName": "alice", "AccessKeyId": alice.access_key_id}
        iam.update_access_key(**change, Status="Inactive")
        with refused("InvalidClientTokenId", INVALID, 403):
            sts.get_caller_identity()
        iam.update_access_key(**change, Status="Active")
        sts.get_caller_identity()

    def test_a_deleted_key_is_unknown(self, iam, understudy, alice):
        sts = understudy.client("sts", as_=alice)
        sts.get_caller_identity()
        iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
        with refused("InvalidClientTokenId", INVALID, 403):
            sts.get_caller_identity()

    def test_a_user_made_again_has_none_of_his_old_rights(self, iam, understudy, alice, may):
        iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        assert may()
        session = understudy.session_of(understudy.client("sts", as_=alice).get_session_token())
        iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
        iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
        iam.delete_user(UserName="alice")
        again = understudy.user("alice")
        assert not may(again)
        for gone in (alice, session):
            with refused("InvalidClientTokenId", status=403):
                understudy.client("sts", as_=gone).get_caller_identity()

    def test_a_wrong_secret_is_told_so(self, understudy, alice):
        wrong = Credentials(alice.access_key_id, "x" * 40)
        with refused("SignatureDoesNotMatch", status=403):
            understudy.client("sts", as_=wrong).get_caller_identity()

    def test_keys_and_rights_are_there_after_a_restart(self, tmp_path):
        with Understudy(state=str(tmp_path)) as first:
            alice = first.allowing("alice", "iam:ListUsers")
        with Understudy(state=str(tmp_path), account="999999999999") as second:
            names = second.client("iam", as_=alice).list_users()["Users"]
            assert {user["UserName"] for user in names} == {"Administrator", "alice"}


class TestPropagation:
    """With AWS's latency new keys and roles are not known at once: the seed says when."""

    @pytest.fixture
    def slow(self):
        with Understudy(clock="aws", seed=1) as made:
            yield made

    def test_the_first_key_is_known_at_once(self, slow):
        assert slow.client("sts").get_caller_identity()["Arn"].endswith("user/Administrator")

    def test_a_new_key_takes_seconds(self, slow):
        sts = slow.client("sts", as_=slow.user("alice"))
        slow.clock.advance(1)
        with refused("InvalidClientTokenId", INVALID, 403):
            sts.get_caller_identity()
        slow.clock.advance(10)
        sts.get_caller_identity()

    def test_a_new_role_takes_seconds_and_refuses_like_one_that_is_not_there(self, slow):
        administrator = f"arn:aws:iam::{ACCOUNT}:user/Administrator"
        statement = {"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = slow.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]
        sts = slow.client("sts")
        slow.clock.advance(1)
        with refused("AccessDenied", status=403) as young:
            sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
        absent = role["Arn"].replace("worker", "absent")
        with refused("AccessDenied", young.text.replace(role["Arn"], absent), 403):
            sts.assume_role(RoleArn=absent, RoleSessionName="session")
        slow.clock.advance(10)
        answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
        # The session itself is new too, and known at once: STS hands out what works.
        slow.client("sts", as_=slow.session_of(answer)).get_caller_identity()


class TestServiceLinked:
    def test_a_session_of_a_linked_role_is_known_as_one(self, understudy, iam):
        """No policy of an organization touches it: service-linked-roles.md 1.8, policies.md 4.8."""
        principal = "networking.apprunner.amazonaws.com"
        linked = iam.create_service_linked_role(AWSServiceName=principal)["Role"]
        ordinary = iam.create_role(
            RoleName="ordinary", AssumeRolePolicyDocument=json.dumps(linked["AssumeRolePolicyDocument"])
        )["Role"]
        service = Caller(kind="service", account=ACCOUNT, arn=principal, user_id=principal)
        gateway = understudy.app.gateway
        for arn, exempt in ((linked["Arn"], True), (ordinary["Arn"], False)):
            answer = gateway.perform(
                service,
                "sts",
                "AssumeRole",
                {"role_arn": arn, "role_session_name": "AppRunner"},
                region="us-east-1",
            )
            with gateway.database.transaction() as tx:
                credential = gateway.credentials.credential(tx, answer["Credentials"]["AccessKeyId"])
            assert credential.caller.service_linked is exempt
            assert credential.caller.role_arn == arn
            assert credential.caller.invoked_by == principal


class CountingRecords:
    """The records of a table, counting how often one is looked up; iterating over them is an error."""

    def __init__(self, records):
        self._records = records
        self.looked_up = 0

    def get(self, *key):
        self.looked_up += 1
        return self._records.get(*key)

    def __getitem__(self, key):
        self.looked_up += 1
        return self._records[key]

    def irange(self, *_, **__):
        raise AssertionError("a request read its way through the records")

    __iter__ = irange

    def __getattr__(self, name):
        return getattr(self._records, name)


def _requests(understudy, count):
    """What a first and a second request of a role session look up among so many roles."""
    principal = "ec2.amazonaws.com"
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    gateway, ids = understudy.app.gateway, Ids(1)
    with gateway.database.transaction() as tx:
        for number in range(count):
            name = f"role-{number:06}"
            roles.put(
                tx,
                Role(
                    account=ACCOUNT,
                    name=name,
                    id=ids.iam("AROA"),
                    created=gateway.clock.now(),
                    trust=trust,
                    inline=(("own", document("ec2:DescribeVpcs")),),
                ),
            )
    service = Caller(kind="service", account=ACCOUNT, arn=principal, user_id=principal)
    answer = gateway.perform(
        service,
        "sts",
        "AssumeRole",
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "role_session_name": "session"},
        region="us-east-1",
    )
    understudy.app.database.flush()
    ec2 = understudy.client("ec2", as_=understudy.session_of(answer))
    cache = gateway.database.cache(roles)
    plain, looked_up = cache.records, []
    for _ in range(2):
        cache.records = counting = CountingRecords(plain)
        ec2.describe_vpcs()
        looked_up.append(counting.looked_up)
    cache.records = plain
    return looked_up


def test_a_request_costs_the_same_among_few_and_many_roles():
    """Quotas say a thousand roles; the records say nothing of quotas, so that many can be put there."""
    counts = []
    for count in (10, 100_000):
        with Understudy() as understudy:
            counts.append(_requests(understudy, count))
    assert counts[0] == counts[1]
    assert counts[0][1] <= counts[0][0] <= 10
