"""Endpoints over random subnets, groups and route tables, against a model: nothing is left over, nothing dangles."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy

ZONES = "abd"
LISTS = {"s3": "pl-63a5400a", "dynamodb": "pl-02cd2c6b"}
SERVICES_OF_INTERFACES = ("sts", "logs", "apprunner.requests")
STEPS = 60


class Model:
    """What there must be: of each endpoint its service, and its tables, or its subnets and groups."""

    def __init__(self, ec2, draw):
        self.ec2, self.draw = ec2, draw
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.zone_of = {}
        for number in range(6):
            zone = ZONES[number % 3]
            made = ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )
            self.zone_of[made["Subnet"]["SubnetId"]] = zone
        self.groups = [
            ec2.create_security_group(VpcId=self.vpc, GroupName=f"g{number}", Description="g")["GroupId"]
            for number in range(3)
        ]
        self.tables = [ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"] for _ in range(3)]
        self.gateways, self.interfaces = {}, {}

    def some(self, of):
        return self.draw.sample(sorted(of), self.draw.randint(0, len(of)))

    def ask(self, name, fits, **params):
        """Call, which must be answered exactly when the model says that it fits."""
        params = {key: value for key, value in params.items() if value != []}
        answer = None
        with suppress(ClientError):
            answer = getattr(self.ec2, name)(**params)
        assert (answer is not None) == fits, (name, params)
        return answer

    def free(self, service, tables, but=None):
        """Whether no other endpoint of the service has a route in one of these tables."""
        return not any(
            other != but and held["service"] == service and held["tables"] & set(tables)
            for other, held in self.gateways.items()
        )

    def apart(self, subnets):
        return len({self.zone_of[each] for each in subnets}) == len(subnets)

    def unclaimed(self, service, but=None):
        return not any(
            other != but and held["service"] == service and held["private"]
            for other, held in self.interfaces.items()
        )

    def make_gateway(self):
        service, tables = self.draw.choice(sorted(LISTS)), self.some(self.tables)
        answer = self.ask(
            "create_vpc_endpoint",
            self.free(service, tables),
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.us-east-1.{service}",
            RouteTableIds=tables,
        )
        if answer:
            id = answer["VpcEndpoint"]["VpcEndpointId"]
            self.gateways[id] = {"service": service, "tables": set(tables)}

    def make_interface(self):
        service = self.draw.choice(SERVICES_OF_INTERFACES)
        subnets, groups = self.draw.sample(sorted(self.zone_of), 2), self.some(self.groups)
        private = self.draw.random() < 0.5
        answer = self.ask(
            "create_vpc_endpoint",
            self.apart(subnets) and (not private or self.unclaimed(service)),
            VpcEndpointType="Interface",
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.us-east-1.{service}",
            SubnetIds=subnets,
            SecurityGroupIds=groups,
            PrivateDnsEnabled=private,
        )
        if answer:
            made = answer["VpcEndpoint"]
            self.interfaces[made["VpcEndpointId"]] = {
                "service": service,
                "subnets": set(subnets),
                "groups": set(groups) or {each["GroupId"] for each in made["Groups"]},
                "private": private,
            }

    def change_tables(self):
        id = self.draw.choice(sorted(self.gateways))
        held = self.gateways[id]
        going = set(self.some(held["tables"]))
        coming = set(self.some(self.tables))
        fits = self.free(held["service"], coming, but=id) and not coming & (held["tables"] - going)
        if coming or going:
            done = self.ask(
                "modify_vpc_endpoint",
                fits,
                VpcEndpointId=id,
                AddRouteTableIds=sorted(coming),
                RemoveRouteTableIds=sorted(going),
            )
            if done:
                held["tables"] = held["tables"] - going | coming

    def change_interfaces(self):
        id = self.draw.choice(sorted(self.interfaces))
        held = self.interfaces[id]
        going, coming = set(self.some(held["subnets"])), set(self.some(self.zone_of))
        coming -= held["subnets"] - going
        out, into = set(self.some(held["groups"])), set(self.some(self.groups))
        private = self.draw.random() < 0.5
        subnets, groups = held["subnets"] - going | coming, held["groups"] - out | into
        claims = private and not held["private"]
        fits = (
            self.apart(subnets) and bool(groups) and (not claims or self.unclaimed(held["service"], but=id))
        )
        done = self.ask(
            "modify_vpc_endpoint",
            fits,
            VpcEndpointId=id,
            AddSubnetIds=sorted(coming),
            RemoveSubnetIds=sorted(going),
            AddSecurityGroupIds=sorted(into),
            RemoveSecurityGroupIds=sorted(out),
            PrivateDnsEnabled=private,
        )
        if done:
            held.update(subnets=subnets, groups=groups, private=private)

    def delete(self):
        ids = self.some({**self.gateways, **self.interfaces})[:2]
        if ids:
            assert [] == self.ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"]
        for id in ids:
            self.gateways.pop(id, None)
            self.interfaces.pop(id, None)

    def step(self):
        steps = [self.make_gateway, self.make_interface, self.make_interface, self.delete]
        if self.gateways:
            steps += [self.change_tables] * 2
        if self.interfaces:
            steps += [self.change_interfaces] * 2
        self.draw.choice(steps)()

    def check(self):
        """Everything that is described is what the model has, seen from both sides."""
        found = {each["VpcEndpointId"]: each for each in self.ec2.describe_vpc_endpoints()["VpcEndpoints"]}
        assert found.keys() == self.gateways.keys() | self.interfaces.keys()
        routes = set()
        for id, held in self.gateways.items():
            assert held["tables"] == set(found[id]["RouteTableIds"])
            routes |= {(table, LISTS[held["service"]], id) for table in held["tables"]}
        assert routes == {
            (table["RouteTableId"], route["DestinationPrefixListId"], route["GatewayId"])
            for table in self.ec2.describe_route_tables()["RouteTables"]
            for route in table["Routes"]
            if "DestinationPrefixListId" in route
        }
        interfaces = {
            each["NetworkInterfaceId"]: each
            for each in self.ec2.describe_network_interfaces()["NetworkInterfaces"]
        }
        told = set()
        for id, held in self.interfaces.items():
            assert held["groups"] == {each["GroupId"] for each in found[id]["Groups"]}
            assert held["private"] == found[id]["PrivateDnsEnabled"]
            assert held["subnets"] == set(found[id]["SubnetIds"])
            pairs = zip(found[id]["SubnetIds"], found[id]["NetworkInterfaceIds"], strict=True)
            for subnet, interface in pairs:
                told.add(interface)
                assert subnet == interfaces[interface]["SubnetId"]
                assert held["groups"] == {each["GroupId"] for each in interfaces[interface]["Groups"]}
        assert told == set(interfaces)

    def tear_down(self):
        self.ec2.delete_vpc_endpoints(
            VpcEndpointIds=[*self.gateways, *self.interfaces, "vpce-0123456789abcdef0"]
        )
        self.gateways, self.interfaces = {}, {}
        self.check()
        for subnet in self.zone_of:
            self.ec2.delete_subnet(SubnetId=subnet)
        for group in self.groups:
            self.ec2.delete_security_group(GroupId=group)
        for table in self.tables:
            self.ec2.delete_route_table(RouteTableId=table)
        self.ec2.delete_vpc(VpcId=self.vpc)


@pytest.mark.parametrize("seed", range(4))
def test_endpoints_are_what_a_model_says_and_leave_nothing(seed):
    with Understudy(ids_seed=seed) as understudy:
        model = Model(understudy.client("ec2"), random.Random(seed))
        for _ in range(STEPS):
            model.step()
            model.check()
        assert model.gateways or model.interfaces
        model.tear_down()
        (kind,) = [
            kind
            for service in SERVICES
            for kind in service.resource_kinds.values()
            if kind.name == "vpc-endpoint"
        ]
        with understudy.app.database.transaction() as tx:
            assert [] == list(kind.table.scan(tx))
