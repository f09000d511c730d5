"""The organization itself."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError
from estates import SCP, Estate
from refusals import refused

ROLE = "AWSServiceRoleForOrganizations"


@pytest.fixture
def organizations(understudy):
    return understudy.client("organizations")


class TestCreateOrganization:
    def test_the_callers_account_manages_it(self, understudy, organizations):
        made = organizations.create_organization(FeatureSet="ALL")["Organization"]
        assert re.fullmatch("o-[a-z0-9]{10,32}", made["Id"])
        account = understudy.account
        assert {
            "Id": made["Id"],
            "Arn": f"arn:aws:organizations::{account}:organization/{made['Id']}",
            "FeatureSet": "ALL",
            "MasterAccountArn": f"arn:aws:organizations::{account}:account/{made['Id']}/{account}",
            "MasterAccountId": account,
            "MasterAccountEmail": f"account-{account}@example.com",
            "AvailablePolicyTypes": [{"Type": SCP, "Status": "ENABLED"}],
        } == made
        assert made == organizations.describe_organization()["Organization"]

    def test_it_begins_with_one_root_and_no_policy_type(self, understudy, organizations):
        """Shown to CloudFormation's users in 2024: whatever the feature set, all policy types are disabled at first."""
        made = organizations.create_organization()["Organization"]
        (root,) = organizations.list_roots()["Roots"]
        assert re.fullmatch("r-[a-z0-9]{4,32}", root["Id"])
        arn = f"arn:aws:organizations::{understudy.account}:root/{made['Id']}/{root['Id']}"
        assert {"Id": root["Id"], "Arn": arn, "Name": "Root", "PolicyTypes": []} == root

    def test_an_account_is_in_one_organization(self, organizations):
        organizations.create_organization()
        with refused(
            "AlreadyInOrganizationException",
            "The AWS account is already a member of an organization.",
            status=400,
        ):
            organizations.create_organization()

    def test_it_makes_the_service_linked_role(self, understudy, organizations):
        """User guide, "AWS Organizations and service-linked roles"."""
        organizations.create_organization()
        role = understudy.client("iam").get_role(RoleName=ROLE)["Role"]
        path = "/aws-service-role/organizations.amazonaws.com/"
        assert (path, ROLE) == (role["Path"], role["RoleName"])

    def test_without_the_permission_on_the_role_nothing_is_made(self, understudy):
        who = understudy.allowing("founder", "organizations:*")
        with refused("AccessDeniedForDependencyException") as told:
            understudy.client("organizations", as_=who).create_organization()
        assert "iam:CreateServiceLinkedRole" in told.text
        with refused("AWSOrganizationsNotInUseException"):
            understudy.client("organizations").describe_organization()

    def test_the_reason_of_a_dependency_is_told(self, understudy):
        who = understudy.allowing("founder", "organizations:*")
        with pytest.raises(ClientError) as caught:
            understudy.client("organizations", as_=who).create_organization()
        assert "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE" == caught.value.response["Reason"]


class TestDescribeOrganization:
    def test_an_account_in_none_is_told_so(self, organizations):
        with refused(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
            status=400,
        ):
            organizations.describe_organization()

    def test_a_member_sees_it(self, understudy):
        estate = Estate(understudy)
        member = understudy.client("organizations", as_=estate.administrator(estate.account()))
        assert (
            estate.organizations.describe_organization()["Organization"]
            == (member.describe_organization()["Organization"])
        )


class TestDeleteOrganization:
    def test_an_empty_one_goes_with_its_units_and_policies(self, understudy):
        estate = Estate(understudy, SCP)
        estate.unit("empty")
        estate.policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
        estate.organizations.delete_organization()
        with refused("AWSOrganizationsNotInUseException"):
            estate.organizations.describe_organization()
        again = Estate(understudy, SCP)
        names = [each["Name"] for each in again.organizations.list_policies(Filter=SCP)["Policies"]]
        assert ["FullAWSAccess"] == names

    def test_one_with_members_stays(self, understudy):
        estate = Estate(understudy)
        account = estate.account()
        text = "To delete an organization you must first remove all member accounts (except the master)."
        with refused("OrganizationNotEmptyException", text, status=400):
            estate.organizations.delete_organization()
        estate.organizations.remove_account_from_organization(AccountId=account)
        estate.organizations.delete_organization()

    def test_one_with_an_account_in_the_making_stays(self, understudy):
        estate = Estate(understudy)
        estate.organizations.create_account(Email="a@example.com", AccountName="a")
        with refused("OrganizationNotEmptyException"):
            estate.organizations.delete_organization()

    def test_a_member_cannot(self, understudy):
        estate = Estate(understudy)
        member = understudy.client("organizations", as_=estate.administrator(estate.account()))
        with refused(
            "AccessDeniedException", "You don't have permissions to access this resource.", status=400
        ):
            member.delete_organization()

    def test_its_role_can_be_deleted_afterwards_and_not_before(self, understudy):
        estate = Estate(understudy)
        iam = understudy.client("iam")

        def deleted():
            task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
            understudy.settle()
            return iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]

        assert "FAILED" == deleted()
        estate.organizations.delete_organization()
        assert "SUCCEEDED" == deleted()
