"""Service-linked roles, through boto3 (service-linked-roles.md 1)."""

from __future__ import annotations

import json

import pytest

PRINCIPAL = "networking.apprunner.amazonaws.com"
NAME = "AWSServiceRoleForAppRunnerNetworking"
ARN = f"arn:aws:iam::000000000000:role/aws-service-role/{PRINCIPAL}/{NAME}"
POLICY = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy"
PROTECTED = (
    f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS"
)


@pytest.fixture
def linked(iam):
    """The networking role of App Runner, as a person makes it."""
    return iam.create_service_linked_role(AWSServiceName=PRINCIPAL, Description="mine")["Role"]


class TestCreate:
    def test_the_answer_has_few_fields_and_lists_in_its_trust(self, linked):
        """No description even when one was given: service-linked-roles.md 1.1."""
        assert set(linked) == {
            "Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument",
        }  # fmt: skip
        assert (linked["Path"], linked["RoleName"]) == (f"/aws-service-role/{PRINCIPAL}/", NAME)
        assert linked["Arn"] == ARN
        assert linked["RoleId"].startswith("AROA")
        (statement,) = linked["AssumeRolePolicyDocument"]["Statement"]
        assert list(statement.items()) == [
            ("Action", ["sts:AssumeRole"]),
            ("Effect", "Allow"),
            ("Principal", {"Service": [PRINCIPAL]}),
        ]

    def test_get_role_shows_the_rest_and_no_lists(self, iam, linked):
        role = iam.get_role(RoleName=NAME)["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole",
        }  # fmt: skip
        assert (role["Description"], role["MaxSessionDuration"], role["RoleLastUsed"]) == ("mine", 3600, {})
        assert "Tags" not in role

    def test_made_by_a_person_it_has_no_description_of_its_own(self, iam):
        iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
        assert "Description" not in iam.get_role(RoleName=NAME)["Role"]

    def test_its_one_policy_is_its_services(self, iam, linked):
        (attached,) = iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
        assert attached["PolicyArn"] == POLICY
        assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == []

    def test_a_name_is_taken_once(self, iam, linked, refused):
        """Not EntityAlreadyExists: recorded at AWS."""
        text = f"Service role name {NAME} has been taken in this account, please try a different suffix."
        with refused("InvalidInput", text, 400):
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL)

    def test_an_ordinary_role_of_that_name_takes_it_too(self, iam, refused):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
            ],
        }
        iam.create_role(RoleName=NAME.lower(), AssumeRolePolicyDocument=json.dumps(trust))
        with refused("InvalidInput", status=400):
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL)

    def test_the_suffix_is_refused_before_the_name(self, iam, linked, refused):
        with refused("InvalidInput", f"Custom suffix is not allowed for {PRINCIPAL}", 400):
            iam.create_service_linked_role(AWSServiceName=PRINCIPAL, CustomSuffix="x")

    def test_where_suffixes_are_taken_each_makes_a_role(self, iam):
        for suffix in ("a", "b"):
            role = iam.create_service_linked_role(
                AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix
            )["Role"]
            assert role["RoleName"] == f"AWSServiceRoleForAutoScaling_{suffix}"

    @pytest.mark.parametrize("principal", ["nobody.amazonaws.com", PRINCIPAL.upper()])
    def test_a_service_without_template_has_none(self, iam, refused, principal):
        with refused("AccessDenied", f"Cannot find Service Linked Role template for {principal}", 403):
            iam.create_service_linked_role(AWSServiceName=principal)

    @pytest.mark.parametrize("principal", ["", "a b.amazonaws.com", "x" * 129])
    def test_a_principal_has_a_form(self, iam, refused, principal):
        with refused("ValidationError", status=400):
            iam.create_service_linked_role(AWSServiceName=principal)

    def test_denials_name_the_role_it_would_be(self, understudy, refused):
        nobody = understudy.client("iam", as_=understudy.user("nobody"))
        text = (
            "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: "
            f"iam:CreateServiceLinkedRole on resource: {ARN} because no identity-based policy allows the "
            "iam:CreateServiceLinkedRole action"
        )
        with refused("AccessDenied", text, 403):
            nobody.create_service_linked_role(AWSServiceName=PRINCIPAL)

    def test_the_policy_aws_prints_allows_one_service(self, understudy, refused):
        """Reference service-linked-roles.md 1.7."""
        statement = {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": f"arn:aws:iam::*:role/aws-service-role/{PRINCIPAL}/{NAME}*",
            "Condition": {"StringLike": {"iam:AWSServiceName": PRINCIPAL}},
        }
        keys = understudy.user("maker", {"Version": "2012-10-17", "Statement": [statement]})
        maker = understudy.client("iam", as_=keys)
        maker.create_service_linked_role(AWSServiceName=PRINCIPAL)
        with refused("AccessDenied", status=403):
            maker.create_service_linked_role(AWSServiceName="apprunner.amazonaws.com")


CHANGES = {
    "update_assume_role_policy": {"PolicyDocument": '{"Version":"2012-10-17","Statement":[]}'},
    "attach_role_policy": {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    "detach_role_policy": {"PolicyArn": POLICY},
    "put_role_policy": {"PolicyName": "x", "PolicyDocument": "{}"},
    "delete_role_policy": {"PolicyName": "absent"},
    "put_role_permissions_boundary": {"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    "delete_role_permissions_boundary": {},
    "delete_role": {},
    "add_role_to_instance_profile": {"InstanceProfileName": "absent"},
    "remove_role_from_instance_profile": {"InstanceProfileName": "absent"},
}


class TestWhatMayBeDoneToOne:
    """Reference service-linked-roles.md 1.2."""

    @pytest.mark.parametrize("operation", CHANGES)
    def test_it_is_modified_by_aws_alone(self, iam, linked, refused, operation):
        with refused("UnmodifiableEntity", PROTECTED, 400):
            getattr(iam, operation)(RoleName=NAME, **CHANGES[operation])

    @pytest.mark.parametrize("operation", CHANGES)
    def test_permission_is_asked_before(self, understudy, linked, refused, operation):
        nobody = understudy.client("iam", as_=understudy.user("nobody"))
        with refused("AccessDenied", status=403):
            getattr(nobody, operation)(RoleName=NAME, **CHANGES[operation])

    def test_its_description_may_change_and_its_sessions_not(self, iam, linked, refused):
        iam.update_role(RoleName=NAME, Description="first")
        assert iam.get_role(RoleName=NAME)["Role"]["Description"] == "first"
        answer = iam.update_role_description(RoleName=NAME, Description="second")["Role"]
        assert answer["Description"] == "second"
        assert "MaxSessionDuration" not in answer
        text = f"{NAME} is an AWS service linked role, max session duration cannot be changed."
        with refused("UnmodifiableEntity", text, 400):
            iam.update_role(RoleName=NAME, MaxSessionDuration=7200, Description="third")
        assert iam.get_role(RoleName=NAME)["Role"]["Description"] == "second"

    @pytest.mark.parametrize(
        "change", [{"MaxSigninSessionDuration": 3600}, {"ResetMaxSigninSessionDuration": True}]
    )
    def test_nor_may_its_sign_in_sessions(self, iam, linked, refused, change):
        text = f"{NAME} is an AWS service linked role, max signin session duration cannot be changed."
        with refused("UnmodifiableEntity", text, 400):
            iam.update_role(RoleName=NAME, Description="third", **change)
        role = iam.get_role(RoleName=NAME)["Role"]
        assert role.get("Description") != "third"
        assert "MaxSigninSessionDuration" not in role

    def test_it_may_be_tagged_once_it_is_there(self, iam, linked):
        iam.tag_role(RoleName=NAME, Tags=[{"Key": "team", "Value": "a"}])
        assert iam.list_role_tags(RoleName=NAME)["Tags"] == [{"Key": "team", "Value": "a"}]
        iam.untag_role(RoleName=NAME, TagKeys=["team"])
        assert iam.list_role_tags(RoleName=NAME)["Tags"] == []

    def test_everything_about_it_can_be_read(self, iam, linked):
        assert [role["Arn"] for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]] == [ARN]
        assert iam.list_instance_profiles_for_role(RoleName=NAME)["InstanceProfiles"] == []


class TestWhoMayUseOne:
    def test_not_even_the_administrator_may_assume_it(self, understudy, linked, refused):
        """Reference service-linked-roles.md 1.8."""
        text = (
            "User: arn:aws:iam::000000000000:user/Administrator is not authorized to perform: sts:AssumeRole "
            f"on resource: {ARN} because no role trust policy allows the sts:AssumeRole action"
        )
        with refused("AccessDenied", text, 403):
            understudy.client("sts").assume_role(RoleArn=ARN, RoleSessionName="mine")

    def test_its_policy_is_attached_to_nobody_else(self, iam, role, refused):
        """Reference service-linked-roles.md 1.3."""
        with refused("PolicyNotAttachable", "Cannot attach AWS reserved policy to an IAM role.", 400):
            iam.attach_role_policy(RoleName="builder", PolicyArn=POLICY)


class TestBeingLinked:
    """It is a property of the role, which nothing else gives (service-linked-roles.md 1.4)."""

    def test_a_role_that_looks_like_one_is_ordinary(self, iam, refused):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
            ],
        }
        iam.create_role(RoleName=NAME.lower(), AssumeRolePolicyDocument=json.dumps(trust))
        with refused("NoSuchEntity", f"{NAME.lower()} exists but is not a service role.", 404):
            iam.delete_service_linked_role(RoleName=NAME.lower())
        iam.delete_role(RoleName=NAME.lower())
