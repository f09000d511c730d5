"""A node that runs is kept for a service that is paused, which is resumed sooner then; none is started for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from nodes import refusal_for
from service_sites import ACCOUNT, REGION

from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.dataplane.client import NodeClient
from understudy_aws.dataplane.messages import GetStatus, Status, WantServices
from understudy_aws.dataplane.wanted_services import Service as WantedService
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.services.apprunner.service_records import DELETED, PAUSED, Service, services
from understudy_aws.services.apprunner.service_settings.networks import Network
from understudy_aws.services.apprunner.service_settings.service_settings import ServiceSettings
from understudy_aws.services.apprunner.service_settings.sources import Source
from understudy_aws.testing import Understudy

REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Site:
    """An account with a service that is paused, whose egress type is DEFAULT."""

    def __init__(self, understudy: Understudy) -> None:
        self.understudy = understudy
        self.node: Path = understudy.app.node.directory
        now = understudy.clock.now()
        settings = ServiceSettings(source=Source(automatic=False), network=Network())
        self.put(
            Service(
                account=ACCOUNT, region=REGION, name="web", id="ab" * 16, status=PAUSED, created=now, updated=now,
                settings=settings,
            )
        )  # fmt: skip

    def put(self, service: Service) -> None:
        self.service = service
        with self.understudy.app.database.transaction() as tx:
            services.put(tx, service)

    def run_program(self) -> Status:
        """Attach a program and take it away again, so that a node runs; returns how it did meanwhile."""
        subnet = self.understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        attached = self.understudy.app.admin.answer(Attach(pid=os.getpid(), subnet=subnet))
        self.understudy.settle()
        found = self.status()
        assert attached["interface"] in found.interfaces
        self.understudy.app.admin.answer(Detach(interface=attached["interface"], pid=os.getpid()))
        self.understudy.settle()
        return found

    def status(self) -> Status:
        with NodeClient(self.node) as client:
            found = client.ask(GetStatus())
        assert isinstance(found, Status)
        return found

    def later(self) -> None:
        self.understudy.clock.advance(10)
        self.understudy.settle()

    def is_left(self) -> bool:
        return self.understudy.app.node.may_run()


@pytest.fixture
def site():
    with Understudy() as made:
        yield Site(made)


def test_no_node_is_started_for_a_paused_service(site):
    site.later()
    assert not site.node.exists()


def test_a_node_is_kept_for_a_paused_service_and_ends_with_it(site):
    ran = site.run_program()
    kept = site.status()
    assert (kept.pid, kept.holder) == (ran.pid, ran.holder)
    assert not set(kept.interfaces) & set(ran.interfaces), "the program's network is gone"
    assert kept.interfaces == ("eni-apprunner-nat",), "the way out of App Runner's own network goes on"
    site.put(replace(site.service, status=DELETED, deleted=site.understudy.clock.now()))
    site.later()
    assert not site.is_left()
    assert not Path(f"/proc/{ran.holder}").exists() or "Z" in Path(f"/proc/{ran.holder}/stat").read_text()


def test_a_reset_ends_a_kept_node(site):
    site.run_program()
    with site.understudy.app.database.transaction() as tx:
        services.delete(tx, site.service)
    site.later()
    assert not site.is_left()


def test_a_kept_node_that_is_killed_with_its_holder_is_not_started_anew(site):
    ran = site.run_program()
    os.kill(ran.holder, signal.SIGKILL)
    until(lambda: not site.understudy.app.node.runs())
    site.later()
    assert not site.is_left()
    site.later()
    assert not site.is_left()


def test_a_server_that_finds_a_kept_node_keeps_it_and_has_it_run_nothing(tmp_path):
    state = str(tmp_path / "state")
    with Understudy(state=state) as understudy:
        site = Site(understudy)
        ran = site.run_program()
        launcher = understudy.app.node
    with NodeClient(site.node) as client:
        # As if the server had been killed before it could say that the service is paused.
        former = WantedService(arn=site.service.arn, hosts=("web.localhost",))
        client.ask(WantServices(Services(services=(former,))))
    try:
        with Understudy(state=state, account="222222222222") as understudy:
            understudy.settle()
            assert site.status().holder == ran.holder
            assert understudy.app.workloads.wanted == Services()
            assert b"web.localhost" not in (site.node / "services.json").read_bytes()
    finally:
        launcher.stop()
