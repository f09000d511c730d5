"""The default network ACL, described."""

from __future__ import annotations


def test_every_subnet_is_tied_to_its_vpcs_acl(ec2, vpc, subnet):
    by_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (acl,) = ec2.describe_network_acls(Filters=by_subnet)["NetworkAcls"]
    assert (vpc, True) == (acl["VpcId"], acl["IsDefault"])
    (tie,) = acl["Associations"]
    assert (subnet, acl["NetworkAclId"]) == (tie["SubnetId"], tie["NetworkAclId"])
    assert tie["NetworkAclAssociationId"].startswith("aclassoc-")


def test_an_unknown_acl_is_not_found(ec2, refused):
    with refused("InvalidNetworkAclID.NotFound", "The networkAcl ID 'acl-0123456789abcdef0' does not exist"):
        ec2.describe_network_acls(NetworkAclIds=["acl-0123456789abcdef0"])
