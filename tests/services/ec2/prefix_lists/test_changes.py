"""Making, changing, restoring and deleting managed prefix lists (prefix-lists.md 16.1, 16.2)."""

from __future__ import annotations

import pytest
from prefix_lists import entries, make, modify, rule_about, shown

from understudy_aws.services.ec2.prefix_lists.records import prefix_list_versions, prefix_lists
from understudy_aws.testing import Understudy

TAGS = [{"ResourceType": "prefix-list", "Tags": [{"Key": "team", "Value": "blue"}]}]


class TestCreate:
    def test_its_answer_tells_it_as_under_way(self, ec2, understudy):
        made = ec2.create_managed_prefix_list(
            PrefixListName="offices", MaxEntries=2, AddressFamily="IPv4", TagSpecifications=TAGS,
            Entries=[{"Cidr": "10.1.2.3/16", "Description": "Bern"}],
        )["PrefixList"]  # fmt: skip
        id = made["PrefixListId"]
        assert made == {
            "PrefixListId": id,
            "AddressFamily": "IPv4",
            "State": "create-in-progress",
            "PrefixListArn": f"arn:aws:ec2:us-east-1:{understudy.account}:prefix-list/{id}",
            "PrefixListName": "offices",
            "MaxEntries": 2,
            "Version": 1,
            "Tags": TAGS[0]["Tags"],
            "OwnerId": understudy.account,
        }
        assert {**made, "State": "create-complete"} == shown(ec2, id)
        assert {"10.1.0.0/16": "Bern"} == entries(ec2, id)

    def test_ipv6_blocks_are_told_in_canonical_form(self, ec2):
        id = make(ec2, "FD00:FEED:BEEF:0::/48", family="IPv6")
        assert {"fd00:feed:beef::/48": ""} == entries(ec2, id)

    @pytest.mark.parametrize(
        ("given", "code", "text"),
        [
            ({"MaxEntries": 0}, "InvalidParameterValue", "Must specify a max size between 1 and 1000"),
            ({"MaxEntries": 1001}, "InvalidParameterValue", "Must specify a max size between 1 and 1000"),
            ({"AddressFamily": "ipv4"}, "InvalidParameterValue", None),
            ({"PrefixListName": "com.amazonaws.mine"}, "InvalidParameterValue", None),
            ({"PrefixListName": "x" * 256}, "InvalidParameterValue", None),
            ({"Entries": [{"Cidr": "::/0"}]}, "InvalidParameterValue", None),
            ({"Entries": [{"Description": "no block"}]}, "MissingParameter", None),
            ({"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.1.0.0/8"}]}, "InvalidParameterValue", None),
            ({"Entries": [{"Cidr": "10.0.0.0/8", "Description": "x" * 256}]}, "InvalidParameterValue", None),
            (
                {"Entries": [{"Cidr": f"10.{n}.0.0/16"} for n in range(4)]},
                "PrefixListMaxEntriesExceeded",
                None,
            ),
            (
                {"MaxEntries": 200, "Entries": [{"Cidr": f"10.{n}.0.0/16"} for n in range(101)]},
                "InvalidParameterValue",
                None,
            ),
        ],
    )
    def test_what_is_wrong_is_refused(self, ec2, refused, given, code, text):
        with refused(code, text):
            ec2.create_managed_prefix_list(
                **{"PrefixListName": "offices", "MaxEntries": 3, "AddressFamily": "IPv4", **given}
            )

    def test_a_region_has_a_hundred(self, ec2, refused):
        """VPC User Guide, "Amazon VPC quotas"."""
        for _ in range(100):
            make(ec2)
        with refused("PrefixListLimitExceeded"):
            make(ec2)


class TestModify:
    def test_entries_make_a_version_and_names_do_not(self, ec2):
        id = make(ec2, "10.0.0.0/8", "10.1.0.0/16")
        told = modify(
            ec2, id, CurrentVersion=1, AddEntries=[{"Cidr": "192.168.0.0/16", "Description": "home"}],
            RemoveEntries=[{"Cidr": "10.0.0.0/8"}],
        )  # fmt: skip
        assert ("modify-in-progress", 1) == (told["State"], told["Version"])
        now = shown(ec2, id)
        assert ("modify-complete", 2) == (now["State"], now["Version"])
        assert {"10.1.0.0/16": "", "192.168.0.0/16": "home"} == entries(ec2, id)
        assert {"10.0.0.0/8": "", "10.1.0.0/16": ""} == entries(ec2, id, TargetVersion=1)
        modify(ec2, id, PrefixListName="sites")
        modify(ec2, id, MaxEntries=2)
        now = shown(ec2, id)
        assert ("sites", 2, 2) == (now["PrefixListName"], now["MaxEntries"], now["Version"])

    def test_terraform_changes_a_description_in_two_steps(self, ec2):
        """Terraform provider, vpc_managed_prefix_list.go: the block is removed, then added again."""
        id = make(ec2, "10.0.0.0/8")
        modify(ec2, id, CurrentVersion=1, RemoveEntries=[{"Cidr": "10.0.0.0/8"}])
        modify(ec2, id, CurrentVersion=2, AddEntries=[{"Cidr": "10.0.0.0/8", "Description": "all"}])
        assert {"10.0.0.0/8": "all"} == entries(ec2, id)
        assert 3 == shown(ec2, id)["Version"]

    @pytest.mark.parametrize(
        ("given", "code", "text"),
        [
            (
                {"CurrentVersion": 2, "AddEntries": [{"Cidr": "1.0.0.0/8"}]},
                "PrefixListVersionMismatch",
                "The prefix list has the incorrect version number.",
            ),
            (
                {"CurrentVersion": 0, "AddEntries": [{"Cidr": "1.0.0.0/8"}]},
                "InvalidParameterValue",
                "The specified value for version is not valid. The value must be greater than (1).",
            ),
            (
                {"MaxEntries": 20, "AddEntries": [{"Cidr": "1.0.0.0/8"}]},
                "InvalidParameterCombination",
                "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
            ),
            ({}, "InvalidRequest", "The request received was invalid."),
            (
                {"AddEntries": [{"Cidr": "10.0.0.0/8"}], "RemoveEntries": [{"Cidr": "10.0.0.0/8"}]},
                "InvalidParameterValue",
                "Request cannot contain Cidr 10.0.0.0/8 in both AddPrefixListEntries and RemovePrefixListEntries",
            ),
            (
                {"AddEntries": [{"Cidr": "10.0.0.0/8"}]},
                "InvalidPrefixListModification",
                "An entry with the CIDR (10.0.0.0/8) and description () already exists.",
            ),
            (
                {"RemoveEntries": [{"Cidr": "1.0.0.0/8"}]},
                "InvalidPrefixListModification",
                "The entry with the CIDR (1.0.0.0/8) does not exist.",
            ),
            ({"MaxEntries": 0}, "InvalidParameterValue", "Must specify a max size between 1 and 1000"),
            ({"MaxEntries": 1}, "PrefixListMaxEntriesExceeded", None),
            (
                {"AddEntries": [{"Cidr": f"{n}.0.0.0/8"} for n in (1, 2)]},
                "PrefixListMaxEntriesExceeded",
                None,
            ),
            (
                {"AddEntries": [{"Cidr": f"1.{n}.0.0/16"} for n in range(101)]},
                "InvalidParameterValue",
                None,
            ),
            ({"PrefixListName": "com.amazonaws.mine"}, "InvalidParameterValue", None),
        ],
    )
    def test_what_is_wrong_is_refused_and_changes_nothing(self, ec2, refused, given, code, text):
        id = make(ec2, "10.0.0.0/8", "10.1.0.0/16", size=3)
        before = shown(ec2, id), entries(ec2, id)
        with refused(code, text):
            modify(ec2, id, **given)
        assert before == (shown(ec2, id), entries(ec2, id))

    def test_a_size_that_a_group_has_no_room_for_fails(self, ec2, group):
        """EC2 API Reference, ModifyManagedPrefixList, MaxEntries: the state message names what has no room."""
        id = make(ec2, "10.0.0.0/8", size=50)
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id)])
        modify(ec2, id, MaxEntries=61)
        now = shown(ec2, id)
        assert ("modify-failed", 50, 1) == (now["State"], now["MaxEntries"], now["Version"])
        assert group in now["StateMessage"]
        modify(ec2, id, MaxEntries=60)
        now = shown(ec2, id)
        assert ("modify-complete", 60) == (now["State"], now["MaxEntries"])
        assert "StateMessage" not in now

    def test_a_size_that_a_route_table_has_no_room_for_fails(self, ec2, vpc, table, gateway):
        id = make(ec2, size=1)
        ec2.create_route(RouteTableId=table, DestinationPrefixListId=id, GatewayId=gateway)
        modify(ec2, id, MaxEntries=500)
        assert "modify-failed" == shown(ec2, id)["State"]
        assert table in shown(ec2, id)["StateMessage"]


class TestRestore:
    def test_an_earlier_version_becomes_the_newest(self, ec2, refused):
        id = make(ec2, "10.0.0.0/8")
        modify(ec2, id, CurrentVersion=1, RemoveEntries=[{"Cidr": "10.0.0.0/8"}])
        with refused("PrefixListVersionMismatch"):
            ec2.restore_managed_prefix_list_version(PrefixListId=id, PreviousVersion=1, CurrentVersion=1)
        with refused("InvalidParameterValue"):
            ec2.restore_managed_prefix_list_version(PrefixListId=id, PreviousVersion=7, CurrentVersion=2)
        told = ec2.restore_managed_prefix_list_version(PrefixListId=id, PreviousVersion=1, CurrentVersion=2)[
            "PrefixList"
        ]
        assert ("restore-in-progress", 2) == (told["State"], told["Version"])
        assert ("restore-complete", 3) == (shown(ec2, id)["State"], shown(ec2, id)["Version"])
        assert {"10.0.0.0/8": ""} == entries(ec2, id)
        assert {} == entries(ec2, id, TargetVersion=2)


class TestDelete:
    def test_it_is_gone(self, ec2, refused):
        id = make(ec2, "10.0.0.0/8")
        told = ec2.delete_managed_prefix_list(PrefixListId=id)["PrefixList"]
        assert "delete-in-progress" == told["State"]
        for call in (ec2.delete_managed_prefix_list, ec2.get_managed_prefix_list_entries):
            with refused("InvalidPrefixListID.NotFound", f"The prefix list ID '{id}' does not exist"):
                call(PrefixListId=id)

    def test_what_refers_to_it_makes_the_deletion_fail(self, ec2, group, table, gateway, refused):
        """hashicorp/terraform-provider-aws#20991: the state is delete-failed, and the message says why."""
        id = make(ec2, "10.0.0.0/8", size=1)
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule_about(id)])
        ec2.create_route(RouteTableId=table, DestinationPrefixListId=id, GatewayId=gateway)
        told = ec2.get_managed_prefix_list_associations(PrefixListId=id)["PrefixListAssociations"]
        assert sorted([group, table]) == [each["ResourceId"] for each in told]
        ec2.delete_managed_prefix_list(PrefixListId=id)
        now = shown(ec2, id)
        assert "delete-failed" == now["State"]
        assert group in now["StateMessage"]
        assert table in now["StateMessage"]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[rule_about(id)])
        ec2.delete_route(RouteTableId=table, DestinationPrefixListId=id)
        ec2.delete_managed_prefix_list(PrefixListId=id)
        with refused("InvalidPrefixListID.NotFound"):
            shown(ec2, id)


def test_aws_s_own_lists_stay_as_they_are(ec2, refused):
    for act in (
        lambda: modify(ec2, "pl-63a5400a", PrefixListName="mine"),
        lambda: ec2.delete_managed_prefix_list(PrefixListId="pl-63a5400a"),
        lambda: ec2.restore_managed_prefix_list_version(
            PrefixListId="pl-63a5400a", PreviousVersion=1, CurrentVersion=1
        ),
    ):
        with refused("OperationNotPermitted"):
            act()
    with refused("InvalidPrefixListID.NotFound"):
        ec2.create_tags(Resources=["pl-63a5400a"], Tags=[{"Key": "a", "Value": "b"}])


def test_other_accounts_see_none_of_it(ec2, understudy, refused):
    id = make(ec2, "10.0.0.0/8")
    other = understudy.client("ec2", as_=understudy.account_administrator("222222222222"))
    with refused("InvalidPrefixListID.NotFound"):
        entries(other, id)
    assert id not in [each["PrefixListId"] for each in other.describe_managed_prefix_lists()["PrefixLists"]]


def test_with_the_clock_of_aws_changes_take_their_time(refused):
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        id = make(ec2, "10.0.0.0/8")
        assert "create-in-progress" == shown(ec2, id)["State"]
        text = (
            f"The request cannot be completed while the prefix list ({id}) "
            "is in the current state (create-in-progress)."
        )
        with refused("IncorrectState", text):
            modify(ec2, id, AddEntries=[{"Cidr": "1.0.0.0/8"}])
        understudy.clock.advance(15)
        modify(ec2, id, CurrentVersion=1, AddEntries=[{"Cidr": "1.0.0.0/8"}])
        assert ("modify-in-progress", 1) == (shown(ec2, id)["State"], shown(ec2, id)["Version"])
        assert {"10.0.0.0/8": ""} == entries(ec2, id)
        with refused("InvalidParameterValue"):
            entries(ec2, id, TargetVersion=2)
        understudy.clock.advance(15)
        assert ("modify-complete", 2) == (shown(ec2, id)["State"], shown(ec2, id)["Version"])
        ec2.delete_managed_prefix_list(PrefixListId=id)
        assert "delete-in-progress" == shown(ec2, id)["State"]
        understudy.clock.advance(15)
        with refused("InvalidPrefixListID.NotFound"):
            shown(ec2, id)
        understudy.settle()
        with understudy.app.database.transaction() as tx:
            assert [] == list(prefix_lists.scan(tx))
            assert [] == list(prefix_list_versions.scan(tx))
