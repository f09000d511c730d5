"""Who reads a secret: identity policies, resource policies across accounts, and what the trail tells (secrets.md 22.3)."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, OTHER = "000000000000", "111122223333"


@pytest.fixture
def client(understudy):
    return understudy.client("secretsmanager")


@pytest.fixture
def arn(client):
    return client.create_secret(
        Name="web/db", SecretString="s3cret-value", Tags=[{"Key": "team", "Value": "web"}]
    )["ARN"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, action="secretsmanager:GetSecretValue", **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **more}


def reader(understudy, resource="*", condition=None, name="reader"):
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": resource}
    if condition:
        statement["Condition"] = condition
    who = understudy.user(name, {"Version": "2012-10-17", "Statement": [statement]})
    return understudy.client("secretsmanager", as_=who)


class TestIdentityPolicies:
    @pytest.mark.parametrize("pattern", ["web/db-??????", "web/*", "*"])
    def test_a_pattern_of_the_arn_allows_however_the_secret_is_named(self, understudy, arn, pattern):
        """Reference secrets.md 22.3: the six characters are part of the ARN that policies see."""
        resource = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{pattern}"
        client = reader(understudy, resource)
        for secret in ("web/db", arn, arn[:-7]):
            assert "s3cret-value" == client.get_secret_value(SecretId=secret)["SecretString"]

    def test_the_name_alone_is_no_arn_of_it(self, understudy, arn):
        resource = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:web/db"
        with refused("AccessDeniedException"):
            reader(understudy, resource).get_secret_value(SecretId="web/db")

    @pytest.mark.parametrize(
        ("key", "fits", "fits_not"),
        [
            ("secretsmanager:ResourceTag/team", "web", "api"),
            ("aws:ResourceTag/team", "web", "api"),
            ("secretsmanager:VersionStage", "AWSCURRENT", "AWSPREVIOUS"),
            ("secretsmanager:SecretPrimaryRegion", "us-east-1", "eu-west-1"),
        ],
    )
    def test_conditions(self, understudy, arn, key, fits, fits_not):
        for number, (text, allowed) in enumerate(((fits, True), (fits_not, False))):
            client = reader(understudy, condition={"StringEquals": {key: text}}, name=f"reader-{number}")
            if allowed:
                client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
            else:
                with refused("AccessDeniedException"):
                    client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")

    def test_deleting_at_once_can_be_forbidden(self, understudy, client, arn):
        statements = [
            {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "secretsmanager:DeleteSecret",
                "Resource": "*",
                "Condition": {"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "true"}},
            },
        ]
        who = understudy.user("careful", {"Version": "2012-10-17", "Statement": statements})
        careful = understudy.client("secretsmanager", as_=who)
        with refused("AccessDeniedException"):
            careful.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
        careful.delete_secret(SecretId=arn, RecoveryWindowInDays=7)

    def test_tags_at_creation_need_tag_resource(self, understudy):
        who = understudy.allowing("maker", "secretsmanager:CreateSecret")
        maker = understudy.client("secretsmanager", as_=who)
        with refused("AccessDeniedException") as told:
            maker.create_secret(Name="db", Tags=[{"Key": "team", "Value": "web"}])
        assert "secretsmanager:TagResource" in told.text
        maker.create_secret(Name="db")


class TestResourcePolicies:
    def test_another_account_may_do_what_its_policies_and_the_secret_s_allow(self, understudy, client, arn):
        there = understudy.client("secretsmanager", as_=understudy.account_administrator(OTHER))
        with refused("AccessDeniedException"):
            there.describe_secret(SecretId=arn)
        policy = document(allow({"AWS": OTHER}, "secretsmanager:DescribeSecret"))
        client.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
        assert "web/db" == there.describe_secret(SecretId=arn)["Name"]
        with refused("AccessDeniedException"):
            there.get_secret_value(SecretId=arn)
        client.delete_resource_policy(SecretId=arn)
        with refused("AccessDeniedException"):
            there.describe_secret(SecretId=arn)

    def test_another_account_gets_no_value_under_the_key_of_aws(self, understudy, client, arn):
        """Reference secrets.md 22.3: no policy lets another account use the key `aws/secretsmanager`."""
        client.put_resource_policy(
            SecretId=arn, ResourcePolicy=document(allow({"AWS": OTHER}, "secretsmanager:*"))
        )
        there = understudy.client("secretsmanager", as_=understudy.account_administrator(OTHER))
        for ask, more in (
            (there.get_secret_value, {}),
            (there.put_secret_value, {"SecretString": "theirs"}),
            (there.update_secret, {"SecretString": "theirs", "Description": "changed"}),
        ):
            with refused("InvalidRequestException") as told:
                ask(SecretId=arn, **more)
            assert "default KMS service key" in told.text
        assert "s3cret-value" == client.get_secret_value(SecretId=arn)["SecretString"]
        assert "Description" not in there.describe_secret(SecretId=arn)

    def test_within_the_account_it_allows_and_denies(self, understudy, client, arn):
        nobody = understudy.user("nobody")
        asking = understudy.client("secretsmanager", as_=nobody)
        with refused("AccessDeniedException"):
            asking.get_secret_value(SecretId=arn)
        client.put_resource_policy(SecretId=arn, ResourcePolicy=document(allow({"AWS": nobody.arn})))
        asking.get_secret_value(SecretId=arn)
        denial = {**allow("*"), "Effect": "Deny"}
        client.put_resource_policy(SecretId=arn, ResourcePolicy=document(denial))
        with refused("AccessDeniedException"):
            client.get_secret_value(SecretId=arn)

    def test_it_is_told_as_it_was_given(self, client, arn):
        assert "ResourcePolicy" not in client.get_resource_policy(SecretId=arn)
        given = document(allow({"AWS": OTHER}))
        client.put_resource_policy(SecretId=arn, ResourcePolicy=given)
        assert given == client.get_resource_policy(SecretId="web/db")["ResourcePolicy"]

    @pytest.mark.parametrize("text", ["{}", "no json", document({"Effect": "Allow"}), "[" * 3000])
    def test_what_is_no_policy_is_refused(self, client, arn, text):
        with refused("MalformedPolicyDocumentException"):
            client.put_resource_policy(SecretId=arn, ResourcePolicy=text)

    def test_everybody_can_be_kept_out(self, client, arn):
        """Reference secrets.md 22.3: BlockPublicPolicy."""
        for principal in ("*", {"AWS": "*"}, {"AWS": [OTHER, "*"]}):
            with refused("PublicPolicyException"):
                client.put_resource_policy(
                    SecretId=arn, ResourcePolicy=document(allow(principal)), BlockPublicPolicy=True
                )
        condition = {"StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}
        for statement in (allow({"AWS": OTHER}), allow("*", Condition=condition)):
            client.put_resource_policy(
                SecretId=arn, ResourcePolicy=document(statement), BlockPublicPolicy=True
            )


def test_no_value_is_in_the_trail(understudy, client, arn):
    client.put_secret_value(SecretId=arn, SecretString="another-s3cret")
    client.update_secret(SecretId=arn, SecretBinary=b"binary-s3cret")
    client.get_secret_value(SecretId=arn)
    told = "".join(map(str, understudy.trail()))
    assert "GetSecretValue" in told
    for value in ("s3cret-value", "another-s3cret", "binary-s3cret", "YmluYXJ5LXMzY3JldA"):
        assert value not in told
