"""The network that records ask for: what programs are attached to, and what decides about their packets."""

from __future__ import annotations

import os

import pytest

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.dataplane.deltas import delta_of, with_delta
from understudy_aws.dataplane.wanted import IdleTimeouts
from understudy_aws.services.ec2.wanted_network import wanted_network


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


def network(understudy):
    app = understudy.app
    with app.database.transaction() as tx:
        return wanted_network(tx, app.gateway.clock.now())


def attach(understudy, **place):
    return understudy.app.admin.answer(Attach(pid=os.getpid(), **place))


def test_without_programs_nothing_is_wanted(understudy, ec2):
    assert network(understudy).vpcs == ()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    assert network(understudy).vpcs == ()


@pytest.fixture
def site(understudy, ec2):
    """A VPC with a public subnet, a private one behind a NAT gateway, and a group that names peers of each kind."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    public, private = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        for cidr in ("10.0.1.0/24", "10.0.2.0/24")
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    ec2.associate_route_table(RouteTableId=tables[0], SubnetId=public)
    ec2.associate_route_table(RouteTableId=tables[1], SubnetId=private)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    pl = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4",
        Entries=[{"Cidr": "192.0.2.0/24"}, {"Cidr": "203.0.113.0/24"}],
    )["PrefixList"]["PrefixListId"]  # fmt: skip
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    ec2.create_route(RouteTableId=tables[1], DestinationPrefixListId=pl, GatewayId=gateway)
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="192.0.2.0/24", NatGatewayId=nat)
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 90, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
            {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "UserIdGroupPairs": [{"GroupId": group}]},
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": pl}]},
        ],
    )
    return {
        "vpc": vpc, "public": public, "private": private, "gateway": gateway, "tables": tables, "nat": nat,
        "pl": pl, "group": group,
    }  # fmt: skip


def test_a_vpc_is_wanted_with_all_that_decides_about_its_packets(understudy, ec2, site):
    attached = attach(understudy, subnet=site["private"], groups=(site["group"],), address="10.0.2.77")
    [vpc] = network(understudy).vpcs
    assert (vpc.id, vpc.cidrs[0], len(vpc.cidrs)) == (site["vpc"], "10.0.0.0/16", 2)
    assert vpc.internet_gateway == site["gateway"]
    assert [each.id for each in vpc.nat_gateways] == [site["nat"]]
    program, of_gateway = sorted(vpc.interfaces, key=lambda each: not each.filtered)
    assert (program.id, program.addresses, program.groups) == (
        attached["interface"],
        ("10.0.2.77",),
        (site["group"],),
    )
    assert (of_gateway.id, of_gateway.filtered) == (vpc.nat_gateways[0].interface, False)
    assert of_gateway.public[0][0] == of_gateway.addresses[0]
    by_id = {table.id: table for table in vpc.route_tables}
    assert {(each.destination, each.target) for each in by_id[site["tables"][1]].routes} == {
        ("0.0.0.0/0", site["nat"]),
        ("192.0.2.0/24", site["nat"]),
        ("203.0.113.0/24", site["gateway"]),
    }
    assert {subnet.id: subnet.route_table for subnet in vpc.subnets} == {
        site["public"]: site["tables"][0], site["private"]: site["tables"][1],
    }  # fmt: skip


def test_rules_are_wanted_with_numbers_and_any_is_minus_one(understudy, ec2, site):
    attach(understudy, subnet=site["private"], groups=(site["group"],))
    found = network(understudy)
    group = next(each for each in found.vpcs[0].security_groups if each.id == site["group"])
    assert {(r.protocol, r.from_port, r.to_port, r.cidr, r.group, r.prefix_list) for r in group.ingress} == {
        ("6", 80, 90, "10.0.0.0/8", "", ""),
        ("17", 53, 53, "::/0", "", ""),
        ("1", 8, -1, "", site["group"], ""),
        ("-1", -1, -1, "", "", site["pl"]),
    }
    assert [(r.protocol, r.cidr) for r in group.egress] == [("-1", "0.0.0.0/0"), ("-1", "::/0")]
    assert found.prefix_lists == {site["pl"]: ("192.0.2.0/24", "203.0.113.0/24")}


def test_network_acls_are_wanted_in_both_directions(understudy, ec2, site):
    acl = ec2.create_network_acl(VpcId=site["vpc"])["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=10, Protocol="6", RuleAction="deny", Egress=True, CidrBlock="10.9.0.0/16",
        PortRange={"From": 22, "To": 23},
    )  # fmt: skip
    held = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [site["private"]]}])
    [association] = [a for a in held["NetworkAcls"][0]["Associations"] if a["SubnetId"] == site["private"]]
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )
    attach(understudy, subnet=site["private"])
    [vpc] = network(understudy).vpcs
    assert next(each for each in vpc.subnets if each.id == site["private"]).network_acl == acl
    own = next(each for each in vpc.network_acls if each.id == acl)
    assert [(e.number, e.protocol, e.cidr, e.allow, e.from_port, e.to_port) for e in own.egress[:1]] == [
        (10, "6", "10.9.0.0/16", False, 22, 23)
    ]


def test_a_route_whose_target_is_gone_loses_its_packets(understudy, ec2, site):
    attach(understudy, subnet=site["private"])
    ec2.delete_nat_gateway(NatGatewayId=site["nat"])
    understudy.clock.advance(7200)
    [vpc] = network(understudy).vpcs
    table = next(each for each in vpc.route_tables if each.id == site["tables"][1])
    assert {each.destination: each.target for each in table.routes}["0.0.0.0/0"] in {"", site["nat"]}
    assert vpc.nat_gateways == ()


def test_peering_is_wanted_between_vpcs_that_are(understudy, ec2, site):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    id = ec2.create_vpc_peering_connection(VpcId=site["vpc"], PeerVpcId=other)["VpcPeeringConnection"][
        "VpcPeeringConnectionId"
    ]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    understudy.settle()
    attach(understudy, subnet=site["private"])
    assert network(understudy).peerings == ()
    attach(understudy, subnet=subnet)
    [peering] = network(understudy).peerings
    assert (peering.id, peering.requester, peering.accepter) == (id, site["vpc"], other)


def test_what_was_made_for_a_program_goes_with_it_and_the_rest_stays(understudy, ec2, site):
    own = ec2.create_network_interface(SubnetId=site["private"])["NetworkInterface"]["NetworkInterfaceId"]
    made = attach(understudy, subnet=site["private"])["interface"]
    attach(understudy, interface=own)
    states = {
        each["NetworkInterfaceId"]: each["Status"]
        for each in ec2.describe_network_interfaces()["NetworkInterfaces"]
    }
    assert (states[own], states[made]) == ("in-use", "in-use")
    for id in (own, made):
        understudy.app.admin.answer(Detach(interface=id, pid=os.getpid()))
    assert network(understudy).vpcs == ()
    understudy.settle()
    left = {
        each["NetworkInterfaceId"]: each["Status"]
        for each in ec2.describe_network_interfaces()["NetworkInterfaces"]
    }
    assert (left[own], made in left) == ("available", False)


def test_prefix_lists_are_wanted_of_the_groups_of_another_vpc_too(understudy, ec2, site):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    ec2.associate_security_group_vpc(GroupId=site["group"], VpcId=other)
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[site["group"]])["NetworkInterface"]
    attach(understudy, interface=interface["NetworkInterfaceId"])
    assert network(understudy).prefix_lists == {site["pl"]: ("192.0.2.0/24", "203.0.113.0/24")}


def test_time_outs_of_connections_are_wanted_of_the_interfaces_that_have_them(understudy, ec2, site):
    attached = attach(understudy, subnet=site["private"])

    def wanted():
        [found] = [
            each for each in network(understudy).vpcs[0].interfaces if each.id == attached["interface"]
        ]
        return found.idle_timeouts

    assert wanted() == IdleTimeouts()
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=attached["interface"],
        ConnectionTrackingSpecification={"TcpEstablishedTimeout": 350, "UdpTimeout": 45},
    )
    assert wanted() == IdleTimeouts(tcp_established=350, udp=45)


def test_an_interface_is_made_and_attached_at_once_or_not_at_all(understudy, ec2, site):
    """A server that ends between two commits would leave an interface that belongs to nothing."""
    revision = understudy.app.database.revision
    attached = attach(understudy, subnet=site["private"], groups=(site["group"],))
    assert understudy.app.database.revision == revision + 1
    [made] = ec2.describe_network_interfaces(NetworkInterfaceIds=[attached["interface"]])["NetworkInterfaces"]
    assert (made["Status"], made["SubnetId"]) == ("in-use", site["private"])
    held = len(ec2.describe_network_interfaces()["NetworkInterfaces"])
    with pytest.raises(InvalidRequestError, match="InvalidGroup"):
        attach(understudy, subnet=site["private"], groups=("sg-00000000000000000",))
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == held


def test_what_did_not_change_is_the_same_object_and_what_is_told_is_what_changed(understudy, ec2, site):
    """So that one change among thousands of interfaces costs the server and the node what it changes."""
    places = [attach(understudy, subnet=site["private"], groups=(site["group"],)) for _ in range(20)]
    before = network(understudy)
    attach(understudy, subnet=site["private"], groups=(site["group"],))
    after = network(understudy)
    kept = {id(each) for each in before.vpcs[0].interfaces if each.filtered}
    assert len(kept & {id(each) for each in after.vpcs[0].interfaces}) == len(places)
    [changed] = delta_of(before, after).vpcs
    assert len([each for each in changed.put.interfaces if each.filtered]) == 1
    assert (changed.put.security_groups, changed.put.subnets, changed.put.network_acls) == ((), (), ())
    assert with_delta(before, delta_of(before, after)) == after
