"""The default network ACL, described."""

from __future__ import annotations

import pytest


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


class TestChanges:
    @pytest.fixture
    def acl(self, ec2, vpc):
        return ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]

    @staticmethod
    def shown(ec2, acl):
        (found,) = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
        return found

    @staticmethod
    def entry(**changes):
        return {
            "RuleNumber": 100,
            "Protocol": "tcp",
            "RuleAction": "allow",
            "Egress": False,
            "CidrBlock": "10.0.0.0/8",
            "PortRange": {"From": 443, "To": 443},
        } | changes

    def test_a_new_acl_denies_everything(self, ec2, acl, vpc):
        """VPC user guide, "Create a network ACL": it blocks all traffic until rules are added."""
        found = self.shown(ec2, acl)
        assert (False, vpc, []) == (found["IsDefault"], found["VpcId"], found["Associations"])
        assert [(32767, "deny", True), (32767, "deny", False)] == [
            (entry["RuleNumber"], entry["RuleAction"], entry["Egress"]) for entry in found["Entries"]
        ]

    def test_entries_are_made_replaced_and_deleted(self, ec2, acl, refused):
        ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry())
        # A number stands for one rule of each direction.
        ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(Egress=True))
        with refused(
            "NetworkAclEntryAlreadyExists", "The network acl entry identified by 100 already exists."
        ):
            ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry())
        ec2.replace_network_acl_entry(NetworkAclId=acl, **self.entry(RuleAction="deny"))
        entries = [each for each in self.shown(ec2, acl)["Entries"] if not each["Egress"]]
        assert {
            "CidrBlock": "10.0.0.0/8",
            "Egress": False,
            "PortRange": {"From": 443, "To": 443},
            "Protocol": "6",
            "RuleAction": "deny",
            "RuleNumber": 100,
        } == entries[0]
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False)
        for operation, params in (
            (ec2.delete_network_acl_entry, {"RuleNumber": 100, "Egress": False}),
            (ec2.replace_network_acl_entry, self.entry()),
        ):
            with refused("InvalidNetworkAclEntry.NotFound"):
                operation(NetworkAclId=acl, **params)

    def test_a_protocol_number_has_one_form(self, ec2, acl):
        ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(Protocol="06"))
        assert "6" in [entry["Protocol"] for entry in self.shown(ec2, acl)["Entries"]]

    def test_entries_of_icmp_and_ipv6(self, ec2, acl):
        ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=10,
            Protocol="58",
            RuleAction="allow",
            Egress=True,
            Ipv6CidrBlock="2001:db8::/32",
            IcmpTypeCode={"Type": -1, "Code": -1},
        )
        entry = self.shown(ec2, acl)["Entries"][0]
        assert ("2001:db8::/32", {"Type": -1, "Code": -1}) == (entry["Ipv6CidrBlock"], entry["IcmpTypeCode"])
        filters = [{"Name": "entry.ipv6-cidr", "Values": ["2001:db8::/32"]}]
        (found,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        assert acl == found["NetworkAclId"]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"RuleNumber": 0}, "InvalidParameterValue"),
            ({"RuleNumber": 32767}, "InvalidParameterValue"),
            ({"Protocol": "nothing"}, "InvalidParameterValue"),
            # Digits of other scripts, and more of them than a number has.
            ({"Protocol": "\u0663"}, "InvalidParameterValue"),
            ({"Protocol": "9" * 5000}, "InvalidParameterValue"),
            ({"CidrBlock": "10.0.0.0/33"}, "InvalidParameterValue"),
            ({"CidrBlock": ""}, "MissingParameter"),
            ({"Ipv6CidrBlock": "::/0"}, "InvalidParameterCombination"),
            ({"PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue"),
            ({"PortRange": {"From": 1}}, "InvalidParameterValue"),
            ({"PortRange": {"From": -5, "To": 70000}}, "InvalidParameterValue"),
            ({"Protocol": "icmp"}, "MissingParameter"),
        ],
    )
    def test_entries_that_are_none(self, ec2, acl, refused, changes, code):
        before = self.shown(ec2, acl)
        with refused(code):
            ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(**changes))
        assert before == self.shown(ec2, acl)

    def test_a_direction_has_forty_entries_at_most(self, ec2, acl, refused):
        for number in range(1, 41):
            ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(RuleNumber=number))
        with refused("NetworkAclEntryLimitExceeded"):
            ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(RuleNumber=41))
        ec2.create_network_acl_entry(NetworkAclId=acl, **self.entry(RuleNumber=41, Egress=True))

    def test_a_subnet_has_one_acl(self, ec2, vpc, subnet, acl, refused):
        filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
        (default,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        (old,) = default["Associations"]
        new = ec2.replace_network_acl_association(
            AssociationId=old["NetworkAclAssociationId"], NetworkAclId=acl
        )["NewAssociationId"]
        (tied,) = self.shown(ec2, acl)["Associations"]
        assert (new, subnet) == (tied["NetworkAclAssociationId"], tied["SubnetId"])
        assert [] == self.shown(ec2, default["NetworkAclId"])["Associations"]
        with refused(
            "DependencyViolation", f"The networkAcl '{acl}' has dependencies and cannot be deleted."
        ):
            ec2.delete_network_acl(NetworkAclId=acl)
        with refused("InvalidAssociationID.NotFound"):
            ec2.replace_network_acl_association(
                AssociationId=old["NetworkAclAssociationId"], NetworkAclId=acl
            )
        ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=default["NetworkAclId"])
        ec2.delete_network_acl(NetworkAclId=acl)

    def test_acl_and_subnet_are_of_one_vpc(self, ec2, acl, refused):
        theirs = ec2.describe_network_acls(Filters=[{"Name": "default", "Values": ["true"]}])["NetworkAcls"]
        association = next(each["Associations"][0] for each in theirs if each["Associations"])
        with refused("InvalidParameterValue"):
            ec2.replace_network_acl_association(
                AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
            )

    def test_an_acl_of_its_own_keeps_the_vpc_and_the_default_one_stays(self, ec2, vpc, acl, refused):
        (default,) = ec2.describe_network_acls(
            Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}]
        )["NetworkAcls"]
        id = default["NetworkAclId"]
        with refused("InvalidParameterValue", f"cannot delete default network ACL {id}"):
            ec2.delete_network_acl(NetworkAclId=id)
        with refused("DependencyViolation"):
            ec2.delete_vpc(VpcId=vpc)
        ec2.delete_network_acl(NetworkAclId=acl)
        ec2.delete_vpc(VpcId=vpc)
