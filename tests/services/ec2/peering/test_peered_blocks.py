"""Blocks of VPCs with a peering connection (vpc-peering.md 12.3)."""

from __future__ import annotations

from peerings import OTHER, accept, delete, request, shown, status


def add(ec2, vpc, block):
    return ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=block)["CidrBlockAssociation"]["AssociationId"]


def test_a_block_of_a_peer_is_not_added(ec2, vpc, peer, active, refused):
    for id, block in ((vpc, "10.1.128.0/20"), (peer, "10.0.0.0/20")):
        with refused("InvalidVpc.Range"):
            add(ec2, id, block)
    add(ec2, vpc, "10.7.0.0/16")
    with refused("InvalidVpc.Range"):
        add(ec2, peer, "10.7.1.0/24")
    delete(ec2, active)
    add(ec2, peer, "10.7.1.0/24")


def test_a_block_of_a_peer_in_another_account_and_region(understudy, ec2, vpc, refused):
    far = understudy.client("ec2", region="eu-west-1", as_=understudy.account_administrator(OTHER))
    theirs = far.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    id = request(ec2, vpc, theirs, PeerOwnerId=OTHER, PeerRegion="eu-west-1")
    accept(far, id)
    with refused("InvalidVpc.Range"):
        add(ec2, vpc, "10.3.0.0/24")


def test_added_blocks_are_told_of_the_connection(ec2, vpc, active):
    add(ec2, vpc, "10.7.0.0/16")
    told = shown(ec2, active)["RequesterVpcInfo"]
    assert "10.0.0.0/16" == told["CidrBlock"]
    assert ["10.0.0.0/16", "10.7.0.0/16"] == [each["CidrBlock"] for each in told["CidrBlockSet"]]


def test_a_block_that_was_added_while_the_request_waited_lets_it_fail(ec2, vpc, peer):
    """The overlap is looked for again when the request is accepted: no connection has an address twice."""
    id = request(ec2, vpc, peer)
    add(ec2, vpc, "10.7.0.0/16")
    add(ec2, peer, "10.7.1.0/24")
    assert "failed" == accept(ec2, id)["Status"]["Code"]
    assert "failed" == status(ec2, id)[0]
    ec2.delete_vpc(VpcId=peer)
