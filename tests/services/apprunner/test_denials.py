"""The networking role is refused: services say why, and go on when it is allowed again (apprunner.md 3.1, 4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from networking import ROLE, make_network
from plain_sites import Site, source
from refusals import code_and_message

from understudy_aws.admin.requests import ListServiceStates, ListUses
from understudy_aws.dataplane.messages import ServiceLoad
from understudy_aws.services.apprunner.service_records import services
from understudy_aws.services.iam.role_records import Role, roles

ACCOUNT = "000000000000"
TAG = {"Key": "AWSAppRunnerManaged", "Value": "true"}
# What the role's policy asks of an interface that it deletes (apprunner.md 4.1).
UNTAGGED = (
    "It does not carry ec2:ResourceTag/AWSAppRunnerManaged: the resource has no tag AWSAppRunnerManaged."
)
STAY = "Network interfaces of stopped instances can't be deleted."
NO_MORE = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"NoMore","Effect":"Deny",'
    '"Action":"ec2:CreateNetworkInterface","Resource":"*"}]}'
)


class InVpc:
    """A service with a connector into a VPC, whose networking role is allowed things or not."""

    def __init__(self, site: Site) -> None:
        self.site, self.ec2 = site, site.understudy.client("ec2")
        self.apprunner = site.apprunner
        self.network = make_network(self.ec2, subnets=1)
        self.connector = self.apprunner.create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=self.network.subnets, SecurityGroups=[self.network.group]
        )["VpcConnector"]["VpcConnectorArn"]
        self.taken: Role | None = None

    def create(self, **more: Any) -> str:
        egress = {"EgressType": "VPC", "VpcConnectorArn": self.connector}
        return self.site.create(NetworkConfiguration={"EgressConfiguration": egress}, **more)

    def interfaces(self) -> list[str]:
        found = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "subnet-id", "Values": self.network.subnets}]
        )
        return [each["NetworkInterfaceId"] for each in found["NetworkInterfaces"]]

    def untag(self) -> None:
        """Take the tag away without which the role may delete no interface."""
        self.ec2.delete_tags(Resources=self.interfaces(), Tags=[{"Key": TAG["Key"]}])

    def tag(self) -> None:
        self.ec2.create_tags(Resources=self.interfaces(), Tags=[TAG])

    def take_role(self) -> None:
        """Take the role away, which no call can while the connector is there."""
        with self.site.understudy.app.database.transaction() as tx:
            self.taken = next(each for each in roles.scan(tx, ACCOUNT) if each.name == ROLE)
            roles.delete(tx, self.taken)

    def give_role(self, **changes: Any) -> None:
        assert self.taken is not None
        with self.site.understudy.app.database.transaction() as tx:
            roles.put(tx, replace(self.taken, **changes))

    def events(self, arn: str) -> list[str]:
        """What the service's event log has."""
        self.site.understudy.settle()
        name, id = arn.split("/")[1:]
        logs = self.site.understudy.client("logs")
        group = f"/aws/apprunner/{name}/{id}/service"
        found = logs.get_log_events(logGroupName=group, logStreamName="events", startFromHead=True)
        return [each["message"] for each in found["events"]]

    def told(self, arn: str, words: str) -> list[str]:
        return [each for each in self.events(arn) if words in each]

    def problems(self, arn: str) -> list[str]:
        """What `understudy status SERVICE` says of it."""
        (found,) = self.site.understudy.answer_administrative(ListServiceStates(service=arn))["services"]
        return [each["text"] for each in found["problems"]]

    def rounds(self, number: int) -> None:
        """Let so many minutes pass."""
        for _ in range(number):
            self.site.understudy.clock.advance(60)
            self.site.understudy.settle()

    def busy(self, requests: int) -> None:
        load = ServiceLoad(arn="", peak=requests, active=requests)
        self.site.workloads.load = lambda _arn: load  # type: ignore[method-assign]


@pytest.fixture
def vpc(tmp_path, monkeypatch):
    site = Site(tmp_path, monkeypatch)
    with site.understudy:
        yield InVpc(site)
    site.workloads.end()


@pytest.mark.parametrize("taken", ["permission", "role"])
def test_a_deletion_that_is_refused_fails_with_the_reason_and_succeeds_when_asked_again(vpc, taken):
    """apprunner-services.md 2.3: DELETE_FAILED, and the call is repeated; apprunner.md 2.6: the connector is in use meanwhile."""
    arn = vpc.create()
    vpc.site.ended(arn)
    (interface,) = vpc.interfaces()
    if taken == "permission":
        vpc.untag()
    else:
        vpc.take_role()
    for _ in range(2):
        vpc.apprunner.delete_service(ServiceArn=arn)
        service, operation = vpc.site.ended(arn)
        assert ("DELETE_FAILED", "DELETE_SERVICE", "FAILED") == (
            service["Status"], operation["Type"], operation["Status"],
        )  # fmt: skip
    reason = vpc.site.reason(arn)
    assert "is not authorized to perform: " in reason
    assert (UNTAGGED in reason) == (taken == "permission")
    assert ("sts:AssumeRole" in reason) == (taken == "role")
    assert "understudy explain" in reason
    assert reason in vpc.events(arn)
    assert "Service deletion failed." in vpc.events(arn)

    assert ([], [interface]) == (vpc.site.answers(), vpc.interfaces())
    assert (
        "DependencyViolation" == code_and_message(vpc.ec2.delete_subnet, SubnetId=vpc.network.subnets[0])[0]
    )
    assert (
        "InvalidRequestException"
        == (code_and_message(vpc.apprunner.delete_vpc_connector, VpcConnectorArn=vpc.connector)[0])
    )
    uses = str(vpc.site.understudy.answer_administrative(ListUses(id=vpc.network.subnets[0])))
    assert interface in uses
    assert arn in uses
    vpc.rounds(2)
    assert "DELETE_FAILED" == vpc.site.described(arn)["Status"], (
        "it is asked for, and does not go on by itself"
    )

    if taken == "permission":
        vpc.tag()
    else:
        vpc.give_role()
    vpc.apprunner.delete_service(ServiceArn=arn)
    assert "DELETED" == vpc.site.ended(arn)[0]["Status"]
    assert [] == vpc.interfaces()
    vpc.apprunner.delete_vpc_connector(VpcConnectorArn=vpc.connector)
    vpc.ec2.delete_subnet(SubnetId=vpc.network.subnets[0])


@pytest.mark.parametrize(
    ("change", "status", "left"),
    [
        (lambda app, arn: app.pause_service(ServiceArn=arn), "PAUSED", 1),
        (lambda app, arn: app.update_service(ServiceArn=arn, SourceConfiguration=source("2")), "RUNNING", 2),
    ],
    ids=["pause", "update"],
)
def test_others_end_and_what_may_not_be_deleted_goes_when_it_may(vpc, change, status, left):
    arn = vpc.create()
    vpc.site.ended(arn)
    former = vpc.interfaces()
    vpc.untag()
    change(vpc.apprunner, arn)
    service, operation = vpc.site.ended(arn)
    assert (status, "SUCCEEDED") == (service["Status"], operation["Status"])
    vpc.rounds(3)
    (told,) = vpc.told(arn, STAY)
    assert UNTAGGED in told
    assert [told] == vpc.problems(arn)
    assert left == len(vpc.interfaces())
    assert set(former) <= set(vpc.interfaces())
    vpc.take_role()
    vpc.rounds(3)
    changed = vpc.told(arn, STAY)
    assert 2 == len(changed), "it is told again, since the cause is another"
    assert "sts:AssumeRole" in changed[1]
    vpc.give_role()
    vpc.tag()
    vpc.rounds(3)
    assert left - 1 == len(vpc.interfaces())
    assert 1 == len(vpc.told(arn, "The network interfaces of stopped instances are deleted."))
    assert [] == vpc.problems(arn)


def test_a_creation_that_may_make_no_interface_fails_with_the_statement(vpc):
    vpc.take_role()
    vpc.give_role(inline=(("denies", NO_MORE),))
    arn = vpc.create()
    service, operation = vpc.site.ended(arn)
    assert ("CREATE_FAILED", "FAILED") == (service["Status"], operation["Status"])
    (told,) = vpc.told(arn, "ec2:CreateNetworkInterface")
    assert 'Statement 1 "NoMore" of denies denies it.' in told
    assert ([], []) == vpc.site.records()
    assert [] == vpc.interfaces()


def test_without_the_role_nothing_is_launched_and_nothing_is_left(vpc):
    vpc.take_role()
    arn = vpc.create()
    assert "CREATE_FAILED" == vpc.site.ended(arn)[0]["Status"]
    assert f"{ROLE} is not there, or does not trust networking.apprunner.amazonaws.com." in vpc.site.reason(
        arn
    )
    assert ([], []) == vpc.site.records()
    vpc.give_role()
    vpc.apprunner.update_service(ServiceArn=arn)
    assert "RUNNING" == vpc.site.ended(arn)[0]["Status"]


def test_an_update_whose_instances_may_not_be_taken_back_is_rolled_back(vpc):
    """What was launched stops; its interface goes when it may."""
    arn = vpc.create()
    vpc.site.ended(arn)
    (former,) = vpc.interfaces()
    (vpc.site.directory / "two" / "serve.py").write_text("import time; time.sleep(600)")
    vpc.apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("2"))
    vpc.site.wait_for(lambda: len(vpc.interfaces()) == 2)
    vpc.untag()
    vpc.site.understudy.clock.advance(301)
    service, operation = vpc.site.ended(arn)
    assert ("RUNNING", "ROLLBACK_SUCCEEDED") == (service["Status"], operation["Status"])
    assert 1 == len(vpc.told(arn, STAY))
    assert ["one"] == vpc.site.answers()
    vpc.tag()
    vpc.rounds(3)
    assert [former] == vpc.interfaces()


def test_what_keeps_a_service_from_scaling_out_is_told_once_for_each_cause(vpc):
    arn = vpc.create()
    vpc.site.ended(arn)
    vpc.take_role()
    vpc.busy(150)
    vpc.rounds(4)
    (told,) = vpc.told(arn, "More instances can't be launched.")
    assert "sts:AssumeRole" in told
    assert [told] == vpc.problems(arn)
    assert (1, 1) == (len(vpc.site.records()[0]), len(vpc.site.answers()))

    vpc.give_role()
    taken = [
        vpc.ec2.create_network_interface(SubnetId=vpc.network.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
        for _ in range(250)
    ]  # fmt: skip
    vpc.rounds(4)
    assert 2 == len(vpc.told(arn, "More instances can't be launched."))
    assert "No address is left in the subnets of the VPC connector web-vpc" in vpc.problems(arn)[0]
    vpc.ec2.delete_network_interface(NetworkInterfaceId=taken.pop())
    vpc.rounds(3)
    assert 1 == len(vpc.told(arn, "As many instances run as are needed again."))
    assert [] == vpc.problems(arn)
    assert 2 == len(vpc.site.records()[0])


def test_refused_calls_wait_ever_longer(vpc):
    arn = vpc.create()
    vpc.site.ended(arn)
    vpc.take_role()
    vpc.busy(150)

    def tries(seconds: int) -> int:
        before = len([e for e in vpc.site.understudy.trail() if e.operation == "AssumeRole"])
        for _ in range(seconds):
            vpc.site.understudy.clock.advance(1)
            vpc.site.understudy.settle()
        return len([e for e in vpc.site.understudy.trail() if e.operation == "AssumeRole"]) - before

    first, later = tries(20), tries(20)
    assert 3 <= first <= 6, "after 1, 2, 4, 8 seconds"
    assert later <= 1


def test_a_service_that_is_gone_has_no_problem(vpc):
    arn = vpc.create()
    vpc.site.ended(arn)
    vpc.untag()
    vpc.apprunner.pause_service(ServiceArn=arn)
    vpc.site.ended(arn)
    assert vpc.problems(arn)
    vpc.tag()
    vpc.apprunner.delete_service(ServiceArn=arn)
    vpc.site.ended(arn)
    with vpc.site.understudy.app.database.transaction() as tx:
        assert all(each.deleted for each in services.scan(tx))
    assert [] == vpc.problems(arn)
