"""Waiting for new instances: what fails an operation, and what is no fault of the application."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest
from msgspec.structs import replace
from service_sites import Node, Site

from understudy_aws.dataplane.messages import Instances, InstanceStatus
from understudy_aws.gateway.durable_operations import NotYetError, StepFailedError, begin
from understudy_aws.services.apprunner.instances import routing
from understudy_aws.services.apprunner.instances.health import wait_until_healthy, wait_until_led
from understudy_aws.services.apprunner.service_operations import history


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (InstanceStatus(id="i", state="ended", starts=1, exit_status=3, reason="It ended with status 3."), StepFailedError),
        (InstanceStatus(id="i", state="ended", reason="The image names no command."), StepFailedError),
        (InstanceStatus(id="i", state="unhealthy", starts=1, reason="It answered 500."), StepFailedError),
        (InstanceStatus(id="i", state="ended", starts=1, reason="It ended, and nobody saw how."), NotYetError),
        (InstanceStatus(id="i", state="ended", starts=4, reason="It ended, and nobody saw how."), StepFailedError),
        (InstanceStatus(id="i", state="starting"), NotYetError),
    ],
    ids=["ended", "never started", "unhealthy", "killed with what ran it", "killed again and again", "starting"],
)  # fmt: skip
def test_only_what_the_application_did_fails_an_operation(understudy, state, failure):
    """App Runner tells of a container's exit code (apprunner-services.md 5.6)."""
    with pytest.raises(failure):
        wait(Site(understudy), state)


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        (InstanceStatus(id="i", state="healthy"), False),
        (InstanceStatus(id="i", state="starting"), True),
        (InstanceStatus(id="i", state="ended", starts=1, reason="It ended, and nobody saw how."), True),
        (InstanceStatus(id="i", state="unhealthy", reason="It answered 500."), False),
        (InstanceStatus(id="i", state="ended", starts=1, exit_status=3), False),
    ],
    ids=["healthy", "begun anew", "killed with what ran it", "ill meanwhile", "ended meanwhile"],
)  # fmt: skip
def test_requests_are_led_when_the_node_knows_and_an_instance_takes_them(understudy, told, waits):
    site = Site(understudy)
    (instance,) = site.launch(1)

    class Told(Node):
        async def look(self) -> Instances:
            return Instances(instances=(replace(told, id=instance.id),))

    node = Told()
    node.wanted = site.wanted()
    with site.world.database.transaction() as tx:
        routing.switch(tx, site.service.arn, "1", at=site.world.clock.now())
    with pytest.raises(NotYetError, match="not told yet"):
        asyncio.run(wait_until_led(site.world, node, site.service.arn))
    node.wanted = site.wanted()
    with pytest.raises(NotYetError, match="No instance") if waits else nullcontext():
        asyncio.run(wait_until_led(site.world, node, site.service.arn))
    site.understudy.clock.advance(301)
    asyncio.run(wait_until_led(site.world, node, site.service.arn))


def wait(site, state):
    """Wait for an instance of a new service of which the node tells something."""
    at = site.world.clock.now()
    with site.world.database.transaction() as tx:
        operation = begin(
            tx, history.KINDS[history.CREATE], account=site.service.account, id="o1", subject=site.service.arn,
            details={"region": site.service.region, "service": site.service.id}, at=at,
        )  # fmt: skip
    (instance,) = site.launch(1, operation=operation.id)

    class Told(Node):
        async def look(self) -> Instances:
            return Instances(instances=(replace(state, id=instance.id),))

    asyncio.run(wait_until_healthy(site.world, Told(), operation))


def database(site, *admitted):
    """Make an interface in the VPC whose group admits some groups to PostgreSQL's port; answers it and its group."""
    group = site.ec2.create_security_group(VpcId=site.network.vpc, GroupName="db", Description="db")[
        "GroupId"
    ]
    for each in admitted:
        site.ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 5432,
                    "ToPort": 5432,
                    "UserIdGroupPairs": [{"GroupId": each}],
                }
            ],
        )
    made = site.ec2.create_network_interface(SubnetId=site.network.subnets[0], Groups=[group])
    return made["NetworkInterface"]["PrivateIpAddress"], group


def reason_of(site, *waited):
    ended = InstanceStatus(
        id="i", state="ended", starts=1, exit_status=1, reason="It ended with status 1.", unanswered=waited
    )
    with pytest.raises(StepFailedError) as error:
        wait(site, ended)
    return str(error.value)


def test_what_keeps_it_from_its_database_is_told(understudy):
    """The one rule that is missing, in the words of `understudy reach`."""
    site = Site(understudy)
    address, group = database(site)
    told = reason_of(site, (address, 5432))
    assert told.startswith(
        f"It ended with status 1. It waited for TCP port 5432 of {address}, which it does not reach: at {group}, "
    )
    assert "no rule lets TCP" in told


def test_a_connection_that_nothing_refuses_is_not_told_of(understudy):
    site = Site(understudy)
    address, _ = database(site, site.network.group)
    assert reason_of(site, (address, 5432)) == "It ended with status 1."


def test_an_address_that_no_route_leads_to_is_told(understudy):
    site = Site(understudy)
    told = reason_of(site, ("203.0.113.9", 443))
    assert "It waited for TCP port 443 of 203.0.113.9, which it does not reach: at rtb-" in told
