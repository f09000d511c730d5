"""Trust policies: kept by unique id, shown by name (iam.md 2.5)."""

from __future__ import annotations

import json

import pytest
from refusals import refused

from understudy_aws.testing import Credentials, Understudy

# Both blanks are AWS's.
ACTIONS = (
    "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  "
    "and sts:AssumeRoleWithWebIdentity"
)


def trusting(*principals, action="sts:AssumeRole"):
    """A trust policy that trusts these AWS principals."""
    named = list(principals) if len(principals) != 1 else principals[0]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": named}, "Action": action}],
        }
    )


def for_services(*names):
    statement = {"Effect": "Allow", "Principal": {"Service": names}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def shown(iam, name="trusted"):
    document = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    return document["Statement"][0]["Principal"]["AWS"]


@pytest.fixture
def alice(iam):
    return iam.create_user(UserName="Alice", Path="/staff/")["User"]


@pytest.fixture
def keys(iam, alice):
    key = iam.create_access_key(UserName="Alice")["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


class TestShown:
    def test_users_and_roles_are_shown_by_arn_one_or_many(self, iam, alice, role):
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(alice["Arn"]))
        assert alice["Arn"] == shown(iam)
        both = [alice["Arn"], role["Arn"]]
        iam.update_assume_role_policy(RoleName="trusted", PolicyDocument=trusting(*both))
        assert both == shown(iam)
        (listed,) = [each for each in iam.list_roles()["Roles"] if each["RoleName"] == "trusted"]
        assert both == listed["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]

    @pytest.mark.parametrize(
        "principal",
        ["*", "123456789012", "arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:assumed-role/r/s"],
    )
    def test_what_is_no_user_or_role_stays_as_sent(self, iam, principal):
        """A bare account id stays one, as recorded."""
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(principal))
        assert principal == shown(iam)

    def test_a_deleted_user_is_shown_by_his_id_and_cannot_be_sent_back(self, iam, alice, refused):
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(alice["Arn"]))
        iam.delete_user(UserName="alice")
        assert alice["UserId"] == shown(iam)
        text = f'Invalid principal in policy: "AWS":"{alice["UserId"]}"'
        with refused("MalformedPolicyDocument", text, 400):
            iam.update_assume_role_policy(
                RoleName="trusted", PolicyDocument=trusting(alice["UserId"], "123456789012")
            )

    def test_a_user_under_his_id_is_shown_by_arn(self, iam, alice):
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(alice["UserId"]))
        assert alice["Arn"] == shown(iam)

    def test_a_user_by_another_name_is_still_trusted(self, iam, alice, keys, understudy):
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(alice["Arn"]))
        iam.update_user(UserName="Alice", NewUserName="Alicia")
        assert shown(iam).endswith(":user/staff/Alicia")
        sts = understudy.client("sts", as_=keys)
        sts.assume_role(RoleArn=f"arn:aws:iam::{understudy.account}:role/trusted", RoleSessionName="xx")


class TestRefused:
    @pytest.mark.parametrize(
        "principal",
        [
            "arn:aws:iam::000000000000:user/Nobody",
            "arn:aws:iam::000000000000:role/nothing",
            "arn:aws:iam::000000000000:user/Alice",
            "arn:aws:iam::000000000000:user/staff/alice",
            "arn:aws:iam::000000000000:role/*",
            "arn:aws:iam::000000000000:group/all",
            "Alice",
            "AIDA00000000000000000",
            "arn:aws:iam::000000000000:rootkit",
            "arn:aws:iam::000000000000:root/admin",
            "arn:aws:iam::000000000000:root\n",
            "arn:aws:sts::000000000000:assumed-role/nothing",
            "arn:aws:sts::000000000000:assumed-role/some/path/session",
            "arn:aws:sts::000000000000:federated-user/",
        ],
    )
    def test_only_who_exists_can_be_trusted(self, iam, alice, refused, principal):
        """Principals compare with case and path; wildcards and groups are none (policies.md 4.3)."""
        text = f'Invalid principal in policy: "AWS":"{principal}"'
        with refused("MalformedPolicyDocument", text, 400):
            iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(principal))

    def test_an_escaped_letter_hides_nobody(self, iam, refused):
        document = trusting("arn:aws:iam::000000000000:user/Nobody").replace(":user/", ":\\u0075ser/")
        with refused("MalformedPolicyDocument"):
            iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=document)

    @pytest.mark.parametrize(
        ("document", "text"),
        [
            ("{", "This policy contains invalid Json"),
            (
                trusting("*").replace('"Action"', '"Resource": "*", "Action"'),
                "Has prohibited field Resource.",
            ),
            (trusting("*", action="s3:GetObject"), ACTIONS),
        ],
    )
    def test_a_malformed_policy_is_told_why(self, iam, refused, document, text):
        with refused("MalformedPolicyDocument", text, 400):
            iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=document)

    def test_a_refused_update_leaves_the_old_one(self, iam, role, refused):
        with refused("MalformedPolicyDocument"):
            iam.update_assume_role_policy(RoleName="builder", PolicyDocument=trusting("Nobody"))
        assert (
            role["AssumeRolePolicyDocument"]
            == iam.get_role(RoleName="builder")["Role"]["AssumeRolePolicyDocument"]
        )


class TestMadeAgain:
    """Deleted and made again is somebody else."""

    def test_a_user_made_again_is_not_trusted(self, iam, understudy, alice):
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(alice["Arn"]))
        iam.delete_user(UserName="Alice")
        again = iam.create_user(UserName="Alice", Path="/staff/")["User"]
        assert alice["Arn"] == again["Arn"]
        key = iam.create_access_key(UserName="Alice")["AccessKey"]
        sts = understudy.client("sts", as_=Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
        arn = f"arn:aws:iam::{understudy.account}:role/trusted"
        with refused("AccessDenied"):
            sts.assume_role(RoleArn=arn, RoleSessionName="xx")
        iam.update_assume_role_policy(RoleName="trusted", PolicyDocument=trusting(again["Arn"]))
        sts.assume_role(RoleArn=arn, RoleSessionName="xx")

    def test_a_role_made_again_is_not_trusted(self, iam, understudy):
        first = trusting(f"arn:aws:iam::{understudy.account}:user/Administrator")
        middle = iam.create_role(RoleName="middle", AssumeRolePolicyDocument=first)["Role"]
        iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=trusting(middle["Arn"]))
        arn = f"arn:aws:iam::{understudy.account}:role/trusted"

        def session():
            answer = understudy.client("sts").assume_role(RoleArn=middle["Arn"], RoleSessionName="ss")
            return understudy.client("sts", as_=understudy.session_of(answer))

        session().assume_role(RoleArn=arn, RoleSessionName="xx")
        iam.delete_role(RoleName="middle")
        iam.create_role(RoleName="middle", AssumeRolePolicyDocument=first)
        with refused("AccessDenied"):
            session().assume_role(RoleArn=arn, RoleSessionName="xx")


class TestServicePrincipals:
    @pytest.mark.parametrize("name", ["tagging.amazonaws.com", "amazonaws.com", "nope.amazonaws.com"])
    def test_a_service_that_aws_does_not_have_is_refused(self, iam, role, name):
        """hashicorp/terraform#35086, aws-samples/aws-cdk-examples#801: new and changed trust policies alike."""
        text = f'Invalid principal in policy: "SERVICE":"{name}"'
        document = for_services("ec2.amazonaws.com", name)
        with refused("MalformedPolicyDocument", text):
            iam.create_role(RoleName="other", AssumeRolePolicyDocument=document)
        with refused("MalformedPolicyDocument", text):
            iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=document)

    def test_the_owner_may_know_more_of_them(self):
        document = for_services("brand-new.amazonaws.com", "ec2.amazonaws.com")
        with Understudy(
            known_service_principals="newer.amazonaws.com, brand-new.amazonaws.com"
        ) as understudy:
            iam = understudy.client("iam")
            iam.create_role(RoleName="trusted", AssumeRolePolicyDocument=document)
            kept = iam.get_role(RoleName="trusted")["Role"]["AssumeRolePolicyDocument"]
            assert json.loads(document) == kept

    def test_another_partitions_account_is_nobody(self, iam):
        """DataDog/cloudformation-template#71."""
        arn = "arn:aws-us-gov:iam::111122223333:root"
        with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"'):
            iam.create_role(RoleName="other", AssumeRolePolicyDocument=trusting(arn))
