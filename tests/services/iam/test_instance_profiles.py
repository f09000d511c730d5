"""Instance profiles, through boto3 (iam.md 2)."""

from __future__ import annotations

import pytest

from understudy_aws.services.iam.instance_profiles import PROFILES_PER_ACCOUNT

LINKED = "AWSServiceRoleForAppRunner"
PROTECTED = (
    f"Cannot perform the operation on the protected role '{LINKED}' - this role is only modifiable by AWS"
)


@pytest.fixture
def profile(iam):
    return iam.create_instance_profile(InstanceProfileName="Web", Path="/ec2/")["InstanceProfile"]


class TestCreate:
    def test_a_new_one_is_empty(self, profile):
        assert profile["Arn"].endswith(":instance-profile/ec2/Web")
        assert profile["InstanceProfileId"].startswith("AIPA")
        assert profile["Roles"] == []

    def test_names_are_taken_whatever_their_case(self, iam, profile, refused):
        with refused("EntityAlreadyExists", status=409):
            iam.create_instance_profile(InstanceProfileName="wEB")

    def test_an_account_has_so_many(self, iam, refused):
        for number in range(PROFILES_PER_ACCOUNT):
            iam.create_instance_profile(InstanceProfileName=f"p{number}")
        with refused("LimitExceeded", "Cannot exceed quota for InstanceProfilesPerAccount: 1000", 409):
            iam.create_instance_profile(InstanceProfileName="more")


class TestTheRoleInIt:
    def test_it_is_shown_with_the_profile_and_finds_it(self, iam, role, profile):
        iam.add_role_to_instance_profile(InstanceProfileName="WEB", RoleName="BUILDER")
        shown = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
        assert [each["Arn"] for each in shown["Roles"]] == [role["Arn"]]
        (listed,) = iam.list_instance_profiles_for_role(RoleName="builder")["InstanceProfiles"]
        assert listed["InstanceProfileName"] == "Web"

    def test_there_is_one(self, iam, role, profile, refused):
        iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="builder")
        text = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
        with refused("LimitExceeded", text, 409):
            iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="builder")

    def test_whoever_puts_it_there_must_be_allowed_to_pass_it(self, iam, understudy, role, profile, refused):
        adder = understudy.client("iam", as_=understudy.allowing("adder", "iam:AddRoleToInstanceProfile"))
        with refused("AccessDenied", status=403) as told:
            adder.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="builder")
        assert f"iam:PassRole on resource: {role['Arn']}" in told.text

    def test_it_keeps_the_profile(self, iam, role, profile, refused):
        iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="builder")
        text = "Cannot delete entity, must remove roles from instance profile first."
        with refused("DeleteConflict", text, 409):
            iam.delete_instance_profile(InstanceProfileName="Web")
        iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName="builder")
        iam.delete_instance_profile(InstanceProfileName="Web")
        with refused("NoSuchEntity", "Instance Profile Web cannot be found.", 404):
            iam.get_instance_profile(InstanceProfileName="Web")

    def test_one_that_is_not_in_it_is_not_found(self, iam, role, profile, refused):
        with refused("NoSuchEntity", status=404):
            iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName="builder")

    def test_a_linked_role_is_neither_put_nor_taken(self, iam, profile, refused):
        """Of a non-member too: service-linked-roles.md 1.2."""
        iam.create_service_linked_role(AWSServiceName="apprunner.amazonaws.com")
        with refused("UnmodifiableEntity", PROTECTED, 400):
            iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName=LINKED)
        with refused("UnmodifiableEntity", PROTECTED, 400):
            iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName=LINKED)


class TestLists:
    def test_pages_hold_every_profile_once_by_name(self, iam, pages):
        names = ["B", "a", "C", "d"]
        for name in names:
            iam.create_instance_profile(InstanceProfileName=name)
        found = pages(iam.list_instance_profiles, "InstanceProfiles")
        assert sorted(names, key=str.lower) == [each["InstanceProfileName"] for each in found]

    def test_a_path_prefix_chooses(self, iam, profile):
        iam.create_instance_profile(InstanceProfileName="other")
        (found,) = iam.list_instance_profiles(PathPrefix="/ec2/")["InstanceProfiles"]
        assert profile["Arn"] == found["Arn"]


class TestTags:
    def test_without_any_the_list_is_empty_when_one_profile_is_asked_for(self, iam):
        """Reference iam.md 2.4, where GetPolicy does so."""
        iam.create_instance_profile(InstanceProfileName="bare")
        assert [] == iam.get_instance_profile(InstanceProfileName="bare")["InstanceProfile"]["Tags"]

    def test_keys_that_differ_in_case_stay_side_by_side(self, iam, profile):
        iam.tag_instance_profile(
            InstanceProfileName="web", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        )
        tags = iam.list_instance_profile_tags(InstanceProfileName="Web")["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "A": "2"}
        iam.untag_instance_profile(InstanceProfileName="Web", TagKeys=["a"])
        (left,) = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["Tags"]
        assert left == {"Key": "A", "Value": "2"}
