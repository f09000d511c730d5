"""Random sequences of creates, changes and deletes over all of EC2's networking and App Runner's VPC connectors.

What records refer to is the model (`gateway/references.py`): no reference dangles that must not, AWS's refusal of a
deletion has a holder and a holder a refusal, a deletion takes nothing along but what referred to the resource, and what
is left can be torn down, in the order that the references tell, to what a new account has.

A new kind of resource is deleted and checked by itself; a row in ACTIONS makes it. RANDOM_SEQUENCES in the environment
is how many sequences are tried; a failing one is told by its seed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from plain_workloads import PlainWorkloads, QuietNode

from understudy_aws.gateway.service import ResourceKind
from understudy_aws.gateway.uses import Uses
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

SEQUENCES = int(os.environ.get("RANDOM_SEQUENCES", "5"))
STEPS = 80
REGION = "us-east-1"
KINDS = {
    kind.name: (service, kind)
    for service in SERVICES
    if service.id in {"ec2", "apprunner"}
    for kind in service.resource_kinds.values()
    if kind.deleted_by
}
# Where more than one member of an operation may name what is deleted.
MEMBERS = {"ReleaseAddress": "AllocationId", "DeleteSecurityGroup": "GroupId"}
# How long AWS, and we, describe what is gone: an hour, and for some kinds less.
AFTERWARDS = 2 * 3600.0


class NothingToDoError(Exception):
    """An action finds nothing that it could act on."""


class World:
    """One understudy, the resources that were made in it, and what may be done with them."""

    def __init__(self, understudy: Understudy, seed: int) -> None:
        self.understudy = understudy
        self.draw = random.Random(seed)
        self.ec2 = understudy.client("ec2")
        self.apprunner = understudy.client("apprunner")
        self.uses: Uses = understudy.app.gateway.registry.uses
        self.number = 0
        self.first = self.records()

    def records(self) -> dict[str, Any]:
        """Every record that has a kind, by its identifier."""
        found: dict[str, Any] = {}
        with self.understudy.app.database.transaction() as tx:
            for _, kind in KINDS.values():
                found |= {kind.identifier_of(record): record for record in kind.table.scan(tx)}
        return found

    def mine(self, name: str) -> list[str]:
        """The identifiers of what there is of a kind, but for what the account began with."""
        _, kind = KINDS[name]
        with self.understudy.app.database.transaction() as tx:
            ids = [kind.identifier_of(record) for record in kind.table.scan(tx)]
        return [id for id in ids if id not in self.first]

    def everything(self) -> list[tuple[str, str]]:
        """All that was made, as kinds and identifiers."""
        return [(name, id) for name in KINDS for id in self.mine(name)]

    def any(self, name: str) -> str:
        """One of a kind. Raises NothingToDoError when there is none."""
        found = self.mine(name)
        if not found:
            raise NothingToDoError
        return self.draw.choice(found)

    def together(self, *names: str) -> list[str]:
        """One of each kind, all of one VPC. Raises NothingToDoError when no VPC has them all."""
        records = self.records()
        found = [{id: records[id] for id in self.mine(name)} for name in names]
        vpcs = [{getattr(record, "vpc", "") for record in each.values()} - {""} for each in found]
        shared = sorted(set.intersection(*vpcs))
        if not shared:
            raise NothingToDoError
        vpc = self.draw.choice(shared)
        return [self.draw.choice([id for id, each in some.items() if each.vpc == vpc]) for some in found]

    def next(self) -> int:
        self.number += 1
        return self.number

    def holders(self, identifier: str) -> int:
        """How many hold a resource; -1 for one that is not there."""
        with self.understudy.app.database.transaction() as tx:
            found = self.uses.find(tx, identifier)
            return -1 if found is None else self.uses.tree(tx, found, most=1, most_nodes=1)["holders"]

    def delete(self, name: str, identifier: str) -> str:
        """Delete a resource by the operation of its kind; answers the code of the refusal, or an empty text."""
        service, kind = KINDS[name]
        client = self.ec2 if service.id == "ec2" else self.apprunner
        shape = load(service.id).operation(kind.deleted_by)
        assert shape is not None
        named = [member for member in shape.members.values() if member.endswith(("Id", "Ids", "Arn"))]
        member = MEMBERS.get(kind.deleted_by) or named[0]
        value = [identifier] if member.endswith("Ids") else identifier
        try:
            answer = getattr(client, snake(kind.deleted_by))(**{member: value})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        failed = answer.get("Unsuccessful") or ()
        return str(failed[0]["Error"]["Code"]) if failed else ""


def _create_vpc(world: World) -> None:
    world.ec2.create_vpc(CidrBlock=f"10.{world.next()}.0.0/16")


def _create_subnet(world: World) -> None:
    vpc = world.any("vpc")
    block = world.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"].split(".")[1]
    world.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{block}.{world.draw.randrange(4)}.0/24")


def _create_interface(world: World) -> None:
    subnet, group = world.together("subnet", "security-group")
    world.ec2.create_network_interface(SubnetId=subnet, Groups=[group])


def _create_nat_gateway(world: World) -> None:
    if world.draw.random() < 0.5:
        world.ec2.create_nat_gateway(SubnetId=world.any("subnet"), ConnectivityType="private")
    else:
        world.ec2.create_nat_gateway(SubnetId=world.any("subnet"), AllocationId=world.any("elastic-ip"))


def _create_connector(world: World) -> None:
    subnet, group = world.together("subnet", "security-group")
    world.apprunner.create_vpc_connector(
        VpcConnectorName=f"connector-{world.next()}", Subnets=[subnet], SecurityGroups=[group]
    )


def _refer_to_group(world: World) -> None:
    group, peer = world.together("security-group", "security-group")
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": peer}]}
    direction = world.draw.choice(("ingress", "egress"))
    authorize = getattr(world.ec2, f"authorize_security_group_{direction}")
    authorize(GroupId=group, IpPermissions=[pair])


def _create_route(world: World) -> None:
    kinds = {
        "GatewayId": "internet-gateway",
        "NatGatewayId": "natgateway",
        "NetworkInterfaceId": "network-interface",
        "EgressOnlyInternetGatewayId": "egress-only-internet-gateway",
    }
    member = world.draw.choice(list(kinds))
    table, target = world.together("route-table", kinds[member])
    block = {"DestinationCidrBlock": f"192.168.{world.draw.randrange(3)}.0/24"}
    if member.startswith("Egress"):
        block = {"DestinationIpv6CidrBlock": "::/0"}
    world.ec2.create_route(RouteTableId=table, **block, **{member: target})


def _associate_route_table(world: World) -> None:
    if world.draw.random() < 0.4:
        table, gateway = world.together("route-table", "internet-gateway")
        world.ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)
    else:
        table, subnet = world.together("route-table", "subnet")
        world.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)


def _disassociate_route_table(world: World) -> None:
    tables = world.ec2.describe_route_tables(RouteTableIds=[world.any("route-table")])["RouteTables"]
    ties = [tie for tie in tables[0]["Associations"] if not tie["Main"]]
    if not ties:
        raise NothingToDoError
    world.ec2.disassociate_route_table(AssociationId=ties[0]["RouteTableAssociationId"])


def _replace_acl(world: World) -> None:
    subnet, wanted = world.together("subnet", "network-acl")
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (acl,) = world.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    (tie,) = [each for each in acl["Associations"] if each["SubnetId"] == subnet]
    world.ec2.replace_network_acl_association(
        AssociationId=tie["NetworkAclAssociationId"], NetworkAclId=wanted
    )


def _associate_address(world: World) -> None:
    world.ec2.associate_address(
        AllocationId=world.any("elastic-ip"),
        NetworkInterfaceId=world.any("network-interface"),
        AllowReassociation=world.draw.random() < 0.5,
    )


def _disassociate_address(world: World) -> None:
    (address,) = world.ec2.describe_addresses(AllocationIds=[world.any("elastic-ip")])["Addresses"]
    if "AssociationId" not in address:
        raise NothingToDoError
    world.ec2.disassociate_address(AssociationId=address["AssociationId"])


def _detach_gateway(world: World, gateway: str = "") -> None:
    gateway = gateway or world.any("internet-gateway")
    shown = world.ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"]
    for each in shown[0]["Attachments"]:
        world.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=each["VpcId"])


def _change_groups(world: World) -> None:
    interface, group = world.together("network-interface", "security-group")
    world.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[group])


def _peer(world: World) -> None:
    made = world.ec2.create_vpc_peering_connection(VpcId=world.any("vpc"), PeerVpcId=world.any("vpc"))
    if world.draw.random() < 0.7:
        id = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        world.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)


def _log_flows(world: World) -> None:
    kind, name = world.draw.choice(
        (("VPC", "vpc"), ("Subnet", "subnet"), ("NetworkInterface", "network-interface"))
    )
    world.ec2.create_flow_logs(
        ResourceIds=[world.any(name)],
        ResourceType=kind,
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::flows-{world.next()}",
    )


def _reserve(world: World) -> None:
    subnet = world.any("subnet")
    block = world.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"]
    world.ec2.create_subnet_cidr_reservation(
        SubnetId=subnet, Cidr=block.replace(".0/24", ".64/28"), ReservationType="prefix"
    )


def _create_endpoint(world: World) -> None:
    if world.draw.random() < 0.5:
        table = world.any("route-table")
        (shown,) = world.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        world.ec2.create_vpc_endpoint(
            VpcId=shown["VpcId"],
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.s3",
            RouteTableIds=[table],
        )
    else:
        (shown,) = world.ec2.describe_subnets(SubnetIds=[world.any("subnet")])["Subnets"]
        groups = {"SecurityGroupIds": [world.any("security-group")]} if world.draw.random() < 0.5 else {}
        world.ec2.create_vpc_endpoint(
            VpcId=shown["VpcId"],
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.ecr.api",
            SubnetIds=[shown["SubnetId"]],
            PrivateDnsEnabled=False,
            **groups,
        )


def _name_prefix_list(world: World) -> None:
    """Let a rule or a route name a prefix list."""
    listed = world.any("prefix-list")
    if world.draw.random() < 0.5:
        permission = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": listed}]}
        world.ec2.authorize_security_group_ingress(
            GroupId=world.any("security-group"), IpPermissions=[permission]
        )
    else:
        world.ec2.create_route(
            RouteTableId=world.any("route-table"),
            DestinationPrefixListId=listed,
            GatewayId=world.any("internet-gateway"),
        )


def _create_service(world: World) -> None:
    """Make a private service that goes out through a connector; its image is not there, and it stays all the same."""
    image = {"ImageIdentifier": "public.ecr.aws/team/app:1", "ImageRepositoryType": "ECR_PUBLIC"}
    connector = world.any("vpcconnector")
    world.apprunner.create_service(
        ServiceName=f"service-{world.next()}",
        SourceConfiguration={"ImageRepository": image},
        NetworkConfiguration={
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector},
            "IngressConfiguration": {"IsPubliclyAccessible": False},
        },
    )


def _lead_into_service(world: World) -> None:
    """Make an endpoint for requests, and a connection by it to a service."""
    service, subnet = world.any("service"), world.any("subnet")
    vpc = world.records()[subnet].vpc
    endpoint = world.ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.apprunner.requests",
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    world.apprunner.create_vpc_ingress_connection(
        ServiceArn=service,
        VpcIngressConnectionName=f"ingress-{world.next()}",
        IngressVpcConfiguration={"VpcId": vpc, "VpcEndpointId": endpoint},
    )


# A row a way in which something is made or changed; what they are given may be refused.
ACTIONS: tuple[Callable[[World], Any], ...] = (
    _create_vpc,
    _create_subnet,
    _create_subnet,
    _create_interface,
    _create_interface,
    lambda world: world.ec2.create_security_group(
        GroupName=f"g{world.next()}", Description="g", VpcId=world.any("vpc")
    ),
    _refer_to_group,
    _change_groups,
    lambda world: world.ec2.create_route_table(VpcId=world.any("vpc")),
    lambda world: world.ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4"
    ),
    _name_prefix_list,
    _create_route,
    _associate_route_table,
    _disassociate_route_table,
    lambda world: world.ec2.create_network_acl(VpcId=world.any("vpc")),
    _replace_acl,
    lambda world: world.ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}]
    ),
    lambda world: world.ec2.associate_dhcp_options(
        DhcpOptionsId=world.any("dhcp-options"), VpcId=world.any("vpc")
    ),
    lambda world: world.ec2.create_internet_gateway(),
    lambda world: world.ec2.attach_internet_gateway(
        InternetGatewayId=world.any("internet-gateway"), VpcId=world.any("vpc")
    ),
    _detach_gateway,
    lambda world: world.ec2.create_egress_only_internet_gateway(VpcId=world.any("vpc")),
    lambda world: world.ec2.allocate_address(),
    _associate_address,
    _disassociate_address,
    _create_nat_gateway,
    _create_connector,
    _peer,
    _log_flows,
    _reserve,
    _create_endpoint,
    _create_endpoint,
    lambda world: world.ec2.create_vpc_block_public_access_exclusion(
        VpcId=world.any("vpc"), InternetGatewayExclusionMode="allow-egress"
    ),
    lambda world: world.ec2.create_network_insights_path(
        Source=world.any("network-interface"), Destination=world.any("internet-gateway"), Protocol="tcp"
    ),
    lambda world: world.ec2.start_network_insights_analysis(
        NetworkInsightsPathId=world.any("network-insights-path")
    ),
    lambda world: world.apprunner.create_auto_scaling_configuration(
        AutoScalingConfigurationName=f"scaling-{world.draw.randrange(3)}"
    ),
    lambda world: world.apprunner.create_observability_configuration(
        ObservabilityConfigurationName=f"observed-{world.draw.randrange(3)}"
    ),
    lambda world: world.apprunner.create_connection(
        ConnectionName=f"connection-{world.next()}", ProviderType="GITHUB"
    ),
    _create_service,
    _lead_into_service,
)


def _begin(world: World) -> None:
    """Make VPCs with two subnets and gateways each, so that there is something to act on."""
    for number in range(1, 4):
        vpc = world.ec2.create_vpc(CidrBlock=f"10.{world.next()}.0.0/16")["Vpc"]["VpcId"]
        for part in (0, 1):
            world.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.{part}.0/24")
        table = world.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        world.ec2.create_security_group(GroupName="first", Description="first", VpcId=vpc)
        made = world.ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
        world.ec2.create_route(
            RouteTableId=table,
            DestinationIpv6CidrBlock="::/0",
            EgressOnlyInternetGatewayId=made["EgressOnlyInternetGatewayId"],
        )
        gateway = world.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        world.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        world.ec2.allocate_address()


def dangling(world: World) -> list[str]:
    """What records refer to that is not there, though it must be."""
    found = []
    with world.understudy.app.database.transaction() as tx:
        for _, kind in KINDS.values():
            for record in kind.table.scan(tx, world.understudy.account, REGION):
                found += [
                    f"{kind.identifier_of(record)} {reference.relation} {identifier}"
                    for reference in kind.references
                    for identifier in reference.identifiers(record)
                    if not reference.may_dangle and world.uses.find(tx, identifier) is None
                ]
    return found


def delete_one(world: World, name: str, identifier: str) -> None:
    """Delete a resource; it is refused exactly when something holds it, and takes only along what referred to it."""
    before = world.records()
    held = world.holders(identifier)
    with world.understudy.app.database.transaction() as tx:
        found = world.uses.find(tx, identifier)
        assert found is not None
        tree = world.uses.tree(tx, found, most=1000, most_nodes=1000)
        owned = [world.uses.known(tx, each) for each in found.refers_to()]
        users = {
            each.identifier: _below(world.uses.tree(tx, each, most=1000, most_nodes=1000))
            for each in owned
            if each.kind is not None
        }
    gone_already = _is_over(world, name, identifier)
    code = world.delete(name, identifier)
    if name == "prefix-list" and held:
        # AWS takes the call, and the deletion fails afterwards (prefix-lists.md 16.1).
        (shown,) = world.ec2.describe_managed_prefix_lists(PrefixListIds=[identifier])["PrefixLists"]
        assert "delete-failed" == shown["State"]
        return
    if code:
        assert held or gone_already, f"{identifier} is not deleted ({code}), and nothing holds it"
        if held and not gone_already:
            kept = world.understudy.trail(limit=1)[-1].uses
            assert kept, f"the trail does not say what holds {identifier} ({code})"
            assert {each["id"] for each in kept["used_by"] if each["holds"]} <= before.keys()
        return
    assert not held, f"{identifier} is deleted, and this held it: {tree['used_by']}"
    gone = before.keys() - world.records().keys() - {identifier}
    referring = _below(tree) | set(found.refers_to())
    # What goes with it takes along what referred to that.
    referring |= {id for each in gone for id in users.get(each, ())}
    assert gone <= referring, f"{gone - referring} went with {identifier}"


def _below(entry: dict[str, Any]) -> set[str]:
    """The identifiers of all that stands in a tree of uses, but for the root's."""
    found: set[str] = set()
    for each in entry.get("used_by", ()):
        found |= {each["id"]} | _below(each)
    return found


def _is_over(world: World, name: str, identifier: str) -> bool:
    """Whether a resource is only described for a while, and is deleted already."""
    record = world.records()[identifier]
    if any(getattr(record, field, None) for field in ("deleted", "deletion", "ended")):
        return True
    if name == "vpc-peering-connection":
        shown = world.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[identifier])
        code = shown["VpcPeeringConnections"][0]["Status"]["Code"]
        return code in {"deleted", "expired", "failed", "rejected"}
    return False


def _revoke_rules(world: World) -> None:
    groups = world.mine("security-group")
    shown = world.ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"] if groups else []
    for group in shown:
        for rules, direction in (("IpPermissions", "ingress"), ("IpPermissionsEgress", "egress")):
            if group[rules]:
                revoke = getattr(world.ec2, f"revoke_security_group_{direction}")
                revoke(GroupId=group["GroupId"], IpPermissions=group[rules])


def tear_down(world: World) -> None:
    """Delete what is not held until nothing is left; what holds each other is let go of first."""
    for _ in range(12):
        left = world.everything()
        if not left:
            return
        world.draw.shuffle(left)
        for name, id in left:
            # Some are gone by now with another one.
            if world.holders(id) >= 0:
                delete_one(world, name, id)
                assert [] == dangling(world), f"after {id} was to be deleted"
        for gateway in world.mine("internet-gateway"):
            with suppress(ClientError):
                _detach_gateway(world, gateway)
        _revoke_rules(world)
        # What is gone is described for a while.
        world.understudy.clock.advance(AFTERWARDS)
        world.understudy.settle()


@pytest.fixture(autouse=True)
def _without_a_node(monkeypatch, tmp_path):
    """Services that cannot be made take no node to say so."""
    monkeypatch.setattr("understudy_aws.app.Workloads", lambda _node: PlainWorkloads(tmp_path))
    monkeypatch.setattr("understudy_aws.app._node", lambda *_: QuietNode(tmp_path))


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_whatever_is_done_nothing_dangles_and_all_of_it_can_be_torn_down(seed):
    with Understudy(ids_seed=seed) as understudy:
        world = World(understudy, seed)
        _begin(world)
        for step in range(STEPS):
            try:
                if world.draw.random() < 0.3:
                    delete_one(world, *world.draw.choice(world.everything()))
                else:
                    world.draw.choice(ACTIONS)(world)
            except NothingToDoError:
                continue
            except ClientError as error:
                # Refused, as much is; but never by a fault of ours.
                failed = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
            else:
                failed = False
            assert not failed, f"at step {step}"
            assert [] == dangling(world), f"at step {step}"
        tear_down(world)
        assert world.records() == world.first


def test_every_kind_is_made_by_some_sequence():
    """A new kind takes a row in ACTIONS."""
    made: set[str] = set()
    with Understudy(ids_seed=1) as understudy:
        world = World(understudy, 1)
        _begin(world)
        for action in ACTIONS * 4:
            try:
                action(world)
            except (NothingToDoError, ClientError):
                continue
        made = {name for name in KINDS if world.mine(name)}
    assert isinstance(KINDS["vpc"][1], ResourceKind)
    assert KINDS.keys() - made == set()
