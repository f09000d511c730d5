"""Roles, through boto3 (iam.md 2)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.services.iam.roles import ROLES_PER_ACCOUNT, TRUST_SIZE

SERVICE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}
    ],
}
TRUST = json.dumps(SERVICE_TRUST)
PLAIN = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}


class TestCreateRole:
    def test_it_shows_less_than_get_role(self, iam, policy):
        """Recorded at AWS: iam.md 2.6."""
        answer = iam.create_role(
            RoleName="full",
            Path="/a//b/",
            AssumeRolePolicyDocument=TRUST,
            Description="what for",
            MaxSessionDuration=7200,
        )["Role"]
        assert set(answer) == PLAIN
        assert answer["Arn"].endswith(":role/a//b/full")
        assert answer["RoleId"].startswith("AROA")
        assert len(answer["RoleId"]) == 21

    def test_boundary_and_tags_are_shown_when_given(self, iam, policy):
        arn = iam.create_policy(PolicyName="edge", PolicyDocument=policy())["Policy"]["Arn"]
        answer = iam.create_role(
            RoleName="full",
            AssumeRolePolicyDocument=TRUST,
            PermissionsBoundary=arn,
            Tags=[{"Key": "Team", "Value": "a"}],
        )["Role"]
        assert set(answer) == PLAIN | {"PermissionsBoundary", "Tags"}
        assert answer["PermissionsBoundary"] == {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": arn,
        }

    def test_a_boundary_must_exist_and_be_free_to_use(self, iam, understudy, refused):
        arn = f"arn:aws:iam::{understudy.account}:policy/nowhere"
        with refused("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404):
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
        reserved = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerServiceRolePolicy"
        with refused("PolicyNotAttachable", status=400):
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=reserved)
        assert iam.list_roles()["Roles"] == []

    def test_names_are_taken_whatever_their_case(self, iam, refused):
        iam.create_role(RoleName="Worker", AssumeRolePolicyDocument=TRUST)
        with refused("EntityAlreadyExists", "Role with name wORKER already exists.", 409):
            iam.create_role(RoleName="wORKER", AssumeRolePolicyDocument=TRUST)

    @pytest.mark.parametrize("path", ["no", "/no", "no/", "//", "/sp ace/", "/\x7f/"])
    def test_a_path_begins_and_ends_with_a_slash(self, iam, refused, path):
        with refused("ValidationError", status=400):
            iam.create_role(RoleName="r", Path=path, AssumeRolePolicyDocument=TRUST)

    @pytest.mark.parametrize(
        ("name", "path", "text"),
        [
            (
                "r",
                "/aws-service-role/apprunner.amazonaws.com/",
                "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
            ),
            ("r", "/aws-reserved/sso.amazonaws.com/", "Path prefix '/aws-reserved/' can only be used by AWS"),
            ("r", "/AWS-Reserved/", "Path prefix '/aws-reserved/' can only be used by AWS"),
            (
                "AWSServiceRoleForMe",
                "/",
                "Role name prefix AWSServiceRoleFor can only be used for AWS Service Linked Roles",
            ),
        ],
    )
    def test_what_is_reserved_for_aws_makes_no_role(self, iam, refused, name, path, text):
        """Reference service-linked-roles.md 1.4; the text for `/aws-reserved/` is ours (docs/decisions/0008)."""
        with refused("InvalidInput", text, 400):
            iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)

    def test_linked_roles_count_and_may_go_beyond_the_quota(self, iam, refused):
        """Reference service-linked-roles.md 1.1, iam.md 2.2, 2.3."""
        iam.create_service_linked_role(AWSServiceName="apprunner.amazonaws.com")
        for number in range(ROLES_PER_ACCOUNT - 1):
            iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
        with refused("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", 409):
            iam.create_role(RoleName="more", AssumeRolePolicyDocument=TRUST)
        iam.create_service_linked_role(AWSServiceName="networking.apprunner.amazonaws.com")

    def test_a_trust_policy_has_a_limit_that_white_space_does_not_touch(self, iam, refused):
        long = json.loads(TRUST)
        long["Statement"][0]["Sid"] = "x" * TRUST_SIZE
        with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409):
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(long))
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST + " " * TRUST_SIZE)

    def test_the_permission_to_tag_is_asked_too(self, understudy, policy, refused):
        creator = understudy.client("iam", as_=understudy.allowing("creator", "iam:CreateRole"))
        creator.create_role(RoleName="plain", AssumeRolePolicyDocument=TRUST)
        with refused("AccessDenied", status=403) as caught:
            creator.create_role(
                RoleName="tagged", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "k", "Value": "v"}]
            )
        assert "iam:TagRole on resource: arn:aws:iam::000000000000:role/tagged" in caught.text

    def test_authorization_comes_after_forms_and_before_the_rules_of_tags(self, understudy, refused):
        """Recorded at AWS: policies.md 4.8."""
        nobody = understudy.client("iam", as_=understudy.user("nobody"))
        twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        with refused("AccessDenied", status=403):
            nobody.create_role(RoleName="r", AssumeRolePolicyDocument="{", Tags=twice)
        with refused("ValidationError", status=400):
            nobody.create_role(RoleName="r" * 65, AssumeRolePolicyDocument="{", Tags=twice)


class TestGetRole:
    def test_it_shows_everything_set_and_always_duration_and_last_use(self, iam):
        iam.create_role(RoleName="Bare", AssumeRolePolicyDocument=TRUST)
        role = iam.get_role(RoleName="bare")["Role"]
        assert set(role) == PLAIN | {"MaxSessionDuration", "RoleLastUsed"}
        assert (role["RoleName"], role["MaxSessionDuration"], role["RoleLastUsed"]) == ("Bare", 3600, {})

    def test_trust_is_shown_as_it_was_sent_lists_included(self, iam):
        """Reference iam.md 2.6."""
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        assert SERVICE_TRUST == iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]

    def test_one_that_is_not_there_is_not_found(self, iam, refused):
        with refused("NoSuchEntity", "The role with name Nobody cannot be found.", 404):
            iam.get_role(RoleName="Nobody")

    def test_denials_name_the_stored_name(self, iam, understudy, refused):
        """Reference iam.md 2.1, policies.md 4.9."""
        iam.create_role(RoleName="Worker", Path="/deep/", AssumeRolePolicyDocument=TRUST)
        nobody = understudy.client("iam", as_=understudy.user("nobody"))
        with refused("AccessDenied", status=403) as caught:
            nobody.get_role(RoleName="WORKER")
        assert caught.text == (
            "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: iam:GetRole on resource: "
            "role Worker because no identity-based policy allows the iam:GetRole action"
        )


class TestListRoles:
    def test_it_shows_neither_tags_nor_last_use(self, iam, policy):
        """Reference iam.md 2.6."""
        arn = iam.create_policy(PolicyName="edge", PolicyDocument=policy())["Policy"]["Arn"]
        iam.create_role(
            RoleName="r",
            AssumeRolePolicyDocument=TRUST,
            Description="d",
            Tags=[{"Key": "k", "Value": "v"}],
            PermissionsBoundary=arn,
        )
        (role,) = iam.list_roles()["Roles"]
        assert set(role) == PLAIN | {"Description", "MaxSessionDuration"}

    def test_pages_hold_every_role_once_by_name(self, iam, pages):
        names = ["B", "a", "C", "d", "E"]
        for name in names:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        assert sorted(names, key=str.lower) == [role["RoleName"] for role in pages(iam.list_roles, "Roles")]

    def test_a_path_prefix_chooses(self, iam):
        for name, path in (("a", "/x/"), ("b", "/x/y/"), ("c", "/z/")):
            iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)
        found = iam.list_roles(PathPrefix="/x/")["Roles"]
        assert [role["RoleName"] for role in found] == ["a", "b"]

    def test_a_marker_goes_on_where_a_deleted_role_was(self, iam):
        for name in "abcd":
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        marker = iam.list_roles(MaxItems=2)["Marker"]
        iam.delete_role(RoleName="b")
        rest = iam.list_roles(Marker=marker)
        assert [role["RoleName"] for role in rest["Roles"]] == ["c", "d"]
        assert rest["IsTruncated"] is False


class TestUpdateRole:
    def test_what_is_left_out_stays(self, iam):
        """Recorded at AWS, against its reference: iam.md 2.4."""
        iam.create_role(
            RoleName="r", AssumeRolePolicyDocument=TRUST, Description="d", MaxSessionDuration=7200
        )
        answer = iam.update_role(RoleName="r", Description="")
        assert set(answer) == {"ResponseMetadata"}
        role = iam.get_role(RoleName="r")["Role"]
        assert (role["Description"], role["MaxSessionDuration"]) == ("", 7200)
        iam.update_role(RoleName="r", MaxSessionDuration=3600)
        assert iam.get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 3600

    def test_the_longest_sign_in_session_is_of_its_own(self, iam):
        """Reference iam.md 2.4: omitted where it is unset, independent of MaxSessionDuration."""
        made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, MaxSigninSessionDuration=7776000)
        assert made["Role"]["MaxSigninSessionDuration"] == 7776000
        iam.update_role(RoleName="r", MaxSessionDuration=7200, ResetMaxSigninSessionDuration=False)
        role = iam.get_role(RoleName="r")["Role"]
        assert (role["MaxSessionDuration"], role["MaxSigninSessionDuration"]) == (7200, 7776000)
        iam.update_role(RoleName="r", MaxSigninSessionDuration=3600)
        assert iam.list_roles()["Roles"][0]["MaxSigninSessionDuration"] == 3600
        for _ in range(2):
            iam.update_role(RoleName="r", ResetMaxSigninSessionDuration=True)
            assert "MaxSigninSessionDuration" not in iam.get_role(RoleName="r")["Role"]
            assert "MaxSigninSessionDuration" not in iam.list_roles()["Roles"][0]

    def test_a_list_has_it_of_roles_that_trust_a_role_too(self, iam, role):
        """Their rows are made anew for each list: the unique ids in their trust are names there."""
        trust = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::000000000000:role/builder"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        )
        iam.create_role(RoleName="z", AssumeRolePolicyDocument=trust, MaxSigninSessionDuration=3600)
        (last,) = [each for each in iam.list_roles()["Roles"] if each["RoleName"] == "z"]
        assert last["MaxSigninSessionDuration"] == 3600

    def test_it_is_not_set_and_reset_at_once(self, iam, role, refused):
        with refused("InvalidInput", status=400):
            iam.update_role(
                RoleName="builder", MaxSigninSessionDuration=3600, ResetMaxSigninSessionDuration=True
            )

    @pytest.mark.parametrize("seconds", [3599, 7776001])
    def test_sign_in_sessions_last_an_hour_to_ninety_days(self, iam, role, refused, seconds):
        with refused("ValidationError", status=400):
            iam.update_role(RoleName="builder", MaxSigninSessionDuration=seconds)
        with refused("ValidationError", status=400):
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, MaxSigninSessionDuration=seconds)

    @pytest.mark.parametrize("seconds", [3599, 43201])
    def test_sessions_last_an_hour_to_half_a_day(self, iam, role, refused, seconds):
        with refused("ValidationError", status=400):
            iam.update_role(RoleName="builder", MaxSessionDuration=seconds)

    def test_a_new_description_is_answered_with_few_fields(self, iam, role):
        """Reference iam.md 2.6."""
        answer = iam.update_role_description(RoleName="BUILDER", Description="new")["Role"]
        assert set(answer) == PLAIN | {"Description"}
        assert answer["RoleName"] == "builder"


class TestDeleteRole:
    @pytest.fixture
    def laden(self, iam, role, policy):
        iam.attach_role_policy(RoleName="builder", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.put_role_policy(RoleName="builder", PolicyName="own", PolicyDocument=policy())
        iam.create_instance_profile(InstanceProfileName="profile")
        iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="builder")

    def test_everything_is_taken_from_it_first(self, iam, laden, refused):
        """Reference iam.md 2.4."""
        with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
            iam.delete_role(RoleName="builder")
        iam.detach_role_policy(RoleName="builder", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
            iam.delete_role(RoleName="builder")
        iam.delete_role_policy(RoleName="builder", PolicyName="own")
        with refused(
            "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409
        ):
            iam.delete_role(RoleName="builder")
        iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="builder")
        iam.delete_role(RoleName="Builder")
        with refused("NoSuchEntity", "The role with name builder cannot be found.", 404):
            iam.get_role(RoleName="builder")

    def test_a_boundary_and_tags_do_not_keep_it(self, iam, role):
        iam.put_role_permissions_boundary(
            RoleName="builder", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"
        )
        iam.tag_role(RoleName="builder", Tags=[{"Key": "k", "Value": "v"}])
        iam.delete_role(RoleName="builder")

    def test_one_made_again_has_another_id(self, iam, role):
        iam.delete_role(RoleName="builder")
        again = iam.create_role(RoleName="builder", AssumeRolePolicyDocument=TRUST)["Role"]
        assert again["Arn"] == role["Arn"]
        assert again["RoleId"] != role["RoleId"]


class TestTags:
    def test_keys_compare_without_case_and_the_last_spelling_stays(self, iam, role):
        """Reference iam.md 2.4."""
        iam.tag_role(RoleName="builder", Tags=[{"Key": "Team", "Value": "a"}, {"Key": "x", "Value": ""}])
        iam.tag_role(RoleName="builder", Tags=[{"Key": "TEAM", "Value": "b"}])
        expected = [{"Key": "TEAM", "Value": "b"}, {"Key": "x", "Value": ""}]
        assert expected == iam.list_role_tags(RoleName="builder")["Tags"]
        iam.untag_role(RoleName="builder", TagKeys=["team", "aws:nothing"])
        assert iam.get_role(RoleName="builder")["Role"]["Tags"] == [{"Key": "x", "Value": ""}]

    def test_reserved_and_repeated_keys_are_refused(self, iam, role, refused):
        with refused("InvalidInput", "Tag keys beginning with aws: are reserved for system use.", 400):
            iam.tag_role(RoleName="builder", Tags=[{"Key": "AWS:x", "Value": "v"}])
        with refused(
            "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        ):
            iam.tag_role(RoleName="builder", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])

    def test_no_tags_at_all_are_refused(self, iam, role, refused):
        with refused("InvalidInput", status=400):
            iam.tag_role(RoleName="builder", Tags=[])
