"""Deleting service-linked roles: tasks that succeed, or fail and say why (service-linked-roles.md 1.5)."""

from __future__ import annotations

import re
from functools import partial

import pytest

from understudy_aws.controllers.controller_manager import ControllerManager
from understudy_aws.controllers.operation_runner import controllers_of
from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services import SERVICES
from understudy_aws.services.apprunner.rehearsal import connector_of, rehearse
from understudy_aws.services.iam import deletion_tasks
from understudy_aws.services.iam.linked_role_usage import LinkedRoleUsage
from understudy_aws.services.sts.records import live_sessions
from understudy_aws.testing import Understudy


@pytest.fixture(autouse=True)
def until_settled(understudy, monkeypatch):
    """Tasks stay under way until `settle()`."""
    monkeypatch.setattr(understudy, "settles", False)


PRINCIPAL = "networking.apprunner.amazonaws.com"
NAME = "AWSServiceRoleForAppRunnerNetworking"
ID = re.compile(
    rf"task/aws-service-role/{re.escape(PRINCIPAL)}/{NAME}/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)


@pytest.fixture
def linked(iam):
    iam.create_service_linked_role(AWSServiceName=PRINCIPAL)


def connector(understudy, name="main", region="us-east-1"):
    """Something that uses the role; answers its ARN."""
    subnets = understudy.client("ec2", region=region).describe_subnets()["Subnets"]
    answer = understudy.client("apprunner", region=region).create_vpc_connector(
        VpcConnectorName=name, Subnets=[subnets[0]["SubnetId"]]
    )
    return answer["VpcConnector"]["VpcConnectorArn"]


def submit(iam):
    return iam.delete_service_linked_role(RoleName=NAME)["DeletionTaskId"]


def status(iam, task):
    answer = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    del answer["ResponseMetadata"]
    return answer


class TestSubmit:
    def test_the_answer_is_a_task_that_has_begun(self, iam, linked):
        task = submit(iam)
        assert ID.fullmatch(task)
        assert status(iam, task) == {"Status": "IN_PROGRESS"}
        assert iam.get_role(RoleName=NAME)

    def test_while_it_is_under_way_it_is_the_same_task(self, iam, linked):
        assert submit(iam) == submit(iam)

    def test_an_ordinary_role_is_no_service_role(self, iam, role, refused):
        with refused("NoSuchEntity", "builder exists but is not a service role.", 404):
            iam.delete_service_linked_role(RoleName="Builder")

    def test_a_role_that_is_not_there_is_not_found(self, iam, refused):
        with refused("NoSuchEntity", f"The role with name {NAME} cannot be found.", 404):
            submit(iam)


class TestUnused:
    def test_it_succeeds_and_the_role_is_gone(self, iam, linked, understudy, refused):
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}
        with refused("NoSuchEntity", f"The role with name {NAME} cannot be found.", 404):
            iam.get_role(RoleName=NAME)

    def test_a_role_made_again_has_tasks_of_its_own(self, iam, linked, understudy):
        first = submit(iam)
        understudy.settle()
        iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
        second = submit(iam)
        assert first != second
        assert status(iam, first) == {"Status": "SUCCEEDED"}
        assert status(iam, second) == {"Status": "IN_PROGRESS"}


class TestUsed:
    def test_it_fails_and_says_what_uses_the_role(self, iam, understudy):
        arns = [
            connector(understudy, "one-"),
            connector(understudy, "two-"),
            connector(understudy, "far-", "eu-west-1"),
        ]
        task = submit(iam)
        understudy.settle()
        answer = status(iam, task)
        assert answer["Status"] == "FAILED"
        reason = answer["Reason"]
        assert reason["Reason"].startswith(
            f"SLR [{NAME}] is in use by other resources: [RoleUsageType(Region="
        )
        usage = {each["Region"]: sorted(each["Resources"]) for each in reason["RoleUsageList"]}
        assert usage == {"us-east-1": arns[:2], "eu-west-1": arns[2:]}
        assert iam.get_role(RoleName=NAME)

    def test_after_a_failure_a_new_task_begins_and_the_old_can_be_read(self, iam, understudy):
        arn = connector(understudy)
        first = submit(iam)
        understudy.settle()
        understudy.client("apprunner").delete_vpc_connector(VpcConnectorArn=arn)
        second = submit(iam)
        assert first != second
        understudy.settle()
        assert status(iam, second) == {"Status": "SUCCEEDED"}
        understudy.clock.advance(10 * 24 * 3600)
        understudy.settle()
        assert status(iam, first)["Status"] == "FAILED"

    def test_a_long_reason_fits_its_field(self, iam, understudy):
        for region in ("us-east-1", "eu-west-1"):
            for number in range(8):
                connector(understudy, f"connector-{number:02}", region)
        task = submit(iam)
        understudy.settle()
        reason = status(iam, task)["Reason"]
        assert len(reason["Reason"]) == 1000
        assert sum(len(each["Resources"]) for each in reason["RoleUsageList"]) == 16

    def test_the_other_role_of_the_service_is_not_kept(self, iam, understudy):
        connector(understudy)
        iam.create_service_linked_role(AWSServiceName="apprunner.amazonaws.com")
        task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForAppRunner")["DeletionTaskId"]
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}

    def test_what_another_account_uses_does_not_count(self, iam, linked, understudy):
        other = understudy.account_administrator("111111111111")
        subnet = understudy.client("ec2", as_=other).describe_subnets()["Subnets"][0]["SubnetId"]
        understudy.client("apprunner", as_=other).create_vpc_connector(
            VpcConnectorName="theirs", Subnets=[subnet]
        )
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}


class TestAskingTheService:
    """The linked service is asked whether it still uses the role (service-linked-roles.md 1.5)."""

    @pytest.fixture
    def answers(self, monkeypatch, understudy):
        """What App Runner answers for us-east-1; everywhere else it uses nothing."""
        answers = []
        controllers = understudy.app.controllers
        usage = {
            **Registry(SERVICES).role_usage(),
            "apprunner": {
                PRINCIPAL: lambda tx, account, region: answers[0] if region == "us-east-1" else [],
                "apprunner.amazonaws.com": lambda tx, account, region: [],
            },
        }
        kind = deletion_tasks.deletion(LinkedRoleUsage(usage, partial(live_sessions, ())))
        manager = ControllerManager(controllers.world, controllers_of(kind))
        monkeypatch.setattr(understudy, "settle", manager.settle)
        return answers

    def test_while_it_does_not_know_the_task_goes_on(self, iam, linked, understudy, answers):
        """A source that was not found meant that nothing uses the role."""
        answers.append(None)
        task = submit(iam)
        for _ in range(3):
            understudy.settle()
            assert status(iam, task) == {"Status": "IN_PROGRESS"}
            understudy.clock.advance(10)
        assert iam.get_role(RoleName=NAME)
        answers[0] = ["arn:aws:apprunner:us-east-1:000000000000:service/web/1"]
        understudy.settle()
        assert status(iam, task)["Reason"]["RoleUsageList"] == [
            {"Region": "us-east-1", "Resources": answers[0]}
        ]
        answers[0] = []
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}

    def test_a_service_that_fails_to_answer_is_asked_again(self, iam, linked, understudy, answers, caplog):
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "IN_PROGRESS"}
        answers.append([])
        understudy.clock.advance(2)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}


class TestSessions:
    """A role with active sessions is in use (service-linked-roles.md 1.5)."""

    @pytest.fixture
    def session(self, understudy, linked):
        arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{NAME}"
        source = f"arn:aws:apprunner:eu-west-1:{understudy.account}:service/web/1"
        session = RoleSession(
            understudy.app.gateway,
            principal=PRINCIPAL,
            role_arn=arn,
            session_name="AppRunnerNetworking",
            source_arn=source,
        )
        session.call("ec2", "DescribeVpcs", region="eu-west-1")
        return session

    def test_a_live_session_keeps_the_role(self, iam, understudy, session):
        task = submit(iam)
        understudy.settle()
        arn = f"arn:aws:sts::{understudy.account}:assumed-role/{NAME}/AppRunnerNetworking"
        answer = status(iam, task)
        assert "FAILED" == answer["Status"]
        assert [{"Region": "eu-west-1", "Resources": [arn]}] == answer["Reason"]["RoleUsageList"]

    def test_one_that_was_ended_does_not(self, iam, understudy, session):
        session.end()
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}

    def test_one_that_is_over_does_not(self, iam, understudy, session):
        understudy.clock.advance(3601)
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}

    def test_one_that_a_crash_left_behind_does_not(self, iam, understudy, session):
        """It is found in the same moment as the task, and nobody holds its credentials any more."""
        understudy.app.gateway.held_sessions.clear()
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}

    def test_rehearsing_leaves_none(self, iam, understudy):
        arn = connector(understudy)
        rehearse(understudy.app.gateway, connector_of(understudy.app.gateway, arn))
        understudy.client("apprunner").delete_vpc_connector(VpcConnectorArn=arn)
        task = submit(iam)
        understudy.settle()
        assert status(iam, task) == {"Status": "SUCCEEDED"}


class TestStatus:
    @pytest.mark.parametrize(
        "task", ["x", "task/aws-service-role/a/b", f"task/aws-service-role/{PRINCIPAL}/{NAME}/1"]
    )
    def test_what_is_no_id_is_told_so(self, iam, refused, task):
        with refused("InvalidInput", "Invalid task id", 400):
            status(iam, task)

    def test_an_unknown_id_is_not_found(self, iam, refused):
        task = f"task/aws-service-role/{PRINCIPAL}/{NAME}/12345678-1234-1234-1234-123456789012"
        with refused("NoSuchEntity", "Cannot find deletion status for given id.", 404):
            status(iam, task)

    def test_another_accounts_task_is_unknown(self, iam, linked, understudy, refused):
        task = submit(iam)
        other = understudy.client("iam", as_=understudy.account_administrator("111111111111"))
        with refused("NoSuchEntity", "Cannot find deletion status for given id.", 404):
            status(other, task)

    def test_permission_is_asked_on_the_role_of_the_task(self, iam, linked, understudy, refused):
        """Reference service-linked-roles.md 1.7."""
        arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{NAME}"
        watcher = understudy.client(
            "iam",
            as_=understudy.allowing("watcher", "iam:GetServiceLinkedRoleDeletionStatus", resource=arn),
        )
        task = submit(iam)
        assert status(watcher, task) == {"Status": "IN_PROGRESS"}
        other = f"task/aws-service-role/apprunner.amazonaws.com/Other/{task.rpartition('/')[2]}"
        with refused("AccessDenied", status=403) as told:
            status(watcher, other)
        assert "on resource: role Other because" in told.text

    def test_the_tags_of_the_role_count_while_it_is_there(self, iam, linked, understudy, refused):
        """Whoever may delete the roles of a team can also see what becomes of it."""
        iam.tag_role(RoleName=NAME, Tags=[{"Key": "Team", "Value": "network"}])
        statement = {
            "Effect": "Allow",
            "Action": ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:ResourceTag/team": "network"}},
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        member = understudy.client("iam", as_=understudy.user("member", document))
        task = submit(member)
        assert status(member, task) == {"Status": "IN_PROGRESS"}
        understudy.settle()
        with refused("AccessDenied", status=403):
            status(member, task)


class TestPace:
    def test_aws_takes_seven_to_seventy_seconds(self, refused):
        with Understudy(clock="aws", seed=1) as understudy:
            understudy.clock.advance(60)
            iam = understudy.client("iam")
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
            task = submit(iam)
            understudy.clock.advance(6.9)
            understudy.settle()
            assert status(iam, task) == {"Status": "IN_PROGRESS"}
            assert task == submit(iam)
            understudy.clock.advance(64)
            understudy.settle()
            assert status(iam, task) == {"Status": "SUCCEEDED"}

    @pytest.mark.parametrize("clock", ["instant", "aws"])
    def test_when_the_clock_goes_back_a_task_just_accepted_still_ends(self, clock):
        """It waited until the old time came again."""
        with Understudy(clock=clock) as understudy:
            understudy.clock.advance(60)
            iam = understudy.client("iam")
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
            task = submit(iam)
            understudy.clock.advance(-86400)
            understudy.settle()
            understudy.clock.advance(71)
            understudy.settle()
            assert status(iam, task) == {"Status": "SUCCEEDED"}


class TestRestart:
    def test_a_task_under_way_is_finished_afterwards(self, tmp_path):
        with Understudy(state=str(tmp_path), settles=False) as first:
            who = first.administrator
            iam = first.client("iam")
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
            task = submit(iam)
        with Understudy(state=str(tmp_path), account="999999999999", settles=False) as second:
            iam = second.client("iam", as_=who)
            assert status(iam, task) == {"Status": "IN_PROGRESS"}
            assert task == submit(iam)
            second.settle()
            assert status(iam, task) == {"Status": "SUCCEEDED"}
            assert iam.list_roles()["Roles"] == []

    def test_a_failure_is_still_told_afterwards(self, tmp_path):
        with Understudy(state=str(tmp_path), settles=False) as first:
            who = first.administrator
            arn = connector(first)
            iam = first.client("iam")
            task = submit(iam)
            first.settle()
            before = status(iam, task)
        with Understudy(state=str(tmp_path), account="999999999999", settles=False) as second:
            iam = second.client("iam", as_=who)
            assert before == status(iam, task)
            assert before["Reason"]["RoleUsageList"] == [{"Region": "us-east-1", "Resources": [arn]}]
