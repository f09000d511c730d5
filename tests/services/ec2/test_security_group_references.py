"""Rules about groups of peered VPCs, who refers to a group, and stale rules (vpc-peering.md 12.3)."""

from __future__ import annotations

import pytest
from peerings import OTHER, accept, delete, request


@pytest.fixture
def other(understudy):
    """A client of a second account."""
    return understudy.client("ec2", as_=understudy.account_administrator(OTHER))


@pytest.fixture(params=["own", "other"])
def peered(request, understudy, ec2, vpc, other):
    """A VPC of the same or another account that is peered: its client, account, id, a group in it and the connection."""
    client, account = (ec2, understudy.account) if request.param == "own" else (other, OTHER)
    there = client.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    named = client.create_security_group(VpcId=there, GroupName="far", Description="far")["GroupId"]
    connection = _requested(ec2, vpc, there, account)
    accept(client, connection)
    return client, account, there, named, connection


def _requested(ec2, vpc, there, account):
    return request(ec2, vpc, there, PeerOwnerId=account)


def rule_about(group, account, **more):
    pair = {"GroupId": group, "UserId": account, **more}
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}


def test_a_rule_about_a_group_of_a_peered_vpc(ec2, group, peered):
    _, account, there, named, connection = peered
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, account)])
    told = {
        "GroupId": named,
        "UserId": account,
        "VpcId": there,
        "VpcPeeringConnectionId": connection,
        "PeeringStatus": "active",
    }
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [told] == found["IpPermissions"][0]["UserIdGroupPairs"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    assert [told] == [
        rule["ReferencedGroupInfo"] for rule in rules["SecurityGroupRules"] if "ReferencedGroupInfo" in rule
    ]
    by_name = [{"Name": "ip-permission.group-name", "Values": ["far"]}]
    assert [group] == [
        each["GroupId"] for each in ec2.describe_security_groups(Filters=by_name)["SecurityGroups"]
    ]


def test_the_referenced_side_sees_who_refers(ec2, vpc, group, peered):
    client, account, _, named, connection = peered
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, account)])
    assert client.describe_security_group_references(GroupId=[named])["SecurityGroupReferenceSet"] == [
        {"GroupId": named, "ReferencingVpcId": vpc, "VpcPeeringConnectionId": connection}
    ]
    delete(client, connection)
    assert [] == client.describe_security_group_references(GroupId=[named])["SecurityGroupReferenceSet"]


def test_a_rule_is_stale_when_the_connection_goes_and_can_still_be_revoked(ec2, vpc, group, peered):
    client, account, _, named, connection = peered
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, account)])
    assert [] == ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]
    delete(client, connection)
    (stale,) = ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]
    assert ("web", group, vpc, []) == (
        stale["GroupName"], stale["GroupId"], stale["VpcId"], stale["StaleIpPermissionsEgress"],
    )  # fmt: skip
    (entry,) = stale["StaleIpPermissions"]
    assert ("tcp", 443, "deleted") == (
        entry["IpProtocol"], entry["FromPort"], entry["UserIdGroupPairs"][0]["PeeringStatus"],
    )  # fmt: skip
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])
    assert [] == ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]


def test_a_group_that_a_peered_vpc_refers_to_can_be_deleted(ec2, vpc, group, peered):
    """VPC Peering Guide, "Work with stale security group rules"."""
    client, account, _, named, _ = peered
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, account)])
    client.delete_security_group(GroupId=named)
    (stale,) = ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]
    assert group == stale["GroupId"]


def test_what_cannot_be_named(understudy, ec2, vpc, group, other, peered, refused):
    client, account, _, named, connection = peered
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[rule_about(named, account, VpcPeeringConnectionId="pcx-0123456789abcdef0")],
        )
    delete(client, connection)
    text = (
        "You have specified two resources that belong to different networks."
        if account == understudy.account
        else f"The security group '{named}' does not exist"
    )
    with refused("InvalidGroup.NotFound", text):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, account)])


def test_a_request_that_waits_connects_no_groups(ec2, vpc, group, refused):
    there = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    named = ec2.create_security_group(VpcId=there, GroupName="far", Description="far")["GroupId"]
    request(ec2, vpc, there)
    with refused("InvalidGroup.NotFound"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(named, "")])
