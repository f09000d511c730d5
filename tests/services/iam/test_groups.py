"""Groups: iam.md 2.1, 2.2, 2.4."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from understudy_aws.services.iam.groups import Group, groups


@pytest.fixture
def web(iam):
    iam.create_user(UserName="ann")
    return iam.create_group(GroupName="Web", Path="/teams/")["Group"]


def members(iam, name):
    return [user["UserName"] for user in iam.get_group(GroupName=name)["Users"]]


class TestCreateGroup:
    def test_it_answers_the_group(self, web, understudy):
        assert f"arn:aws:iam::{understudy.account}:group/teams/Web" == web["Arn"]
        assert web["GroupId"].startswith("AGPA")

    def test_names_are_unique_whatever_their_case(self, iam, web, refused):
        with refused("EntityAlreadyExists", "Group with name wEB already exists.", 409):
            iam.create_group(GroupName="wEB")

    def test_an_account_has_three_hundred_at_most(self, iam, understudy, refused):
        with understudy.app.database.transaction() as tx:
            for number in range(300):
                group = Group(
                    account=understudy.account,
                    name=f"g{number}",
                    id=f"AGPA{number:017d}",
                    created=datetime.now(UTC),
                )
                groups.put(tx, group)
        with refused("LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 300", 409):
            iam.create_group(GroupName="one-too-many")


class TestMembers:
    def test_who_is_added_is_in_it_until_he_is_removed(self, iam, web):
        iam.add_user_to_group(GroupName="WEB", UserName="ANN")
        iam.add_user_to_group(GroupName="web", UserName="ann")
        assert ["ann"] == members(iam, "web")
        assert ["Web"] == [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]]
        iam.remove_user_from_group(GroupName="web", UserName="ann")
        iam.remove_user_from_group(GroupName="web", UserName="ann")
        assert [] == members(iam, "web")

    def test_both_must_exist(self, iam, web, refused):
        with refused("NoSuchEntity", "The group with name api cannot be found.", 404):
            iam.add_user_to_group(GroupName="api", UserName="ann")
        with refused("NoSuchEntity", "The user with name bob cannot be found.", 404):
            iam.add_user_to_group(GroupName="web", UserName="bob")

    def test_a_user_is_in_ten_groups_at_most(self, iam, web, refused):
        """Reference iam.md 2.2."""
        for number in range(10):
            iam.create_group(GroupName=f"g{number}")
            iam.add_user_to_group(GroupName=f"g{number}", UserName="ann")
        with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", 409):
            iam.add_user_to_group(GroupName="web", UserName="ann")

    def test_both_sides_are_paged(self, iam, web, pages):
        names = ["b1", "b2", "b3", "b4", "b5"]
        for name in names:
            iam.create_user(UserName=name)
            iam.add_user_to_group(GroupName="web", UserName=name)
            iam.create_group(GroupName=name)
            iam.add_user_to_group(GroupName=name, UserName="ann")
        assert names == [user["UserName"] for user in pages(iam.get_group, "Users", GroupName="web")]
        found = pages(iam.list_groups_for_user, "Groups", UserName="ann")
        assert names == [group["GroupName"] for group in found]

    def test_a_groups_policies_are_its_users(self, iam, web, understudy, policy, refused):
        client = understudy.client("iam", as_=understudy.user("bob"))
        iam.put_group_policy(GroupName="web", PolicyName="p", PolicyDocument=policy("iam:ListUsers"))
        with refused("AccessDenied"):
            client.list_users()
        iam.add_user_to_group(GroupName="web", UserName="bob")
        assert client.list_users()["Users"]
        iam.remove_user_from_group(GroupName="web", UserName="bob")
        with refused("AccessDenied"):
            client.list_users()


class TestListGroups:
    def test_pages_hold_every_group_of_the_path_once(self, iam, web, pages):
        for name in ("c", "a", "b"):
            iam.create_group(GroupName=name)
        found = [group["GroupName"] for group in pages(iam.list_groups, "Groups")]
        assert ["a", "b", "c", "Web"] == found
        found = [group["GroupName"] for group in pages(iam.list_groups, "Groups", PathPrefix="/teams/")]
        assert ["Web"] == found


class TestUpdateGroup:
    def test_users_and_policies_stay(self, iam, web, policy):
        iam.add_user_to_group(GroupName="web", UserName="ann")
        iam.put_group_policy(GroupName="web", PolicyName="p", PolicyDocument=policy())
        iam.update_group(GroupName="web", NewGroupName="api", NewPath="/")
        assert ["ann"] == members(iam, "api")
        assert ["p"] == iam.list_group_policies(GroupName="api")["PolicyNames"]
        (group,) = iam.list_groups_for_user(UserName="ann")["Groups"]
        assert (web["GroupId"], "api", "/") == (group["GroupId"], group["GroupName"], group["Path"])

    def test_another_groups_name_is_taken(self, iam, web, refused):
        iam.create_group(GroupName="api")
        with refused("EntityAlreadyExists", "Group with name API already exists.", 409):
            iam.update_group(GroupName="web", NewGroupName="API")

    def test_it_takes_the_permission_on_both_names(self, iam, web, understudy, refused, policy):
        one = policy("iam:UpdateGroup", web["Arn"])
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(one)))
        with refused("AccessDenied", status=403):
            client.update_group(GroupName="web", NewGroupName="Webs")
        both = policy("iam:UpdateGroup", [web["Arn"], web["Arn"] + "s"])
        iam.put_user_policy(UserName="clerk", PolicyName="given", PolicyDocument=both)
        client.update_group(GroupName="web", NewGroupName="Webs")


class TestDeleteGroup:
    def test_what_is_in_it_must_be_taken_out_first(self, iam, web, refused, policy):
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        iam.add_user_to_group(GroupName="web", UserName="ann")
        iam.put_group_policy(GroupName="web", PolicyName="p", PolicyDocument=policy())
        iam.attach_group_policy(GroupName="web", PolicyArn=arn)
        with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
            iam.delete_group(GroupName="web")
        iam.detach_group_policy(GroupName="web", PolicyArn=arn)
        with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
            iam.delete_group(GroupName="web")
        iam.delete_group_policy(GroupName="web", PolicyName="p")
        with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
            iam.delete_group(GroupName="web")
        iam.remove_user_from_group(GroupName="web", UserName="ann")
        iam.delete_group(GroupName="web")
        with refused("NoSuchEntity", "The group with name web cannot be found.", 404):
            iam.get_group(GroupName="web")
