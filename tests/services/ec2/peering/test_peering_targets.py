"""What callers must be allowed to act on, with which keys (vpc-peering.md 12.4)."""

from __future__ import annotations

import pytest
from peerings import OTHER, accept, delete, reject, request

TAGS = [{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "team", "Value": "blue"}]}]
ANY = "arn:aws:ec2:*:*:vpc-peering-connection/*"


def asked(understudy):
    """Action and resource of every question the last call put to the policies, in order."""
    prefix = f"arn:aws:ec2:us-east-1:{understudy.account}:"
    return [(each.action, each.resource.removeprefix(prefix)) for each in understudy.trail()[-1].evaluations]


def client(understudy, *statements):
    who = understudy.user("someone", {"Version": "2012-10-17", "Statement": list(statements)})
    return understudy.client("ec2", as_=who)


def allow(action, resource, **condition):
    made = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**made, "Condition": condition} if condition else made


def arn(understudy, vpc):
    return f"arn:aws:ec2:us-east-1:{understudy.account}:vpc/{vpc}"


def test_a_request_asks_for_the_connection_its_tagging_and_the_requester(understudy, ec2, vpc, peer):
    request(ec2, vpc, peer, TagSpecifications=TAGS)
    assert [
        ("ec2:CreateVpcPeeringConnection", "vpc-peering-connection/*"),
        ("ec2:CreateTags", "vpc-peering-connection/*"),
        ("ec2:CreateVpcPeeringConnection", f"vpc/{vpc}"),
    ] == asked(understudy)


def test_accepting_asks_for_the_connection_and_the_accepter(understudy, ec2, vpc, peer):
    id = request(ec2, vpc, peer)
    accept(ec2, id)
    assert [
        ("ec2:AcceptVpcPeeringConnection", f"vpc-peering-connection/{id}"),
        ("ec2:AcceptVpcPeeringConnection", f"vpc/{peer}"),
    ] == asked(understudy)


@pytest.mark.parametrize("act", [reject, delete])
def test_ending_asks_for_the_connection(understudy, ec2, vpc, peer, act):
    id = request(ec2, vpc, peer)
    act(ec2, id)
    name = {"reject": "Reject", "delete": "Delete"}[act.__name__]
    assert [(f"ec2:{name}VpcPeeringConnection", f"vpc-peering-connection/{id}")] == asked(understudy)


def test_requests_to_one_vpc_alone(understudy, ec2, vpc, peer, refused):
    third = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    someone = client(
        understudy,
        allow("ec2:CreateVpcPeeringConnection", "arn:aws:ec2:*:*:vpc/*"),
        allow(
            "ec2:CreateVpcPeeringConnection",
            ANY,
            ArnEquals={"ec2:AccepterVpc": arn(understudy, peer), "ec2:RequesterVpc": arn(understudy, vpc)},
        ),
    )
    request(someone, vpc, peer)
    with refused("UnauthorizedOperation"):
        request(someone, vpc, third)
    with refused("UnauthorizedOperation"):
        request(someone, third, peer)


def test_accepting_from_one_vpc_alone_into_tagged_ones(understudy, ec2, vpc, peer, refused):
    """VPC peering guide, "Identity and access management", example "Accept a VPC peering connection"."""
    someone = client(
        understudy,
        allow("ec2:AcceptVpcPeeringConnection", ANY, ArnEquals={"ec2:RequesterVpc": arn(understudy, vpc)}),
        allow(
            "ec2:AcceptVpcPeeringConnection",
            "arn:aws:ec2:*:*:vpc/*",
            StringEquals={"ec2:ResourceTag/Purpose": "Peering"},
        ),
    )
    id = request(ec2, vpc, peer)
    with refused("UnauthorizedOperation"):
        accept(someone, id)
    ec2.create_tags(Resources=[peer], Tags=[{"Key": "Purpose", "Value": "Peering"}])
    accept(someone, id)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ec2:AccepterVpc", "{peer}"),
        ("ec2:RequesterVpc", "{vpc}"),
        ("ec2:VpcPeeringConnectionID", "{id}"),
        ("ec2:ResourceTag/team", "blue"),
        ("aws:ResourceTag/team", "blue"),
    ],
)
def test_the_keys_of_a_connection(understudy, ec2, vpc, peer, refused, key, value):
    id = request(ec2, vpc, peer, TagSpecifications=TAGS)
    value = value.format(peer=arn(understudy, peer), vpc=arn(understudy, vpc), id=id)
    someone = client(understudy, allow("ec2:DeleteVpcPeeringConnection", ANY, StringEquals={key: value}))
    delete(someone, id)
    second = request(ec2, peer, ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])
    with refused("UnauthorizedOperation"):
        delete(someone, second)


def test_options_are_attributes_to_policies(understudy, ec2, active, refused):
    someone = client(
        understudy,
        allow(
            "ec2:ModifyVpcPeeringConnectionOptions",
            ANY,
            StringEquals={"ec2:Attribute": "RequesterPeeringConnectionOptions"},
        ),
    )
    off = {"AllowDnsResolutionFromRemoteVpc": False}
    modify = someone.modify_vpc_peering_connection_options
    modify(VpcPeeringConnectionId=active, RequesterPeeringConnectionOptions=off)
    with refused("UnauthorizedOperation"):
        modify(VpcPeeringConnectionId=active, AccepterPeeringConnectionOptions=off)


def test_each_account_asks_for_its_own_view(understudy, ec2, other, vpc, others_vpc):
    id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
    accept(other, id)
    prefix = f"arn:aws:ec2:us-east-1:{OTHER}:"
    assert [f"{prefix}vpc-peering-connection/{id}", f"{prefix}vpc/{others_vpc}"] == [
        each.resource for each in understudy.trail()[-1].evaluations
    ]
