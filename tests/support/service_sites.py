"""An account with a network, a connector and a service, and a node that does what a test says."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from msgspec.structs import replace
from networking import make_network

from understudy_aws.dataplane.messages import Instances, InstanceStatus
from understudy_aws.dataplane.wanted_services import Services
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.instances import launching, retiring, routing, wanted_services
from understudy_aws.services.apprunner.service_records import (
    RUNNING,
    Service,
    ServiceInstance,
    ServiceVersion,
    service_instances,
    service_versions,
    services,
)
from understudy_aws.services.apprunner.service_settings.instances import Instance
from understudy_aws.services.apprunner.service_settings.networks import Network
from understudy_aws.services.apprunner.service_settings.service_settings import ServiceSettings
from understudy_aws.services.apprunner.service_settings.sources import Source
from understudy_aws.services.ec2.subnets import subnets

ACCOUNT, REGION = "000000000000", "us-east-1"


class Site:
    """An account with a network, a connector into it, and a service that has no instances yet."""

    def __init__(self, understudy: Any) -> None:
        self.understudy = understudy
        self.ec2, self.apprunner = understudy.client("ec2"), understudy.client("apprunner")
        self.network = make_network(self.ec2)
        self.connector = self.apprunner.create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=self.network.subnets, SecurityGroups=[self.network.group]
        )["VpcConnector"]["VpcConnectorArn"]
        self.world = understudy.app.controllers.world
        self.service = self._service()
        self.version = self.make_version("1")

    def _service(self) -> Service:
        now = self.world.clock.now()
        with self.world.database.transaction() as tx:
            return services.put(
                tx,
                Service(
                    account=ACCOUNT, region=REGION, name="web", id="ab" * 16, status=RUNNING, created=now,
                    updated=now, url=f"abcdefghij.{REGION}.awsapprunner.localhost",
                ),
            )  # fmt: skip

    def make_version(
        self, id: str, *, connector: str | None = None, role: str = "", **given: Any
    ) -> ServiceVersion:
        arn = self.connector if connector is None else connector
        settings = ServiceSettings(
            source=Source(automatic=False), network=Network(connector=arn), instance=Instance(role=role)
        )
        with self.world.database.transaction() as tx:
            return service_versions.put(
                tx,
                ServiceVersion(
                    account=ACCOUNT, region=REGION, service=self.service.arn, id=id, settings=settings,
                    created=self.world.clock.now(), command=("true",), **given,
                ),
            )  # fmt: skip

    def launch(
        self, number: int, *, version: ServiceVersion | None = None, operation: str = "o1"
    ) -> tuple[ServiceInstance, ...]:
        made = launching.launch(self.world, version or self.version, number, operation=operation)
        return asyncio.run(made)

    async def retire(self) -> None:
        """Retire all instances, whose programs have ended already."""
        with self.world.database.transaction() as tx:
            routing.drain_all(tx, self.service.arn, at=self.world.clock.now())
        await retiring.drain(self.world, Node(), self.service.arn)

    def fill_subnets(self) -> None:
        """Leave no address in the connector's subnets."""
        for subnet in self.network.subnets:
            with self.world.database.transaction() as tx:
                made = subnets.get(tx, ACCOUNT, REGION, subnet)
                assert made is not None
                block = made.cidr.replace("/24", "/28")
                subnets.put(tx, replace(made, cidr=block))
            for _ in range(11):
                with suppress(ClientError):
                    self.ec2.create_network_interface(SubnetId=subnet)

    def interfaces(self) -> list[dict[str, Any]]:
        return self.ec2.describe_network_interfaces()["NetworkInterfaces"]

    def instances(self) -> list[ServiceInstance]:
        with self.world.database.transaction() as tx:
            return service_instances.where(tx, "by_service", self.service.arn)

    def wanted(self) -> Services:
        with self.world.database.transaction() as tx:
            return wanted_services.wanted_now(tx, self.world.clock.now())


class Node(Workloads):
    """A node that runs what it was told, and says what it is told to say of requests."""

    def __init__(self) -> None:
        self.wanted = Services()
        self.heard = None
        self.requests = 0
        self.states: dict[str, str] = {}
        self._states, self._loads = {}, {}

    async def look(self) -> Instances:
        assert self.wanted is not None
        self._states = {
            each.id: InstanceStatus(
                id=each.id, state=self.states.get(each.id, "healthy"), requests=self.requests
            )
            for each in self.wanted.instances
        }
        return Instances(instances=tuple(self._states.values()))
