"""The options of VPC peering connections (vpc-peering.md 12.2)."""

from __future__ import annotations

import pytest
from peerings import OTHER, accept, delete, request, shown

ON, OFF = {"AllowDnsResolutionFromRemoteVpc": True}, {"AllowDnsResolutionFromRemoteVpc": False}
SIDES = {"Requester": "RequesterVpcInfo", "Accepter": "AccepterVpcInfo"}


def modify(ec2, id, **sides):
    named = {f"{side}PeeringConnectionOptions": options for side, options in sides.items()}
    return ec2.modify_vpc_peering_connection_options(VpcPeeringConnectionId=id, **named)


def dns(ec2, id):
    found = shown(ec2, id)
    return [found[side]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] for side in SIDES.values()]


def give_host_names(ec2, *vpcs):
    for vpc in vpcs:
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})


def test_each_side_is_changed_by_itself(ec2, vpc, peer, active):
    give_host_names(ec2, vpc, peer)
    answer = modify(ec2, active, Requester=ON)
    assert answer["RequesterPeeringConnectionOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    assert "AccepterPeeringConnectionOptions" not in answer
    assert [True, False] == dns(ec2, active)
    modify(ec2, active, Accepter=ON, Requester={})
    assert [True, True] == dns(ec2, active)
    modify(ec2, active, Accepter=OFF, Requester=OFF)
    assert [False, False] == dns(ec2, active)


def test_only_an_active_connection_has_options(ec2, vpc, peer, refused):
    give_host_names(ec2, vpc, peer)
    id = request(ec2, vpc, peer)
    text = f"Peering {id} is not active. Peering options can be added only to active peerings."
    with refused("OperationNotPermitted", text):
        modify(ec2, id, Requester=ON)
    accept(ec2, id)
    modify(ec2, id, Requester=ON)
    delete(ec2, id)
    with refused("OperationNotPermitted", text):
        modify(ec2, id, Requester=OFF)


@pytest.mark.parametrize("without", [0, 1])
def test_both_vpcs_must_give_host_names(ec2, vpc, peer, active, refused, without):
    give_host_names(ec2, (peer, vpc)[without])
    with refused("InvalidVpcPeeringConnectionState.DnsHostnamesDisabled"):
        modify(ec2, active, Requester=ON)
    modify(ec2, active, Requester=OFF)


def test_a_side_is_changed_by_its_own_account(understudy, ec2, other, vpc, others_vpc, refused):
    give_host_names(ec2, vpc)
    give_host_names(other, others_vpc)
    id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
    accept(other, id)
    text = "User {} does not have permission to modify the {} side peering options"
    with refused("OperationNotPermitted", text.format(understudy.account, "accepter")):
        modify(ec2, id, Accepter=ON)
    with refused("OperationNotPermitted", text.format(OTHER, "requester")):
        modify(other, id, Accepter=ON, Requester=ON)
    assert [False, False] == dns(ec2, id)
    modify(ec2, id, Requester=ON)
    modify(other, id, Accepter=ON)
    assert [True, True] == dns(ec2, id) == dns(other, id)


def test_a_side_is_changed_in_its_own_region(understudy, ec2, vpc, refused):
    there = understudy.client("ec2", region="eu-west-1")
    far = there.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    give_host_names(ec2, vpc)
    give_host_names(there, far)
    id = request(ec2, vpc, far, PeerRegion="eu-west-1")
    accept(there, id)
    text = "{}'s VPC Peering connection options cannot be modified for a different region"
    with refused("OperationNotPermitted", text.format("Accepter")):
        modify(ec2, id, Accepter=ON)
    with refused("OperationNotPermitted", text.format("Requester")):
        modify(there, id, Requester=ON)
    modify(there, id, Accepter=ON)
    assert [False, True] == dns(ec2, id)


def test_what_is_needed_and_what_is_not_there(ec2, active, refused):
    with refused("MissingParameter"):
        modify(ec2, active)
    with refused("UnsupportedOperation"):
        modify(ec2, active, Requester={"AllowEgressFromLocalClassicLinkToRemoteVpc": True})
    off = {
        "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
        "AllowEgressFromLocalVpcToRemoteClassicLink": False,
    }
    modify(ec2, active, Requester=off)
