"""IPv6 blocks that are given to subnets and taken away (vpcs.md 8.1, 8.3)."""

from __future__ import annotations

import pytest


@pytest.fixture
def plain(ec2, dual):
    """A subnet without an IPv6 block in a VPC that has one."""
    return ec2.create_subnet(VpcId=dual[0], CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def blocks(dual):
    """Blocks for subnets, one after the other."""
    return (str(block) for block in dual[1].subnets(new_prefix=64))


def give(ec2, subnet, block):
    made = ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=block)
    return made["Ipv6CidrBlockAssociation"]["AssociationId"]


def test_a_subnet_gets_a_block_and_loses_it(understudy, ec2, plain, blocks, subnet_of):
    block = next(blocks)
    made = ec2.associate_subnet_cidr_block(SubnetId=plain, Ipv6CidrBlock=block)
    begun = made["Ipv6CidrBlockAssociation"]
    assert (plain, block, "associating") == (
        made["SubnetId"],
        begun["Ipv6CidrBlock"],
        begun["Ipv6CidrBlockState"]["State"],
    )
    (found,) = subnet_of(plain)["Ipv6CidrBlockAssociationSet"]
    assert "associated" == found["Ipv6CidrBlockState"]["State"]
    gone = ec2.disassociate_subnet_cidr_block(AssociationId=begun["AssociationId"])
    assert "disassociating" == gone["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"]["State"]
    (found,) = subnet_of(plain)["Ipv6CidrBlockAssociationSet"]
    assert "disassociated" == found["Ipv6CidrBlockState"]["State"]
    understudy.clock.advance(3601)
    assert [] == subnet_of(plain)["Ipv6CidrBlockAssociationSet"]


def test_filters_find_it(ec2, plain, blocks):
    block = next(blocks)
    association = give(ec2, plain, block)
    for name, value in (("ipv6-cidr-block", block), ("association-id", association), ("state", "associated")):
        wanted = [{"Name": f"ipv6-cidr-block-association.{name}", "Values": [value]}]
        assert [plain] == [each["SubnetId"] for each in ec2.describe_subnets(Filters=wanted)["Subnets"]]


def test_one_at_a_time(ec2, plain, blocks, refused):
    association = give(ec2, plain, next(blocks))
    another = next(blocks)
    with refused("CidrLimitExceeded"):
        give(ec2, plain, another)
    ec2.disassociate_subnet_cidr_block(AssociationId=association)
    give(ec2, plain, another)


def test_blocks_that_cannot_be(ec2, dual, plain, blocks, refused):
    block = next(blocks)
    ec2.create_subnet(VpcId=dual[0], CidrBlock="10.0.2.0/24", Ipv6CidrBlock=block)
    with refused("InvalidSubnet.Conflict"):
        give(ec2, plain, block)
    with refused("InvalidSubnet.Range"):
        give(ec2, plain, "2001:db9::/64")
    with refused("MissingParameter"):
        ec2.associate_subnet_cidr_block(SubnetId=plain)
    with refused("InvalidIpamPoolId.NotFound"):
        ec2.associate_subnet_cidr_block(SubnetId=plain, Ipv6IpamPoolId="ipam-pool-1", Ipv6NetmaskLength=64)


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("AssignIpv6AddressOnCreation", "assign-ipv6-address-on-creation"),
        ("EnableDns64", "enable-dns64"),
        ("EnableResourceNameDnsAAAARecordOnLaunch", "enable-resource-name-dns-aaaa-record-on-launch"),
    ],
)
def test_switches_that_need_the_block(ec2, plain, blocks, refused, switch, name):
    """hashicorp/terraform-provider-aws#1519, #32410, #32897."""
    text = (
        f"Invalid value 'true' for {name}. Cannot set {name} to true unless the subnet ({plain}) has an IPv6 CIDR block "
        "associated with it."
    )
    with refused("InvalidParameterValue", text):
        ec2.modify_subnet_attribute(SubnetId=plain, **{switch: {"Value": True}})
    association = give(ec2, plain, next(blocks))
    ec2.modify_subnet_attribute(SubnetId=plain, **{switch: {"Value": True}})
    text = (
        f"The subnet IPv6 CIDR block with association ID {association} may not be disassociated, because its subnet has "
        f"{name} set to true."
    )
    with refused("InvalidCidrBlock.InUse", text):
        ec2.disassociate_subnet_cidr_block(AssociationId=association)
    ec2.modify_subnet_attribute(SubnetId=plain, **{switch: {"Value": False}})
    ec2.disassociate_subnet_cidr_block(AssociationId=association)


def test_what_has_addresses_of_it_keeps_it(ec2, plain, blocks, refused):
    """VPC user guide, "Remove an IPv6 CIDR block from your subnet": what is assigned of it goes first."""
    block = next(blocks)
    association = give(ec2, plain, block)
    made = ec2.create_network_interface(SubnetId=plain, Ipv6AddressCount=1)["NetworkInterface"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_subnet_cidr_block(AssociationId=association)
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    reserved = ec2.create_subnet_cidr_reservation(
        SubnetId=plain, Cidr=block.replace("/64", "/80"), ReservationType="prefix"
    )["SubnetCidrReservation"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_subnet_cidr_block(AssociationId=association)
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=reserved["SubnetCidrReservationId"])
    ec2.disassociate_subnet_cidr_block(AssociationId=association)


def test_a_subnet_for_ipv6_alone_keeps_what_it_is(ec2, dual, blocks, refused):
    made = ec2.create_subnet(VpcId=dual[0], Ipv6CidrBlock=next(blocks), Ipv6Native=True)["Subnet"]
    id = made["SubnetId"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_subnet_cidr_block(
            AssociationId=made["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
        )
    for change in (
        {"AssignIpv6AddressOnCreation": {"Value": False}},
        {"MapPublicIpOnLaunch": {"Value": True}},
        {"PrivateDnsHostnameTypeOnLaunch": "ip-name"},
    ):
        with refused("InvalidParameterValue"):
            ec2.modify_subnet_attribute(SubnetId=id, **change)
    ec2.modify_subnet_attribute(SubnetId=id, EnableDns64={"Value": True})


def test_an_association_that_is_not_there(ec2, plain, blocks, refused):
    association = give(ec2, plain, next(blocks))
    ec2.disassociate_subnet_cidr_block(AssociationId=association)
    for id in (association, "subnet-cidr-assoc-0123456789abcdef0"):
        text = f"The subnet CIDR block association ID '{id}' does not exist"
        with refused("InvalidSubnetCidrBlockAssociationID.NotFound", text):
            ec2.disassociate_subnet_cidr_block(AssociationId=id)
