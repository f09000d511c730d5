"""The recorder over a real trail: what an administrator did is what the recorded policy lets somebody else do."""

from __future__ import annotations

import json

import msgspec
import pytest
from botocore.exceptions import ClientError
from refusals import refusal

from understudy_aws.admin.recordings import Recordings
from understudy_aws.admin.requests import RecordPolicies
from understudy_aws.policy import review
from understudy_aws.services.apprunner.rehearsal import connector_of, rehearse
from understudy_aws.store.protocol import LogEntry
from understudy_aws.testing import Understudy

PRINCIPAL = "networking.apprunner.amazonaws.com"
ROLE = "AWSServiceRoleForAppRunnerNetworking"
ACCOUNT = "000000000000"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/Administrator"
REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidRequestException"}
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{PRINCIPAL}/{ROLE}"


def recorded(understudy, **asked):
    """The recording as the administrative API answers it."""
    answer = Recordings(understudy.app.gateway).of(RecordPolicies(**asked))
    return json.loads(msgspec.json.encode(answer))


def only(answer):
    (principal,) = answer["principals"]
    return principal


def statements(principal):
    return [each for policy in principal["policies"] for each in policy["Statement"]]


def tagged(kind, **tags):
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
    ]


def the_whole_life(understudy, who=None):
    """A network, a connector on it, the networking role's life, and everything removed again."""
    ec2, apprunner, iam = (understudy.client(name, as_=who) for name in ("ec2", "apprunner", "iam"))
    understudy.client("sts", as_=who).get_caller_identity()
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=tagged("vpc", Team="web"))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.7.{number}.0/24",
            TagSpecifications=tagged("subnet", Name=f"web-{number}"),
        )["Subnet"]["SubnetId"]
        for number in range(2)
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.7.0.0/16"
    )
    ec2.create_tags(Resources=[vpc, group], Tags=[{"Key": "Stage", "Value": "test"}])
    connector = apprunner.create_vpc_connector(
        VpcConnectorName="web-vpc",
        Subnets=subnets,
        SecurityGroups=[group],
        Tags=[{"Key": "Team", "Value": "web"}],
    )["VpcConnector"]["VpcConnectorArn"]
    apprunner.describe_vpc_connector(VpcConnectorArn=connector)
    apprunner.list_vpc_connectors()
    iam.get_role(RoleName=ROLE)
    iam.update_role_description(RoleName=ROLE, Description="ours")
    apprunner.delete_vpc_connector(VpcConnectorArn=connector)
    task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
    understudy.settle()
    assert "SUCCEEDED" == iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)


def redone_under(policies):
    """Whether somebody with these policies alone gets through all of it, in a world of his own."""
    with Understudy() as other:
        iam = other.client("iam")
        who = other.user("deploy")
        for number, policy in enumerate(policies):
            arn = iam.create_policy(PolicyName=f"recorded-{number}", PolicyDocument=json.dumps(policy))[
                "Policy"
            ]["Arn"]
            iam.attach_user_policy(UserName="deploy", PolicyArn=arn)
        try:
            the_whole_life(other, who)
        except ClientError as error:
            if error.response["Error"]["Code"] not in REFUSALS:
                raise
            return False
        return True


@pytest.fixture(scope="module")
def the_portable_recording():
    with Understudy() as understudy:
        the_whole_life(understudy)
        return only(recorded(understudy, portable=True))


class TestTheWholeLife:
    def test_every_question_was_allowed_under_the_recorded_policy_alone(self, the_portable_recording):
        assert [] == the_portable_recording["refuted"]
        assert the_portable_recording["proven"] >= 30

    def test_somebody_with_the_portable_policy_alone_can_do_it_again(self, the_portable_recording):
        assert redone_under(the_portable_recording["policies"])

    def test_without_any_one_of_its_statements_nobody_can(self, the_portable_recording):
        (policy,) = the_portable_recording["policies"]
        for left_out in policy["Statement"]:
            rest = {**policy, "Statement": [each for each in policy["Statement"] if each is not left_out]}
            assert not redone_under([rest]), left_out["Sid"]

    def test_the_exact_policy_is_of_no_use_to_the_next_run_and_names_what_was_seen(self, understudy):
        the_whole_life(understudy)
        exact = only(recorded(understudy))
        assert ([], []) == (exact["refuted"], exact["widenings"])
        assert not redone_under(exact["policies"])
        stars = {
            resource
            for each in statements(exact)
            for resource in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
            if "*" in resource
        }
        assert {
            "*",
            *(f"arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/*" for kind in ("vpc", "subnet", "security-group")),
            f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group-rule/*",
            f"arn:aws:apprunner:us-east-1:{ACCOUNT}:vpcconnector/web-vpc/1/*",
        } >= stars

    def test_the_role_a_service_makes_with_the_callers_permission_is_in_it(self, the_portable_recording):
        """Reference apprunner.md 4.2: the caller's own iam:CreateServiceLinkedRole."""
        assert {
            "Sid": "CreateServiceLinkedRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": ROLE_ARN,
            "Condition": {"StringEquals": {"iam:AWSServiceName": PRINCIPAL}},
        } in statements(the_portable_recording)
        assert the_portable_recording["onward"] == 3

    def test_iam_stores_the_policies(self, the_portable_recording):
        for policy in the_portable_recording["policies"]:
            review(json.dumps(policy), "managed")

    def test_access_analyzer_finds_nothing_in_them(self, understudy, the_portable_recording):
        analyzer = understudy.client("accessanalyzer")
        for policy in the_portable_recording["policies"]:
            answer = analyzer.validate_policy(policyDocument=json.dumps(policy), policyType="IDENTITY_POLICY")
            assert [] == answer["findings"]

    def test_what_takes_no_permission_is_left_out_and_said(self, the_portable_recording):
        assert [{"call": "sts:GetCallerIdentity", "times": 1}] == the_portable_recording["without_permission"]

    def test_what_was_widened_is_said(self, the_portable_recording):
        allowed = {each["allows"] for each in the_portable_recording["widenings"]}
        assert f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/*" in allowed
        for each in the_portable_recording["widenings"]:
            for seen in each["seen"]:
                if seen.startswith("arn:"):
                    assert seen.split(":")[:5] == each["allows"].split(":")[:5]


class TestWhatCounts:
    def test_a_refused_call_is_listed_and_left_out_unless_asked_for(self, understudy):
        somebody = understudy.allowing("somebody", "iam:ListUsers")
        iam = understudy.client("iam", as_=somebody)
        iam.list_users()
        for _ in range(2):
            refusal(iam.get_user, UserName="somebody")
        arn = f"arn:aws:iam::{ACCOUNT}:user/somebody"
        left_out = only(recorded(understudy, as_=arn))
        expected = {
            "action": "iam:GetUser", "resource": arn, "effect": "implicit-deny", "layer": "identity",
            "included": False, "times": 2,
        }  # fmt: skip
        assert [expected] == left_out["refused"]
        assert ["iam:ListUsers"] == [each["Action"] for each in statements(left_out)]
        included = only(recorded(understudy, as_=arn, include_refused=True))
        assert [{**expected, "included": True}] == included["refused"]
        assert {"iam:GetUser", "iam:ListUsers"} == {each["Action"] for each in statements(included)}
        assert ([], 3) == (included["refuted"], included["proven"])

    def test_what_soft_iam_carried_out_counts_and_is_said(self):
        with Understudy(iam="soft") as understudy:
            somebody = understudy.user("somebody")
            understudy.client("iam", as_=somebody).get_user(UserName="somebody")
            soft = only(recorded(understudy, as_=f"arn:aws:iam::{ACCOUNT}:user/somebody"))
            assert (1, [], ["iam:GetUser"]) == (
                soft["noted"],
                soft["refused"],
                [each["Action"] for each in statements(soft)],
            )

    def test_with_iam_off_nothing_was_asked_and_that_is_said(self):
        with Understudy(iam="off") as understudy:
            understudy.client("iam").list_users()
            assert (1, []) == (only(recorded(understudy))["unasked"], only(recorded(understudy))["policies"])

    def test_a_call_that_allowed_questions_and_then_failed_counts(self, understudy):
        """AWS asks the policies before it looks whether the thing is there."""
        refusal(understudy.client("iam").get_user, UserName="nobody")
        assert ["iam:GetUser"] == [each["Action"] for each in statements(only(recorded(understudy)))]

    def test_a_call_that_failed_before_any_question_is_said(self, understudy):
        refusal(understudy.client("iam").get_user, UserName="!")
        principal = only(recorded(understudy))
        assert [{"call": "iam:GetUser", "outcome": "ValidationError", "times": 1}] == principal["failed"]
        assert [] == principal["without_permission"]

    def test_a_star_the_caller_wrote_is_text(self, understudy):
        refusal(understudy.client("ec2").delete_vpc, VpcId="*")
        (statement,) = statements(only(recorded(understudy)))
        assert f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/${{*}}" == statement["Resource"]

    def test_what_no_policy_can_name_is_listed(self, understudy):
        refusal(understudy.client("iam").get_policy, PolicyArn=f"arn:aws:iam::*:policy/{'x' * 10}")
        principal = only(recorded(understudy))
        assert ["iam:GetPolicy"] == [each["action"] for each in principal["unnameable"]]
        assert [] == principal["policies"]


class TestWhose:
    def test_every_principal_has_a_policy_of_its_own_and_sessions_belong_to_their_role(self, understudy):
        iam, sts = understudy.client("iam"), understudy.client("sts")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
        }
        role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}],
        }
        iam.put_role_policy(RoleName="deploy", PolicyName="ec2", PolicyDocument=json.dumps(policy))
        for name in ("one", "two"):
            session = understudy.session_of(
                sts.assume_role(RoleArn=role, RoleSessionName=name, ExternalId="x1")
            )
            understudy.client("ec2", as_=session).describe_vpcs()
        answer = recorded(understudy)
        assert [role, ADMINISTRATOR] == [each["principal"] for each in answer["principals"]]
        of_role, of_administrator = answer["principals"]
        assert (2, 2, []) == (of_role["calls"], of_role["proven"], of_role["refuted"])
        assert {
            "Sid": "AssumeRole",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": role,
            "Condition": {"StringEquals": {"sts:ExternalId": "x1"}},
        } in statements(of_administrator)
        of_session = only(recorded(understudy, as_=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/one"))
        assert (role, 1) == (of_session["principal"], of_session["calls"])

    def test_a_role_that_trusts_the_caller_by_name_is_left_out(self, understudy):
        """Its trust policy is enough in one account (policies.md 4.8)."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": ADMINISTRATOR}, "Action": "sts:AssumeRole"}
            ],
        }
        iam, sts = understudy.client("iam"), understudy.client("sts")
        role = iam.create_role(RoleName="ours", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        sts.assume_role(RoleArn=role, RoleSessionName="me")
        principal = only(recorded(understudy))
        assert [{"action": "sts:AssumeRole", "resource": role, "times": 1}] == principal["needless"]

    def test_a_services_own_calls_are_passed_over_unless_asked_for(self, understudy):
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        apprunner = understudy.client("apprunner")
        arn = apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])["VpcConnector"][
            "VpcConnectorArn"
        ]
        rehearse(understudy.app.gateway, connector_of(understudy.app.gateway, arn))
        answer = recorded(understudy)
        assert ADMINISTRATOR == only(answer)["principal"]
        assert answer["passed_over"] > 3
        role = only(recorded(understudy, as_=ROLE_ARN))
        assert {"ec2:CreateNetworkInterface", "ec2:CreateTags"} <= {
            action
            for each in statements(role)
            for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        }

    def test_whoever_called_nothing_has_none(self, understudy):
        answer = recorded(understudy, as_=f"arn:aws:iam::{ACCOUNT}:user/nobody")
        assert ([], 0) == (answer["principals"], answer["calls"])


def test_entries_of_before_the_trail_kept_keys_are_read_and_told(understudy):
    """As they were written: without `keys`."""
    written = (
        b'{"request_id":"old","at":"2026-01-01T00:00:00Z","service":"iam","operation":"CreateServiceLinkedRole",'
        b'"region":"us-east-1","account":"000000000000","caller":"arn:aws:iam::000000000000:user/Administrator",'
        b'"caller_kind":"user","evaluations":[{"action":"iam:CreateServiceLinkedRole","resource":"%s",'
        b'"effect":"allow","layer":"identity","policy":"p","statement":0}]}' % ROLE_ARN.encode()
    )
    database = understudy.app.database
    database.store.write(1, [], [LogEntry(0, "old", ACCOUNT, written)])
    principal = only(recorded(understudy))
    assert [{"action": "iam:CreateServiceLinkedRole", "resource": ROLE_ARN, "times": 1}] == principal[
        "unnarrowed"
    ]
    (statement,) = statements(principal)
    assert "Condition" not in statement
    assert (1, []) == (principal["proven"], principal["refuted"])


class TestBetween:
    def test_only_what_was_called_then(self, understudy):
        iam = understudy.client("iam")
        iam.list_users()
        first = understudy.trail()[-1].request_id
        iam.list_roles()
        understudy.clock.advance(600)
        iam.list_groups()
        last = understudy.trail()[-1].request_id

        def actions(**asked):
            return {
                action
                for principal in recorded(understudy, **asked)["principals"]
                for each in statements(principal)
                for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
            }

        assert {"iam:ListUsers", "iam:ListRoles", "iam:ListGroups"} == actions()
        assert {"iam:ListGroups"} == actions(since="5m")
        assert {"iam:ListUsers", "iam:ListRoles"} == actions(until="5m")
        assert {"iam:ListUsers"} == actions(since="1", until=first)
        assert {"iam:ListGroups"} == actions(since=last)
        assert set() == actions(until="2000-01-01T00:00:00Z")


@pytest.mark.parametrize(("until", "calls"), [("", 1000), ("2h", 0)])
def test_a_long_trail_is_read_in_steps_and_calls_made_between_them_change_nothing(understudy, until, calls):
    """All of it was one step: 100,000 entries held every other client up for more than a second."""
    iam = understudy.client("iam")
    for _ in range(1000):
        iam.get_user(UserName="Administrator")
    recordings = Recordings(understudy.app.gateway)
    steps = recordings.in_steps(RecordPolicies(until=until))
    taken = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made = end.value
            break
        taken += 1
        if taken == 2:
            iam.create_user(UserName="meanwhile")
            understudy.app.database.flush()
    assert taken >= 5
    assert calls == made["calls"]
