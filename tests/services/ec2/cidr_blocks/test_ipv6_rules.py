"""What an IPv6 block adds to the network ACLs and security groups of its VPC (ec2.md 7.5)."""

from __future__ import annotations

import pytest

IPV4_RULES = [(100, "0.0.0.0/0", "allow"), (32767, "0.0.0.0/0", "deny")]
BOTH_RULES = [IPV4_RULES[0], (101, "::/0", "allow"), IPV4_RULES[1], (32768, "::/0", "deny")]
LAST_RULES = [IPV4_RULES[1], BOTH_RULES[3]]


def of(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


def rules(ec2, vpc, *, egress, default=True):
    """The numbers, blocks and actions of an ACL's rules of one direction."""
    acls = ec2.describe_network_acls(Filters=of(vpc))["NetworkAcls"]
    (acl,) = (each for each in acls if each["IsDefault"] == default)
    return [
        (entry["RuleNumber"], entry.get("CidrBlock") or entry["Ipv6CidrBlock"], entry["RuleAction"])
        for entry in acl["Entries"]
        if entry["Egress"] == egress
    ]


def out_of(ec2, vpc, name="default"):
    """The IPv6 blocks that a group of a VPC may send to."""
    groups = ec2.describe_security_groups(Filters=of(vpc))["SecurityGroups"]
    (group,) = (each for each in groups if each["GroupName"] == name)
    return [
        block["CidrIpv6"] for permission in group["IpPermissionsEgress"] for block in permission["Ipv6Ranges"]
    ]


def with_block(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]


def add_block(ec2, vpc):
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    return made["Ipv6CidrBlockAssociation"]["AssociationId"]


@pytest.mark.parametrize("egress", [True, False])
def test_the_default_acl_allows_ipv6_from_the_beginning_or_from_its_block(ec2, vpc, egress):
    """VPC user guide, "Default network ACL"."""
    assert rules(ec2, with_block(ec2), egress=egress) == BOTH_RULES
    assert rules(ec2, vpc, egress=egress) == IPV4_RULES
    block = add_block(ec2, vpc)
    # Another block adds nothing, and none takes them away.
    add_block(ec2, vpc)
    ec2.disassociate_vpc_cidr_block(AssociationId=block)
    assert rules(ec2, vpc, egress=egress) == BOTH_RULES


def test_a_direction_whose_rules_were_changed_allows_no_ipv6_by_itself(ec2, vpc):
    """VPC user guide, "Default network ACL"."""
    (acl,) = ec2.describe_network_acls(Filters=of(vpc))["NetworkAcls"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl["NetworkAclId"], RuleNumber=90, Protocol="-1", RuleAction="deny", Egress=False,
        CidrBlock="192.0.2.0/24",
    )  # fmt: skip
    add_block(ec2, vpc)
    assert rules(ec2, vpc, egress=False) == [
        (90, "192.0.2.0/24", "deny"),
        IPV4_RULES[0],
        *LAST_RULES,
    ]
    assert rules(ec2, vpc, egress=True) == BOTH_RULES


def test_other_acls_deny_ipv6_until_they_have_rules(ec2, vpc, refused):
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    everything = {
        "NetworkAclId": acl,
        "RuleNumber": 100,
        "Protocol": "-1",
        "RuleAction": "allow",
        "CidrBlock": "0.0.0.0/0",
    }
    for egress in (True, False):
        ec2.create_network_acl_entry(**everything, Egress=egress)
    add_block(ec2, vpc)
    assert rules(ec2, vpc, egress=True, default=False) == [IPV4_RULES[0], *LAST_RULES]
    other = with_block(ec2)
    ec2.create_network_acl(VpcId=other)
    assert rules(ec2, other, egress=False, default=False) == LAST_RULES
    # The last rules stay as they are.
    with refused("InvalidParameterValue"):
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=32768, Egress=True)


def test_groups_send_to_ipv6_where_the_vpc_has_it(ec2, vpc):
    """The provider of Terraform revokes this rule from a new group, if it is there (`resourceSecurityGroupCreate`)."""
    made = with_block(ec2)
    for each in (made, vpc):
        ec2.create_security_group(VpcId=each, GroupName="web", Description="web")
    assert (out_of(ec2, made), out_of(ec2, made, "web")) == (["::/0"], ["::/0"])
    assert (out_of(ec2, vpc), out_of(ec2, vpc, "web")) == ([], [])
    add_block(ec2, vpc)
    add_block(ec2, vpc)
    assert (out_of(ec2, vpc), out_of(ec2, vpc, "web")) == (["::/0"], [])


def test_a_default_group_that_was_changed_stays_as_it_is(ec2, vpc):
    (group,) = ec2.describe_security_groups(Filters=of(vpc))["SecurityGroups"]
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    add_block(ec2, vpc)
    assert out_of(ec2, vpc) == []
