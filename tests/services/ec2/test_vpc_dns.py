"""The names that a VPC's resolver knows, from the records (vpc-dns.md 19)."""

from __future__ import annotations

import os
from ipaddress import ip_network
from urllib.parse import urlsplit

import boto3
import pytest

from understudy_aws.admin.requests import Attach
from understudy_aws.dataplane.edge import API_ADDRESSES
from understudy_aws.services import SERVICES
from understudy_aws.services.ec2.wanted_network import wanted_network


def network(understudy):
    app = understudy.app
    with app.database.transaction() as tx:
        return wanted_network(tx, app.gateway.clock.now())


def dns(understudy, vpc):
    return next(each.dns for each in network(understudy).vpcs if each.id == vpc)


def hosts(understudy, vpc, domain):
    """The addresses that have names."""
    return sorted(
        str(ip_network(each.block).network_address + place)
        for each in dns(understudy, vpc).hosts.get(domain, ())
        for place, bit in enumerate(reversed(f"{int(each.bits, 16):b}"))
        if bit == "1"
    )


def attach(understudy, subnet, **more):
    return understudy.app.admin.answer(Attach(pid=os.getpid(), subnet=subnet, **more))


def host_names(ec2, vpc):
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})


def interface_in(ec2, subnet, **more):
    return ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]


@pytest.fixture
def domain(ec2):
    region = ec2.meta.region_name
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def test_every_interface_of_a_vpc_with_host_names_has_one(understudy, ec2, vpc, subnet, domain):
    attach(understudy, subnet, address="10.0.1.10")
    assert hosts(understudy, vpc, domain) == [], "the VPC gives no host names"
    host_names(ec2, vpc)
    other = interface_in(ec2, subnet, PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.20", "Primary": True}, {"PrivateIpAddress": "10.0.1.21"}])  # fmt: skip
    assert hosts(understudy, vpc, domain) == ["10.0.1.10", "10.0.1.20", "10.0.1.21"]
    assert other["PrivateDnsName"] == f"ip-10-0-1-20.{domain}"
    ec2.delete_network_interface(NetworkInterfaceId=other["NetworkInterfaceId"])
    assert hosts(understudy, vpc, domain) == ["10.0.1.10"]


def test_the_attributes_of_the_vpc_decide(understudy, ec2, vpc, subnet):
    """Without either of the two, Amazon's private names are not resolved (vpc-dns.md 19.2)."""
    attach(understudy, subnet)
    assert (dns(understudy, vpc).support, dns(understudy, vpc).hosts) == (True, {})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    assert not dns(understudy, vpc).support


def test_questions_go_on_where_there_is_a_way_out(understudy, ec2, vpc, subnet):
    attach(understudy, subnet)
    assert not dns(understudy, vpc).forwards
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert dns(understudy, vpc).forwards
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert not dns(understudy, vpc).forwards


def test_a_public_name_is_the_private_address_inside_and_the_public_one_elsewhere(
    understudy, ec2, vpc, subnet
):
    host_names(ec2, vpc)
    attached = attach(understudy, subnet, address="10.0.1.10")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=attached["interface"])
    [shown] = ec2.describe_network_interfaces(NetworkInterfaceIds=[attached["interface"]])[
        "NetworkInterfaces"
    ]
    name = shown["Association"]["PublicDnsName"]
    assert dns(understudy, vpc).names == {name: ("10.0.1.10",)}
    assert dns(understudy, vpc).reverse == {address["PublicIp"]: name}
    assert network(understudy).names[name] == (address["PublicIp"],)
    ec2.modify_address_attribute(AllocationId=address["AllocationId"], DomainName="db.example.com")
    assert dns(understudy, vpc).reverse == {address["PublicIp"]: "db.example.com"}


def test_a_subnet_can_ask_for_names_by_id(understudy, ec2, domain):
    """Names by id have the records that the subnet asks for (vpc-dns.md 19.2); names by address stay."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    host_names(ec2, vpc)
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block.replace("/56", "/64")
    )["Subnet"]["SubnetId"]  # fmt: skip
    made = interface_in(ec2, subnet, PrivateIpAddress="10.0.1.30", Ipv6AddressCount=1)
    six = made["Ipv6Addresses"][0]["Ipv6Address"]
    attach(understudy, subnet, address="10.0.1.31")
    name = f"{made['NetworkInterfaceId']}.{domain}"
    assert dns(understudy, vpc).names == {}
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
    assert (dns(understudy, vpc).names, dns(understudy, vpc).reverse) == ({name: (six,)}, {six: name})
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    assert dns(understudy, vpc).names[name] == ("10.0.1.30", six)
    assert hosts(understudy, vpc, domain) == ["10.0.1.30", "10.0.1.31"]


def test_a_peer_is_known_where_the_peering_lets_it_be(understudy, ec2, vpc, subnet, domain):
    """AllowDnsResolutionFromRemoteVpc of a side is what its peer may look up (vpc-peering.md 12.2)."""
    peer = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    there = ec2.create_subnet(VpcId=peer, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    for each in (vpc, peer):
        host_names(ec2, each)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=peer)
    made = interface_in(ec2, there, PrivateIpAddress="10.1.1.30")
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=made["NetworkInterfaceId"])
    attach(understudy, subnet, address="10.0.1.10")
    connection = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]["VpcPeeringConnectionId"]  # fmt: skip
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
    understudy.clock.advance(60)
    assert hosts(understudy, vpc, domain) == ["10.0.1.10"]
    ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=connection, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True}
    )  # fmt: skip
    assert hosts(understudy, vpc, domain) == ["10.0.1.10", "10.1.1.30"]
    assert list(dns(understudy, vpc).names.values()) == [("10.1.1.30",)]


def test_an_endpoint_has_names_of_its_own_and_with_private_dns_the_services(understudy, ec2, vpc, subnet):
    host_names(ec2, vpc)
    attach(understudy, subnet, address="10.0.1.10")
    service = f"com.amazonaws.{ec2.meta.region_name}.sts"
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface", VpcId=vpc, ServiceName=service, SubnetIds=[subnet], PrivateDnsEnabled=True,
        SubnetConfigurations=[{"SubnetId": subnet, "Ipv4": "10.0.1.40"}],
    )["VpcEndpoint"]  # fmt: skip
    understudy.clock.advance(300)
    names = [each["DnsName"] for each in made["DnsEntries"]]
    private = f"sts.{ec2.meta.region_name}.amazonaws.com"
    assert names[-1] == private
    assert {name: network(understudy).names.get(name) for name in names[:-1]} == dict.fromkeys(
        names[:-1], ("10.0.1.40",)
    )
    assert dns(understudy, vpc).names == {private: ("10.0.1.40",)}
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], PrivateDnsEnabled=False)
    assert dns(understudy, vpc).names == {}
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert not [name for name in network(understudy).names if "vpce" in name]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_the_apis_that_are_served_have_names_where_clients_look_for_them(understudy, region):
    """boto3 says where a client connects to that is told nothing."""
    ec2 = understudy.client("ec2", region=region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    attach(understudy, ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"])
    names = network(understudy).names
    for service in SERVICES:
        client = boto3.Session().client(
            service.id, region_name=region, aws_access_key_id="AKIA", aws_secret_access_key="none"
        )  # fmt: skip
        host = urlsplit(client.meta.endpoint_url).hostname
        assert names[host] == tuple(API_ADDRESSES.values()), service.id


def resolver_file(understudy, subnet, **more):
    return attach(understudy, subnet, **more)["resolver"].splitlines()[1:]


def test_programs_are_told_the_dhcp_options_of_their_vpc(understudy, ec2, vpc, subnet, domain):
    """What DHCP hands out, as `/etc/resolv.conf` says it (vpc-dns.md 19.3)."""

    def options(**given):
        configurations = [{"Key": key.replace("_", "-"), "Values": values} for key, values in given.items()]
        made = ec2.create_dhcp_options(DhcpConfigurations=configurations)["DhcpOptions"]["DhcpOptionsId"]
        ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)

    assert resolver_file(understudy, subnet) == [f"search {domain}", "nameserver 10.0.0.2"]
    options(domain_name=["corp.example"], domain_name_servers=["10.0.1.53", "AmazonProvidedDNS"])
    assert resolver_file(understudy, subnet) == [
        "search corp.example", "nameserver 10.0.1.53", "nameserver 10.0.0.2",
    ]  # fmt: skip
    options(domain_name=["a.example b.example\nnameserver 10.9.9.9"], domain_name_servers=["10.0.1.53"])
    assert resolver_file(understudy, subnet) == ["search a.example b.example nameserver 10.9.9.9", "nameserver 10.0.1.53"]  # fmt: skip
    six = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = ec2.describe_vpcs(VpcIds=[six])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    alone = ec2.create_subnet(VpcId=six, Ipv6Native=True, Ipv6CidrBlock=block.replace("/56", "/64"))["Subnet"]
    assert resolver_file(understudy, alone["SubnetId"]) == [f"search {domain}", "nameserver fd00:ec2::253"]
    options(ntp_servers=["10.0.1.123"])
    assert resolver_file(understudy, subnet) == ["nameserver 169.254.169.253"]
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert resolver_file(understudy, subnet) == ["nameserver 169.254.169.253"]


def test_a_subnet_with_dns64_has_it(understudy, ec2, vpc):
    """Who asks the resolver from it is told addresses that stand for others (vpc-dns.md 19.4)."""
    block = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    six = (
        block["Ipv6CidrBlockAssociation"].get("Ipv6CidrBlock")
        or (ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    )
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.77.0/24", Ipv6CidrBlock=six.replace("/56", "/64"))
    id = subnet["Subnet"]["SubnetId"]
    attach(understudy, id)
    assert {each.id: each.dns64 for each in network(understudy).vpcs[0].subnets}[id] is False
    ec2.modify_subnet_attribute(SubnetId=id, EnableDns64={"Value": True})
    assert {each.id: each.dns64 for each in network(understudy).vpcs[0].subnets}[id] is True
