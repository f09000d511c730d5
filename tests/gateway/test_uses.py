"""Who uses a resource, derived from the references of all records, and in which order it can be taken down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from networking import make_network
from refusals import refused

from understudy_aws.gateway.uses import Uses
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.testing import Understudy


class Asked:
    """Asks one understudy for the uses of what is in it."""

    def __init__(self, understudy: Understudy) -> None:
        self.understudy = understudy
        self.ec2 = understudy.client("ec2")
        self.uses: Uses = understudy.app.gateway.registry.uses

    def tree(self, text: str, *, most: int = 10, most_nodes: int = 1000) -> dict[str, Any]:
        with self.understudy.app.database.transaction() as tx:
            found = self.uses.find(tx, text)
            assert found is not None, text
            return self.uses.tree(tx, found, most=most, most_nodes=most_nodes)

    def steps(self, text: str, *, most: int = 10) -> list[tuple[str, ...]]:
        with self.understudy.app.database.transaction() as tx:
            found = self.uses.find(tx, text)
            assert found is not None, text
            steps = self.uses.steps(tx, found, most=most)
        return [(step["operation"], *step["resources"], *filter(None, [step.get("with")])) for step in steps]

    def paths(self, text: str) -> set[tuple[str, ...]]:
        """The ids from the resource to each that uses it, and their kinds' relation to what they use."""
        found: set[tuple[str, ...]] = set()

        def walk(entry: dict[str, Any], path: tuple[str, ...]) -> None:
            for each in entry.get("used_by", ()):
                found.add((*path, each["id"]))
                walk(each, (*path, each["id"]))

        walk(self.tree(text), ())
        return found


@pytest.fixture
def asked(understudy) -> Asked:
    return Asked(understudy)


def _nat(asked: Asked) -> tuple[Any, str, str, str]:
    """A network whose first subnet has a NAT gateway: with its id, its interface's and its address's."""
    ec2 = asked.ec2
    network = make_network(ec2, subnets=1)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    address = ec2.allocate_address()["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=network.subnets[0], AllocationId=address)["NatGateway"]
    interface = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"][0][
        "NatGatewayAddresses"
    ][0]["NetworkInterfaceId"]
    return network, made["NatGatewayId"], interface, address


def test_what_holds_a_resource_is_found_through_others(asked):
    network, nat, interface, address = _nat(asked)
    paths = asked.paths(network.subnets[0])
    assert {(interface,), (interface, nat), (interface, address)} <= paths
    assert (network.subnets[0], interface, nat) in asked.paths(network.vpc)
    # An address does not hold its interface, and is held by it.
    (entry,) = asked.tree(address)["used_by"]
    assert (entry["id"], entry["holds"], entry["outward"]) == (interface, True, True)
    assert [nat] == [each["id"] for each in entry["used_by"]]


def test_a_resource_that_was_made_for_another_goes_with_it(asked):
    network, nat, interface, address = _nat(asked)
    assert [("ec2:DeleteNatGateway", nat)] == asked.steps(interface)
    assert [("ec2:DeleteNatGateway", nat), ("ec2:ReleaseAddress", address)] == asked.steps(address)
    assert [("ec2:DeleteNatGateway", nat), ("ec2:DeleteSubnet", network.subnets[0])] == asked.steps(
        network.subnets[0]
    )


def test_the_steps_are_those_that_take_a_vpc_down(asked):
    """In their order every one of them succeeds, and the last one deletes the VPC."""
    ec2 = asked.ec2
    network, nat, _, _ = _nat(asked)
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])["AssociationId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    acl = ec2.create_network_acl(VpcId=network.vpc)["NetworkAcl"]["NetworkAclId"]
    member = ec2.create_network_interface(SubnetId=network.subnets[0], Groups=[network.group])
    egress = ec2.create_egress_only_internet_gateway(VpcId=network.vpc)["EgressOnlyInternetGateway"]
    calls = {
        "ec2:DeleteNatGateway": lambda id: ec2.delete_nat_gateway(NatGatewayId=id),
        "ec2:DeleteNetworkInterface": lambda id: ec2.delete_network_interface(NetworkInterfaceId=id),
        "ec2:DeleteSubnet": lambda id: ec2.delete_subnet(SubnetId=id),
        "ec2:DeleteSecurityGroup": lambda id: ec2.delete_security_group(GroupId=id),
        "ec2:DeleteNetworkAcl": lambda id: ec2.delete_network_acl(NetworkAclId=id),
        "ec2:DeleteRouteTable": lambda id: ec2.delete_route_table(RouteTableId=id),
        "ec2:DeleteEgressOnlyInternetGateway": lambda id: ec2.delete_egress_only_internet_gateway(
            EgressOnlyInternetGatewayId=id
        ),
        "ec2:DeleteVpc": lambda id: ec2.delete_vpc(VpcId=id),
        "ec2:DisassociateRouteTable": lambda _, __: ec2.disassociate_route_table(AssociationId=association),
        "ec2:DetachInternetGateway": lambda gateway, vpc: ec2.detach_internet_gateway(
            InternetGatewayId=gateway, VpcId=vpc
        ),
        "ec2:ModifyNetworkInterfaceAttribute": lambda interface, group: (
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface, Groups=[_default(ec2, network.vpc, group)]
            )
        ),
    }
    steps = asked.steps(network.vpc)
    assert ("ec2:DeleteVpc", network.vpc) == steps[-1]
    named = {id for _, *ids in steps for id in ids}
    assert {table, acl, member["NetworkInterface"]["NetworkInterfaceId"], nat} <= named
    assert egress["EgressOnlyInternetGatewayId"] in named
    for operation, *ids in steps:
        if operation in {"ec2:DisassociateRouteTable", "ec2:DetachInternetGateway"} or "Modify" in operation:
            calls[operation](*ids)
        else:
            for id in ids:
                calls[operation](id)
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_vpcs(VpcIds=[network.vpc])


def _default(ec2: Any, vpc: str, _group: str) -> str:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    found: str = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    return found


def test_groups_that_refer_to_each_other_are_shown_once(asked):
    ec2 = asked.ec2
    network = make_network(ec2, subnets=1)
    other = ec2.create_security_group(VpcId=network.vpc, GroupName="db", Description="db")["GroupId"]
    for group, peer in ((network.group, other), (other, network.group)):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": peer}]}]
        )
    assert {(other,)} == asked.paths(network.group)
    assert ("ec2:RevokeSecurityGroupIngress", other, network.group) in asked.steps(network.group)


def test_a_long_chain_ends_and_says_so(asked):
    """A chain of groups, each of which refers to the next one."""
    ec2 = asked.ec2
    network = make_network(ec2, subnets=1)
    groups = [network.group]
    for number in range(20):
        made = ec2.create_security_group(VpcId=network.vpc, GroupName=f"g{number}", Description="g")
        ec2.authorize_security_group_ingress(
            GroupId=made["GroupId"],
            IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": groups[-1]}]}],
        )
        groups.append(made["GroupId"])
    entry, depth = asked.tree(groups[0]), 0
    while "used_by" in entry:
        (entry,) = entry["used_by"]
        depth += 1
    assert entry["deeper"]
    assert 10 < depth < 20


class _Counting:
    """The records of a table, counting how many are looked at."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.looked_at = 0

    def __getitem__(self, key: Any) -> Any:
        self.looked_at += 1
        return self._records[key]

    def get(self, key: Any) -> Any:
        self.looked_at += 1
        return self._records.get(key)

    def irange(self, *given: Any, **named: Any) -> Iterator[Any]:
        for key in self._records.irange(*given, **named):
            self.looked_at += 1
            yield key


@pytest.mark.parametrize("count", [200, 5_000])
def test_what_uses_a_subnet_of_very_many_interfaces_looks_at_those_it_names(asked, count):
    """The same number at two hundred and at five thousand: it follows from what is shown."""
    network = make_network(asked.ec2, subnets=1)
    subnet = network.subnets[0]
    made = asked.ec2.create_network_interface(SubnetId=subnet, Groups=[network.group])["NetworkInterface"]
    with asked.understudy.app.database.transaction() as tx:
        one = network_interfaces.get(tx, asked.understudy.account, "us-east-1", made["NetworkInterfaceId"])
        assert one is not None
        for number in range(count - 1):
            network_interfaces.put(tx, replace(one, id=f"eni-1{number:016x}"))
        cache = tx.cache(network_interfaces)
        counting = cache.records = _Counting(cache.records)
    for resource in (subnet, network.group, network.vpc):
        counting.looked_at = 0
        tree = asked.tree(resource)
        steps = asked.steps(resource)
        assert counting.looked_at < 500
        below = tree if resource != network.vpc else next(e for e in tree["used_by"] if e["id"] == subnet)
        (more,) = [each for each in below["more"] if each["kind"] == "ec2:network-interface"]
        assert (count - 10, True) == (more["count"], more["holds"])
        assert len(next(step for step in steps if "NetworkInterface" in step[0])) >= 10


def test_the_tree_has_as_many_resources_as_it_may(asked):
    network = make_network(asked.ec2, subnets=9)
    tree = asked.tree(network.vpc, most_nodes=4)
    assert 4 >= len(tree["used_by"])
    left_out = sum(each["count"] for each in tree["more"])
    whole = asked.tree(network.vpc)
    assert len(whole["used_by"]) == len(tree["used_by"]) + left_out


def test_a_resource_is_found_in_whatever_account_and_region(asked):
    other = asked.understudy.account_administrator("111122223333")
    ec2 = asked.understudy.client("ec2", region="eu-west-1", as_=other)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    tree = asked.tree(vpc)
    assert ("111122223333", "eu-west-1") == (tree["account"], tree["region"])
    assert f"arn:aws:ec2:eu-west-1:111122223333:vpc/{vpc}" == tree["arn"]
    assert vpc == asked.tree(tree["arn"])["id"]


def test_an_entity_is_held_by_what_it_has(asked):
    """A user is not deleted while it has keys, groups or policies (IAM API, DeleteUser)."""
    iam = asked.understudy.client("iam")
    iam.create_user(UserName="Ann")
    iam.create_group(GroupName="Ops")
    iam.add_user_to_group(UserName="Ann", GroupName="Ops")
    iam.attach_user_policy(UserName="Ann", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    key = iam.create_access_key(UserName="Ann")["AccessKey"]["AccessKeyId"]
    user, group = (f"arn:aws:iam::{asked.understudy.account}:{name}" for name in ("user/Ann", "group/Ops"))
    readers = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert {(key,), (group,), (readers,)} == asked.paths(user)
    assert [
        ("iam:DeleteAccessKey", key),
        ("iam:DetachUserPolicy", readers, user),
        ("iam:RemoveUserFromGroup", group, user),
        ("iam:DeleteUser", user),
    ] == asked.steps(user)
    # And the group by its users.
    assert {(user,), (user, key), (user, readers)} >= asked.paths(group) >= {(user,)}
