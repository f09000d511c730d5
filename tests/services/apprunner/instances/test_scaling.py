"""Automatic scaling, and services that sleep (apprunner-services.md 5.2)."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from service_sites import Node, Site

from understudy_aws.admin.requests import ListServiceStates
from understudy_aws.dataplane.messages import ServiceLoad
from understudy_aws.services.apprunner.auto_scaling_records import AutoScalingConfiguration
from understudy_aws.services.apprunner.instances.leaving import LeavingInstances
from understudy_aws.services.apprunner.instances.scaling import AutomaticScaling, enough
from understudy_aws.services.apprunner.service_records import SERVING, services


class Scaled:
    """A running service that takes two requests at once in each of one to three instances."""

    def __init__(self, understudy) -> None:
        self.site = Site(understudy)
        self.node = Node()
        self.controllers = AutomaticScaling(self.node).controller(), LeavingInstances(self.node).controller()
        arn = self.site.apprunner.create_auto_scaling_configuration(
            AutoScalingConfigurationName="small", MaxConcurrency=10, MinSize=1, MaxSize=3
        )["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
        self.change(scaling=arn, version="1")

    def change(self, **members) -> None:
        with self.site.world.database.transaction() as tx:
            (service,) = services.where(tx, "by_arn", self.site.service.arn)
            services.put(tx, replace(service, **members))

    def after(self, seconds: float = 1, **load) -> int:
        """Let time pass in which the service is so busy; answers how many instances serve then."""
        given = ServiceLoad(arn=self.site.service.arn, **load)
        self.node.load = lambda _arn: given
        for part in (0.0, seconds):
            self.site.understudy.clock.advance(part)
            for _ in range(3):
                self.work()
                self.node.wanted = self.site.wanted()
        return sum(each.purpose == SERVING for each in self.site.instances())

    def look(self) -> None:
        asyncio.run(self.node.look())

    def work(self) -> None:
        world = self.site.world
        for controller in self.controllers:
            with world.database.transaction() as tx:
                due = list(controller.due(tx, world.clock.now()))
            for each in due:
                asyncio.run(controller.reconcile(each.key, world))


@pytest.fixture
def scaled(understudy):
    return Scaled(understudy)


@pytest.mark.parametrize(("requests", "number"), [(0, 1), (8, 1), (9, 2), (16, 2), (17, 3), (500, 3)])
def test_how_many_are_enough(requests, number, understudy):
    configuration = AutoScalingConfiguration(
        account="", region="", name="", id="", revision=1, created=understudy.clock.now(),
        max_concurrency=10, min_size=1, max_size=3,
    )  # fmt: skip
    assert enough(ServiceLoad(arn="", peak=requests), configuration) == number
    assert (
        enough(ServiceLoad(arn="", active=requests - requests // 2, waiting=requests // 2), configuration)
        == number
    )


def test_instances_come_at_once_and_go_one_by_one(scaled):
    assert scaled.after(peak=1) == 1
    assert scaled.after(peak=25) == 3
    assert len(scaled.site.interfaces()) == 3
    assert scaled.after(30, peak=1) == 3
    assert scaled.after(31, peak=1) == 2
    assert len(scaled.site.interfaces()) == 2
    assert scaled.after(30, peak=1) == 2
    assert scaled.after(31, peak=1) == 1
    assert scaled.after(600, peak=1) == 1
    assert len(scaled.site.interfaces()) == 1


def test_what_is_busy_again_keeps_its_instances(scaled):
    assert scaled.after(peak=25) == 3
    assert scaled.after(50, peak=1) == 3
    assert scaled.after(peak=25) == 3
    assert scaled.after(50, peak=1) == 3


def test_one_that_stays_unhealthy_is_replaced(scaled):
    scaled.after(peak=1)
    (sick,) = scaled.site.instances()
    scaled.node.states[sick.id] = "unhealthy"
    scaled.look()
    assert scaled.after(29) == 1
    assert [each.id for each in scaled.site.instances()] == [sick.id]
    assert scaled.after(2) == 1
    assert sick.id not in {each.id for each in scaled.site.instances()}
    assert len(scaled.site.interfaces()) == 1


def test_of_more_than_enough_those_that_take_requests_stay(scaled):
    scaled.after(peak=15)
    old, young = sorted(scaled.site.instances(), key=lambda each: each.created)
    assert scaled.after(59, peak=1) == 2
    scaled.node.states[old.id] = "unhealthy"
    scaled.look()
    assert scaled.after(2, peak=1) == 1
    assert [each.id for each in scaled.site.instances() if each.purpose == SERVING] == [young.id]


def test_nothing_scales_while_an_operation_is_under_way(scaled):
    scaled.change(status="OPERATION_IN_PROGRESS")
    assert scaled.after(peak=25) == 0


def test_without_an_address_what_there_is_goes_on(scaled):
    assert scaled.after(peak=1) == 1
    scaled.site.understudy.app.database.flush()
    with pytest.raises(RuntimeError, match="No more instances of web can be launched"):
        scaled.site.fill_subnets()
        scaled.after(peak=25)
    assert [each.purpose for each in scaled.site.instances() if each.interface] == [SERVING]


def test_a_service_sleeps_when_asked_to_and_wakes_for_a_request(scaled):
    """An extra of ours: the tag `understudy:sleep-after`."""
    assert scaled.after(peak=1) == 1
    assert scaled.after(idle_seconds=10_000) == 1, "nobody asked for it"
    scaled.change(tags=(("understudy:sleep-after", "300"),))
    assert scaled.after(idle_seconds=299) == 1
    assert scaled.after(idle_seconds=300) == 0
    assert scaled.site.interfaces() == []
    assert scaled.site.wanted().services[0].asleep
    since = asleep_since(scaled)
    assert since is not None
    assert scaled.after(idle_seconds=900) == 0
    assert asleep_since(scaled) == since
    assert scaled.after(waiting=1) == 1
    assert not scaled.site.wanted().services[0].asleep
    assert asleep_since(scaled) is None


def asleep_since(scaled):
    [told] = scaled.site.understudy.answer_administrative(ListServiceStates())["services"]
    return told["asleep_since"]
