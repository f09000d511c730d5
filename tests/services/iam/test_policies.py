"""Managed policies: service-linked-roles.md 1.3, iam.md 2.2, 2.4, 2.6."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from understudy_aws.data import managed_policies
from understudy_aws.services.iam.policies import aws_policies
from understudy_aws.services.iam.policy_records import policies

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def reader(iam, policy):
    """A managed policy of the account; its ARN."""
    return iam.create_policy(PolicyName="Reader", PolicyDocument=policy())["Policy"]["Arn"]


def names(answer):
    return [policy["PolicyName"] for policy in answer["Policies"]]


class TestCreatePolicy:
    def test_it_answers_what_aws_answers(self, iam, understudy, policy):
        """Reference iam.md 2.6: no description, although one was given."""
        made = iam.create_policy(
            PolicyName="Reader", Path="/apps/", Description="reads", PolicyDocument=policy()
        )["Policy"]
        assert made.pop("CreateDate") == made.pop("UpdateDate")
        assert made.pop("PolicyId").startswith("ANPA")
        assert {
            "PolicyName": "Reader",
            "Arn": f"arn:aws:iam::{understudy.account}:policy/apps/Reader",
            "Path": "/apps/",
            "DefaultVersionId": "v1",
            "AttachmentCount": 0,
            "PermissionsBoundaryUsageCount": 0,
            "IsAttachable": True,
        } == made

    def test_names_are_unique_whatever_their_path_and_case(self, iam, reader, refused, policy):
        with refused(
            "EntityAlreadyExists",
            "A policy called READER already exists. Duplicate names are not allowed.",
            409,
        ):
            iam.create_policy(PolicyName="READER", Path="/x/", PolicyDocument=policy())

    def test_a_bad_document_is_refused(self, iam, refused):
        """Reference iam.md 2.5."""
        with refused("MalformedPolicyDocument", status=400):
            iam.create_policy(PolicyName="p", PolicyDocument='{"Statement": 1}')
        assert [] == names(iam.list_policies(Scope="Local"))

    def test_size_counts_without_white_space(self, iam, refused, policy):
        """Reference iam.md 2.2."""
        fits = policy(resource="arn:aws:s3:::" + "x" * 900) + " " * 6000
        iam.create_policy(PolicyName="airy", PolicyDocument=fits)
        statements = [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "x" * 1000}
        ] * 6
        with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409):
            iam.create_policy(
                PolicyName="dense",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
            )

    def test_an_account_has_fifteen_hundred_at_most(self, iam, understudy, reader, refused, policy):
        with understudy.app.database.transaction() as tx:
            (one,) = policies.scan(tx, understudy.account)
            for number in range(1499):
                policies.put(tx, type(one)(**{**_fields(one), "name": f"p{number}"}))
        with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: 1500", 409):
            iam.create_policy(PolicyName="one-too-many", PolicyDocument=policy())


def _fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


class TestGetPolicy:
    def test_the_description_is_there(self, iam, policy):
        arn = iam.create_policy(PolicyName="p", Description="reads", PolicyDocument=policy())["Policy"]["Arn"]
        assert "reads" == iam.get_policy(PolicyArn=arn)["Policy"]["Description"]

    def test_attachments_and_boundaries_of_the_account_are_counted(self, iam, reader, role):
        iam.create_user(UserName="ann", PermissionsBoundary=reader)
        iam.create_group(GroupName="web")
        iam.attach_user_policy(UserName="ann", PolicyArn=reader)
        iam.attach_group_policy(GroupName="web", PolicyArn=reader)
        iam.attach_role_policy(RoleName="builder", PolicyArn=reader)
        for found in (
            iam.get_policy(PolicyArn=reader)["Policy"],
            iam.list_policies(Scope="Local")["Policies"][0],
        ):
            assert (3, 1) == (found["AttachmentCount"], found["PermissionsBoundaryUsageCount"])

    def test_another_accounts_attachments_are_not(self, understudy):
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        assert 1 == other.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]["AttachmentCount"]

    def test_another_accounts_policy_is_refused_whether_it_is_there_or_not(self, reader, understudy, refused):
        """A policy of IAM's has no resource policy that could let another account in."""
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        for arn in (reader, f"{reader}-that-is-not-there"):
            with refused("AccessDenied", status=403) as said:
                other.get_policy(PolicyArn=arn)
            assert "because no resource-based policy allows the iam:GetPolicy action" in said.text

    def test_an_arn_must_be_one(self, iam, refused):
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
            iam.get_policy(PolicyArn="AdministratorAccess" * 2)
        with refused("ValidationError", "Invalid ARN partition", 400):
            iam.get_policy(PolicyArn="arn:aws-cn:iam::aws:policy/AdministratorAccess")


class TestListPolicies:
    def test_scopes_part_aws_policies_from_the_accounts_own(self, iam, reader, pages):
        assert ["Reader"] == names(iam.list_policies(Scope="Local"))
        aws = [found["PolicyName"] for found in pages(iam.list_policies, "Policies", 1000, Scope="AWS")]
        assert {known.name for known in managed_policies.everything()} == set(aws)
        both = [found["PolicyName"] for found in pages(iam.list_policies, "Policies", 997)]
        assert sorted([*aws, "Reader"], key=str.lower) == both

    def test_names_of_aws_policies_differ_by_more_than_case(self):
        """The marker names them by their name in lower case."""
        found = [known.name.lower() for known in aws_policies()]
        assert sorted(set(found)) == found

    def test_two_policies_of_one_name_are_both_on_the_pages(self, iam, understudy, policy):
        own = f"arn:aws:iam::{understudy.account}:policy/AdministratorAccess"
        iam.create_policy(PolicyName="AdministratorAccess", PolicyDocument=policy())
        found = [each["Arn"] for each in iam.list_policies(MaxItems=1000)["Policies"]]
        at = found.index(own)
        assert ADMINISTRATOR == found[at + 1]
        first = iam.list_policies(MaxItems=at + 1)
        assert own == first["Policies"][-1]["Arn"]
        second = iam.list_policies(MaxItems=1, Marker=first["Marker"])
        assert [ADMINISTRATOR] == [each["Arn"] for each in second["Policies"]]
        third = iam.list_policies(MaxItems=1, Marker=second["Marker"])
        assert [found[at + 2]] == [each["Arn"] for each in third["Policies"]]

    def test_only_attached_takes_a_usage_filter(self, iam, reader, policy):
        """Reference iam.md 2.6: the filter has effect together with OnlyAttached alone."""
        bound = iam.create_policy(PolicyName="Bound", PolicyDocument=policy())["Policy"]["Arn"]
        iam.create_policy(PolicyName="Idle", PolicyDocument=policy())
        iam.create_user(UserName="ann", PermissionsBoundary=bound)
        iam.attach_user_policy(UserName="ann", PolicyArn=reader)

        def found(**how):
            return names(iam.list_policies(Scope="Local", **how))

        assert ["Bound", "Reader"] == found(OnlyAttached=True)
        assert ["Reader"] == found(OnlyAttached=True, PolicyUsageFilter="PermissionsPolicy")
        assert ["Bound"] == found(OnlyAttached=True, PolicyUsageFilter="PermissionsBoundary")
        assert ["Bound", "Idle", "Reader"] == found(PolicyUsageFilter="PermissionsBoundary")

    def test_a_path_prefix_chooses(self, iam):
        assert [] == names(iam.list_policies(PathPrefix="/no/such/path/"))
        reserved = iam.list_policies(PathPrefix="/aws-service-role/", MaxItems=1000)
        assert "AppRunnerNetworkingServiceRolePolicy" in names(reserved)

    def test_the_longest_prefix_leaves_the_marker_short_enough(self, iam, policy, pages):
        """Reference iam.md 2.7: markers have 320 characters at most."""
        path = "/" + "p" * 510 + "/"
        long_names = [letter * 128 for letter in "abc"]
        for name in long_names:
            iam.create_policy(PolicyName=name, Path=path, PolicyDocument=policy())
        found = pages(iam.list_policies, "Policies", 1, PathPrefix=path)
        assert long_names == [each["PolicyName"] for each in found]


class TestVersions:
    def test_a_new_version_is_in_force_when_asked_for(self, iam, reader, policy):
        second = iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy("s3:PutObject"))
        assert ("v2", False) == (
            second["PolicyVersion"]["VersionId"],
            second["PolicyVersion"]["IsDefaultVersion"],
        )
        iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy("s3:List*"), SetAsDefault=True)
        assert "v3" == iam.get_policy(PolicyArn=reader)["Policy"]["DefaultVersionId"]
        iam.set_default_policy_version(PolicyArn=reader, VersionId="v2")
        assert "v2" == iam.get_policy(PolicyArn=reader)["Policy"]["DefaultVersionId"]

    def test_what_is_in_force_decides(self, iam, understudy, policy, refused):
        arn = iam.create_policy(PolicyName="p", PolicyDocument=policy("iam:ListUsers"))["Policy"]["Arn"]
        client = understudy.client("iam", as_=understudy.user("ann"))
        iam.attach_user_policy(UserName="ann", PolicyArn=arn)
        assert client.list_users()
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy("iam:ListRoles"), SetAsDefault=True)
        with refused("AccessDenied"):
            client.list_users()
        assert client.list_roles()
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        assert client.list_users()

    def test_documents_come_back_as_they_were_sent(self, iam, policy):
        document = policy().replace(" ", "\n\t ") + "\n"
        arn = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
        assert json.loads(document) == version["Document"]

    def test_the_wire_carries_documents_url_encoded(self, understudy, reader, policy):
        """Reference iam.md 2.8; botocore decodes, so the raw body is looked at."""
        client = understudy.client("iam")
        bodies = []
        client.meta.events.register(
            "before-parse", lambda response_dict, **_: bodies.append(response_dict["body"])
        )
        client.get_policy_version(PolicyArn=reader, VersionId="v1")
        assert f"<Document>{quote(policy(), safe='')}</Document>".encode() in bodies[0]

    def test_there_are_five_at_most_and_no_number_comes_twice(self, iam, reader, refused, policy):
        """Reference iam.md 2.3."""
        for _ in range(4):
            iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        with refused(
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
            "version.",
            409,
        ):
            iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        iam.delete_policy_version(PolicyArn=reader, VersionId="v5")
        made = iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        assert "v6" == made["PolicyVersion"]["VersionId"]

    def test_they_are_listed_newest_first_without_documents(self, iam, reader, policy, pages):
        for _ in range(4):
            iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        found = pages(iam.list_policy_versions, "Versions", PolicyArn=reader)
        assert ["v5", "v4", "v3", "v2", "v1"] == [version["VersionId"] for version in found]
        assert {"VersionId", "IsDefaultVersion", "CreateDate"} == set(found[0])
        assert [False] * 4 + [True] == [version["IsDefaultVersion"] for version in found]

    def test_the_one_in_force_cannot_be_deleted(self, iam, reader, refused):
        with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
            iam.delete_policy_version(PolicyArn=reader, VersionId="v1")

    def test_one_that_is_not_there_is_not_found(self, iam, reader, refused):
        text = f"Policy {reader} version v7 does not exist or is not attachable."
        for operation in (iam.get_policy_version, iam.delete_policy_version, iam.set_default_policy_version):
            with refused("NoSuchEntity", text, 404):
                operation(PolicyArn=reader, VersionId="v7")

    def test_an_update_is_the_making_of_a_version(self, iam, understudy, reader, policy):
        made = iam.get_policy(PolicyArn=reader)["Policy"]
        understudy.clock.advance(60)
        iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        updated = iam.get_policy(PolicyArn=reader)["Policy"]
        assert made["CreateDate"] == updated["CreateDate"]
        assert made["UpdateDate"] < updated["UpdateDate"]
        understudy.clock.advance(60)
        iam.set_default_policy_version(PolicyArn=reader, VersionId="v2")
        assert updated["UpdateDate"] == iam.get_policy(PolicyArn=reader)["Policy"]["UpdateDate"]


class TestDeletePolicy:
    def test_a_policy_in_use_stays(self, iam, reader, refused):
        iam.create_user(UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn=reader)
        with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
            iam.delete_policy(PolicyArn=reader)
        iam.detach_user_policy(UserName="ann", PolicyArn=reader)
        iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=reader)
        with refused("DeleteConflict", status=409):
            iam.delete_policy(PolicyArn=reader)
        iam.delete_user_permissions_boundary(UserName="ann")
        iam.delete_policy(PolicyArn=reader)

    def test_other_versions_must_go_first(self, iam, reader, refused, policy):
        iam.create_policy_version(PolicyArn=reader, PolicyDocument=policy())
        with refused("DeleteConflict", status=409):
            iam.delete_policy(PolicyArn=reader)
        iam.delete_policy_version(PolicyArn=reader, VersionId="v2")
        iam.delete_policy(PolicyArn=reader)
        with refused("NoSuchEntity", f"Policy {reader} was not found.", 404):
            iam.get_policy(PolicyArn=reader)
        with refused("NoSuchEntity", f"Policy {reader} was not found.", 404):
            iam.delete_policy(PolicyArn=reader)


class TestAwsPolicies:
    """Reference service-linked-roles.md 1.3, recorded."""

    @pytest.mark.parametrize("arn", [ADMINISTRATOR, "arn:aws:iam::aws:policy/NoSuchPolicy"])
    def test_nobody_changes_them(self, iam, refused, policy, arn):
        with refused("AccessDenied", "Cannot delete policies outside your own account.", 403):
            iam.delete_policy(PolicyArn=arn)
        with refused("AccessDenied", "Cannot create versions for policies outside your own account.", 403):
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())
        with refused("AccessDenied", "Cannot update policies outside your own account.", 403):
            iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        with refused(
            "AccessDenied", "Cannot delete policy versions for policies outside your own account.", 403
        ):
            iam.delete_policy_version(PolicyArn=arn, VersionId="v1")

    def test_they_have_no_tags(self, iam, refused):
        with refused("InvalidInput", "Tags not supported for policies in this domain", 400):
            iam.tag_policy(PolicyArn=ADMINISTRATOR, Tags=[{"Key": "k", "Value": "v"}])
        with refused("InvalidInput", "Tags not supported for policies in this domain", 400):
            iam.untag_policy(PolicyArn=ADMINISTRATOR, TagKeys=["k"])
        assert [] == iam.list_policy_tags(PolicyArn=ADMINISTRATOR)["Tags"]

    def test_their_version_in_force_can_be_read(self, iam):
        known = managed_policies.find(ADMINISTRATOR)
        found = iam.get_policy_version(PolicyArn=ADMINISTRATOR, VersionId=known.version_id)["PolicyVersion"]
        assert json.loads(known.document) == found["Document"]
        (version,) = iam.list_policy_versions(PolicyArn=ADMINISTRATOR)["Versions"]
        assert version["IsDefaultVersion"]


class TestTags:
    def test_without_any_the_list_is_empty_when_one_policy_is_asked_for(self, iam, policy):
        """Reference iam.md 2.4."""
        made = iam.create_policy(PolicyName="p", PolicyDocument=policy())["Policy"]
        assert "Tags" not in made
        assert [] == iam.get_policy(PolicyArn=made["Arn"])["Policy"]["Tags"]
        assert [] == iam.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]["Tags"]

    def test_spellings_live_side_by_side(self, iam, policy):
        """Reference iam.md 2.4."""
        arn = iam.create_policy(
            PolicyName="p", PolicyDocument=policy(), Tags=[{"Key": "team", "Value": "a"}]
        )["Policy"]["Arn"]
        iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "Team", "Value": "b"}, {"Key": "team", "Value": "c"}])
        assert [{"Key": "Team", "Value": "b"}, {"Key": "team", "Value": "c"}] == iam.list_policy_tags(
            PolicyArn=arn
        )["Tags"]
        iam.untag_policy(PolicyArn=arn, TagKeys=["Team"])
        assert [{"Key": "team", "Value": "c"}] == iam.get_policy(PolicyArn=arn)["Policy"]["Tags"]

    def test_they_are_condition_keys(self, iam, understudy, policy, refused):
        arn = iam.create_policy(
            PolicyName="p", PolicyDocument=policy(), Tags=[{"Key": "Team", "Value": "web"}]
        )["Policy"]["Arn"]
        for name, value in (("inside", "web"), ("outside", "api")):
            guard = policy("iam:GetPolicy", Condition={"StringEquals": {"aws:ResourceTag/team": value}})
            understudy_client = understudy.client("iam", as_=understudy.user(name, json.loads(guard)))
            if name == "inside":
                assert understudy_client.get_policy(PolicyArn=arn)
                continue
            with refused("AccessDenied"):
                understudy_client.get_policy(PolicyArn=arn)
