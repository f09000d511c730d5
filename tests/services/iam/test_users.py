"""Users: iam.md 2.1, 2.2, 2.4."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from understudy_aws.services.iam.users import User, users


def names(answer):
    return [user["UserName"] for user in answer["Users"]]


class TestCreateUser:
    def test_it_answers_the_user(self, iam, understudy):
        user = iam.create_user(UserName="Ann", Path="/staff/", Tags=[{"Key": "team", "Value": "a"}])["User"]
        assert f"arn:aws:iam::{understudy.account}:user/staff/Ann" == user["Arn"]
        assert ("Ann", "/staff/") == (user["UserName"], user["Path"])
        assert user["UserId"].startswith("AIDA")
        assert 21 == len(user["UserId"])
        assert [{"Key": "team", "Value": "a"}] == user["Tags"]

    def test_names_are_unique_whatever_their_case(self, iam, refused):
        """Reference iam.md 2.1."""
        iam.create_user(UserName="Ann")
        with refused("EntityAlreadyExists", "User with name ANN already exists.", 409):
            iam.create_user(UserName="ANN")

    def test_a_boundary_is_shown_and_must_exist(self, iam, refused):
        boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        user = iam.create_user(UserName="ann", PermissionsBoundary=boundary)["User"]
        assert {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        } == user["PermissionsBoundary"]
        absent = "arn:aws:iam::aws:policy/NoSuchPolicy"
        with refused("NoSuchEntity", f"Scope ARN: {absent} does not exist or is not attachable.", 404):
            iam.create_user(UserName="bob", PermissionsBoundary=absent)

    def test_an_account_has_five_thousand_at_most(self, iam, understudy, refused):
        """Reference iam.md 2.2."""
        with understudy.app.database.transaction() as tx:
            for number in range(4999):
                users.put(
                    tx,
                    User(
                        account=understudy.account,
                        name=f"u{number}",
                        id=f"AIDA{number:017d}",
                        created=datetime.now(UTC),
                    ),
                )
        with refused("LimitExceeded", "Cannot exceed quota for UsersPerAccount: 5000", 409):
            iam.create_user(UserName="one-too-many")
        iam.delete_user(UserName="u7")
        iam.create_user(UserName="fits")


class TestGetUser:
    def test_any_case_finds_the_user_as_he_was_made(self, iam):
        iam.create_user(UserName="Ann")
        assert "Ann" == iam.get_user(UserName="aNN")["User"]["UserName"]

    def test_without_a_name_it_is_the_caller(self, understudy):
        ann = understudy.client("iam", as_=understudy.allowing("ann", "iam:GetUser"))
        assert "ann" == ann.get_user()["User"]["UserName"]

    def test_a_role_must_name_a_user(self, iam, understudy, refused):
        """Reference iam.md 2.4, recorded."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": understudy.account},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        sts = understudy.client("sts")
        session = understudy.session_of(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session"))
        with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
            understudy.client("iam", as_=session).get_user()

    def test_nobody_is_not_found(self, iam, refused):
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            iam.get_user(UserName="nobody")


class TestListUsers:
    def test_pages_hold_every_user_once_by_name(self, iam, pages):
        for name in ("eve", "Bob", "ann", "Dan", "cat"):
            iam.create_user(UserName=name)
        found = [user["UserName"] for user in pages(iam.list_users, "Users")]
        assert ["Administrator", "ann", "Bob", "cat", "Dan", "eve"] == found

    def test_a_path_prefix_chooses(self, iam):
        iam.create_user(UserName="ann", Path="/staff/web/")
        iam.create_user(UserName="bob", Path="/guests/")
        assert ["ann"] == names(iam.list_users(PathPrefix="/staff/"))

    def test_what_is_deleted_between_pages_shifts_nothing(self, iam):
        for name in "abcdef":
            iam.create_user(UserName=name, Path="/x/")
        first = iam.list_users(PathPrefix="/x/", MaxItems=3)
        for user in first["Users"]:
            iam.delete_user(UserName=user["UserName"])
        rest = iam.list_users(PathPrefix="/x/", Marker=first["Marker"])
        assert ["d", "e", "f"] == names(rest)

    def test_a_marker_of_another_list_is_refused(self, iam, refused):
        """Reference iam.md 2.7: the filter must be the same."""
        for name in "ab":
            iam.create_user(UserName=name, Path="/x/")
        marker = iam.list_users(PathPrefix="/x/", MaxItems=1)["Marker"]
        with refused("ValidationError", "Invalid Marker."):
            iam.list_users(PathPrefix="/", Marker=marker)
        with refused("ValidationError", "Invalid Marker."):
            iam.list_users(Marker="made up")

    def test_boundaries_and_tags_are_not_listed(self, iam):
        iam.create_user(UserName="ann", Path="/x/", Tags=[{"Key": "k", "Value": "v"}])
        (user,) = iam.list_users(PathPrefix="/x/")["Users"]
        assert {"Path", "UserName", "UserId", "Arn", "CreateDate"} == set(user)


class TestUpdateUser:
    def test_keys_groups_and_policies_follow(self, iam, understudy, policy):
        keys = understudy.user("ann", json.loads(policy("iam:GetUser")))
        iam.create_group(GroupName="web")
        iam.add_user_to_group(GroupName="web", UserName="ann")
        before = iam.get_user(UserName="ann")["User"]["UserId"]
        iam.update_user(UserName="ann", NewUserName="Anna", NewPath="/staff/")
        assert before == iam.get_user(UserName="anna")["User"]["UserId"]
        assert [keys.access_key_id] == [
            key["AccessKeyId"] for key in iam.list_access_keys(UserName="Anna")["AccessKeyMetadata"]
        ]
        assert ["given"] == iam.list_user_policies(UserName="Anna")["PolicyNames"]
        assert ["Anna"] == names(iam.get_group(GroupName="web"))
        itself = understudy.client("iam", as_=keys).get_user()["User"]
        assert f"arn:aws:iam::{understudy.account}:user/staff/Anna" == itself["Arn"]

    def test_the_case_of_a_name_may_change(self, iam):
        iam.create_user(UserName="ann")
        iam.update_user(UserName="ann", NewUserName="ANN")
        assert "ANN" == iam.get_user(UserName="ann")["User"]["UserName"]

    def test_another_users_name_is_taken(self, iam, refused):
        iam.create_user(UserName="ann")
        iam.create_user(UserName="bob")
        with refused("EntityAlreadyExists", "User with name BOB already exists.", 409):
            iam.update_user(UserName="ann", NewUserName="BOB")
        assert "ann" == iam.get_user(UserName="ann")["User"]["UserName"]

    def test_it_takes_the_permission_on_both_names(self, iam, understudy, refused, policy):
        iam.create_user(UserName="ann")
        one = policy("iam:UpdateUser", f"arn:aws:iam::{understudy.account}:user/ann")
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(one)))
        with refused("AccessDenied", status=403):
            client.update_user(UserName="ann", NewUserName="anna")
        with refused("AccessDenied", status=403):
            client.update_user(UserName="ann", NewPath="/admins/")
        both = policy("iam:UpdateUser", f"arn:aws:iam::{understudy.account}:user/ann*")
        iam.put_user_policy(UserName="clerk", PolicyName="given", PolicyDocument=both)
        client.update_user(UserName="ann", NewUserName="anna")


class TestDeleteUser:
    """Reference iam.md 2.4: nothing is removed silently."""

    def test_what_a_user_has_must_be_taken_from_him_first(self, iam, refused, policy):
        iam.create_user(UserName="ann")
        iam.create_group(GroupName="web")
        iam.add_user_to_group(GroupName="web", UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy())
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        iam.attach_user_policy(UserName="ann", PolicyArn=arn)
        with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
            iam.delete_user(UserName="ann")
        iam.detach_user_policy(UserName="ann", PolicyArn=arn)
        with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
            iam.delete_user(UserName="ann")
        iam.delete_user_policy(UserName="ann", PolicyName="p")
        with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
            iam.delete_user(UserName="ann")
        iam.remove_user_from_group(GroupName="web", UserName="ann")
        with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
            iam.delete_user(UserName="ann")
        iam.delete_access_key(UserName="ann", AccessKeyId=key)
        iam.delete_user(UserName="ann")
        with refused("NoSuchEntity"):
            iam.get_user(UserName="ann")

    def test_a_boundary_goes_with_the_user(self, iam):
        iam.create_user(UserName="ann", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.delete_user(UserName="ann")


class TestPermissions:
    def test_conditions_see_the_boundary_of_a_new_user(self, understudy, refused, policy):
        boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        guard = policy("iam:CreateUser", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}})
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(guard)))
        with refused("AccessDenied"):
            client.create_user(UserName="free")
        client.create_user(UserName="bound", PermissionsBoundary=boundary)

    def test_tags_at_creation_take_the_permission_to_tag(self, understudy, refused):
        client = understudy.client("iam", as_=understudy.allowing("clerk", "iam:CreateUser"))
        client.create_user(UserName="plain")
        with refused("AccessDenied"):
            client.create_user(UserName="tagged", Tags=[{"Key": "k", "Value": "v"}])

    def test_a_users_tags_are_condition_keys(self, iam, understudy, refused, policy):
        for key in ("aws:ResourceTag/Team", "iam:ResourceTag/Team"):
            name = f"clerk-{key.partition(':')[0]}"
            guard = policy("iam:GetUser", Condition={"StringEquals": {key: "web"}})
            client = understudy.client("iam", as_=understudy.user(name, json.loads(guard)))
            iam.create_user(UserName=f"of-{name}", Tags=[{"Key": "team", "Value": "web"}])
            assert client.get_user(UserName=f"of-{name}")
            with refused("AccessDenied"):
                client.get_user(UserName=name)
