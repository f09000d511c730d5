"""What services keep can be taken down by the steps that `understudy uses` tells, done in their order.

Reference apprunner.md 2.4, 2.6, 2.8 and apprunner-services.md 2.3: connectors, configurations and connections that a
service uses, and subnets and groups of its instances' interfaces, are deleted only after it.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from networking import make_network
from plain_sites import Site

from understudy_aws.admin.requests import Attach
from understudy_aws.services.ec2.attached_programs import attached_programs

REQUESTS = "com.amazonaws.us-east-1.apprunner.requests"


class Shape:
    """An account with networks, connectors and services of a shape that a number decides."""

    def __init__(self, site: Site, number: int) -> None:
        self.site = site
        self.apprunner, self.ec2 = site.apprunner, site.understudy.client("ec2")
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        chance = random.Random(number)
        self.network = make_network(self.ec2, subnets=chance.choice((1, 2)))
        self.connectors = [
            self.apprunner.create_vpc_connector(
                VpcConnectorName=f"web-{each}",
                Subnets=chance.sample(self.network.subnets, chance.randint(1, len(self.network.subnets))),
                SecurityGroups=[self.network.group],
            )["VpcConnector"]["VpcConnectorArn"]
            for each in range(chance.choice((1, 2)))
        ]
        scaling = self.apprunner.create_auto_scaling_configuration(
            AutoScalingConfigurationName="many", MinSize=chance.choice((1, 2))
        )
        self.scaling = scaling["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
        self.services = [self._service(chance, each) for each in range(chance.choice((1, 2, 3)))]
        if chance.random() < 0.5:
            self.ec2.create_nat_gateway(SubnetId=self.network.subnets[0], ConnectivityType="private")
        if chance.random() < 0.7:
            self._attach(made=chance.random() < 0.5)

    def _service(self, chance: random.Random, number: int) -> str:
        egress = {"EgressType": "VPC", "VpcConnectorArn": chance.choice(self.connectors)}
        private = number == 1
        arn = self.site.create(
            ServiceName=f"site-{number}",
            AutoScalingConfigurationArn=self.scaling,
            NetworkConfiguration={
                "EgressConfiguration": egress,
                "IngressConfiguration": {"IsPubliclyAccessible": not private},
            },
        )
        service, _ = self.site.ended(arn)
        assert service["Status"] == "RUNNING", self.site.reason(arn)
        if private:
            self._enter(arn)
        if chance.random() < 0.3:
            self.apprunner.pause_service(ServiceArn=arn)
            self.site.ended(arn)
        return arn

    def _enter(self, service: str) -> None:
        """Make a way into a private service from the VPC."""
        endpoint = self.ec2.create_vpc_endpoint(
            VpcId=self.network.vpc,
            ServiceName=REQUESTS,
            VpcEndpointType="Interface",
            SubnetIds=self.network.subnets[:1],
            PrivateDnsEnabled=False,
        )["VpcEndpoint"]["VpcEndpointId"]
        made = self.apprunner.create_vpc_ingress_connection(
            ServiceArn=service,
            VpcIngressConnectionName="from-vpc",
            IngressVpcConfiguration={"VpcId": self.network.vpc, "VpcEndpointId": endpoint},
        )["VpcIngressConnection"]
        self.site.wait_for(
            lambda: (
                self.apprunner.describe_vpc_ingress_connection(
                    VpcIngressConnectionArn=made["VpcIngressConnectionArn"]
                )["VpcIngressConnection"]["Status"]
                == "AVAILABLE"
            )
        )

    def _attach(self, *, made: bool) -> None:
        """Attach a program to an interface of its own, or to one that is made for it."""
        program = subprocess.Popen(["/bin/sleep", "600"])
        subnet = self.network.subnets[-1]
        if made:
            place = {"subnet": subnet}
        else:
            interface = self.ec2.create_network_interface(SubnetId=subnet, Groups=[self.network.group])
            place = {"interface": interface["NetworkInterface"]["NetworkInterfaceId"]}
        self.site.understudy.app.admin.answer(Attach(pid=program.pid, command="sleep 600", **place))
        self.programs[f"{program.pid} (sleep 600)"] = program

    def steps(self, resource: str) -> list[tuple[str, list[str], str]]:
        """What `understudy uses` says must be done, in order."""
        uses = self.site.understudy.app.gateway.registry.uses
        with self.site.understudy.app.database.transaction() as tx:
            found = uses.find(tx, resource)
            assert found is not None, resource
            steps = uses.steps(tx, found, most=10)
        return [(each["operation"], each["resources"], each.get("with", "")) for each in steps]

    def carry_out(self, operation: str, resource: str, other: str) -> None:
        """Do one step to one resource, and wait for its end."""
        ec2, apprunner = self.ec2, self.apprunner
        calls: dict[str, Callable[[], Any]] = {
            "apprunner:DeleteService": lambda: apprunner.delete_service(ServiceArn=resource),
            "apprunner:DeleteVpcConnector": lambda: apprunner.delete_vpc_connector(VpcConnectorArn=resource),
            "apprunner:DeleteVpcIngressConnection": lambda: apprunner.delete_vpc_ingress_connection(
                VpcIngressConnectionArn=resource
            ),
            "apprunner:DeleteAutoScalingConfiguration": lambda: apprunner.delete_auto_scaling_configuration(
                AutoScalingConfigurationArn=resource
            ),
            "ec2:DeleteNetworkInterface": lambda: ec2.delete_network_interface(NetworkInterfaceId=resource),
            "ec2:DeleteNatGateway": lambda: ec2.delete_nat_gateway(NatGatewayId=resource),
            "ec2:DeleteVpcEndpoints": lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[resource]),
            "ec2:DeleteSubnet": lambda: ec2.delete_subnet(SubnetId=resource),
            "ec2:DeleteSecurityGroup": lambda: ec2.delete_security_group(GroupId=resource),
            "ec2:DeleteVpc": lambda: ec2.delete_vpc(VpcId=resource),
            "ec2:ModifyNetworkInterfaceAttribute": lambda: ec2.modify_network_interface_attribute(
                NetworkInterfaceId=resource, Groups=[self._default_group()]
            ),
        }
        if operation == "end the process":
            self._end(resource)
            return
        calls[operation]()
        if operation == "apprunner:DeleteService":
            service, _ = self.site.ended(resource)
            assert service["Status"] == "DELETED"
        elif operation == "ec2:DeleteNatGateway":
            gateways = [resource]
            self.site.wait_for(
                lambda: (
                    ec2.describe_nat_gateways(NatGatewayIds=gateways)["NatGateways"][0]["State"] == "deleted"
                )
            )

    def _end(self, name: str) -> None:
        program = self.programs[name]
        program.kill()
        program.wait(10)
        database = self.site.understudy.app.database

        def gone() -> bool:
            with database.transaction() as tx:
                return all(each.pid != program.pid for each in attached_programs.scan(tx))

        self.site.wait_for(gone)

    def _default_group(self) -> str:
        filters = [
            {"Name": "vpc-id", "Values": [self.network.vpc]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        found: str = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
        return found

    def end(self) -> None:
        for program in self.programs.values():
            program.kill()
            program.wait(10)


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
    made.workloads.end()


@pytest.mark.parametrize("kind", ["subnet", "group", "connector", "scaling", "vpc"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_after_the_steps_in_their_order_it_is_gone(site, number, kind):
    """The last step deletes it, and each one before is taken."""
    shape = Shape(site, number)
    try:
        resource = {
            "subnet": shape.network.subnets[0],
            "group": shape.network.group,
            "connector": shape.connectors[0],
            "scaling": shape.scaling,
            "vpc": shape.network.vpc,
        }[kind]
        steps = shape.steps(resource)
        assert resource in steps[-1][1]
        for operation, resources, other in steps:
            for each in resources:
                shape.carry_out(operation, each, other)
    finally:
        shape.end()


def test_app_runners_interface_goes_with_its_service(site):
    """Nobody is told to delete an interface that App Runner would miss: its service is named instead."""
    shape = Shape(site, 1)
    try:
        ours = [
            each["NetworkInterfaceId"]
            for each in shape.ec2.describe_network_interfaces(
                Filters=[{"Name": "tag-key", "Values": ["AWSAppRunnerManaged"]}]
            )["NetworkInterfaces"]
        ]
        assert ours
        for interface in ours:
            ((operation, (service,), _),) = [
                each for each in shape.steps(interface) if "Ingress" not in each[0]
            ]
            assert operation == "apprunner:DeleteService"
            assert service in shape.services
    finally:
        shape.end()
