"""Short ways to request, accept and look at VPC peering connections."""

from __future__ import annotations

OTHER = "222222222222"


def request(ec2, vpc, peer, **params):
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, **params)
    return made["VpcPeeringConnection"]["VpcPeeringConnectionId"]


def accept(ec2, id):
    return ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)["VpcPeeringConnection"]


def reject(ec2, id):
    return ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=id)["Return"]


def delete(ec2, id):
    return ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id)["Return"]


def shown(ec2, id):
    (found,) = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[id])["VpcPeeringConnections"]
    return found


def status(ec2, id):
    found = shown(ec2, id)["Status"]
    return found["Code"], found["Message"]


def listed(ec2):
    return [
        each["VpcPeeringConnectionId"]
        for each in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    ]
