"""Who reads and changes parameters: identity policies, resource policies, and what the trail tells (parameters.md 23.4)."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, OTHER = "000000000000", "111122223333"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


@pytest.fixture
def client(understudy):
    return understudy.client("ssm")


@pytest.fixture
def made(client):
    client.put_parameter(
        Name="/web/db", Value="s3cret-value", Type="SecureString", Tags=[{"Key": "team", "Value": "web"}]
    )
    client.put_parameter(Name="/ops/db", Value="v", Type="String")
    return client


def allowed(understudy, *actions, resource="*", condition=None, name="reader"):
    statement = {"Effect": "Allow", "Action": [f"ssm:{action}" for action in actions], "Resource": resource}
    if condition:
        statement["Condition"] = condition
    who = understudy.user(name, {"Version": "2012-10-17", "Statement": [statement]})
    return understudy.client("ssm", as_=who)


class TestIdentityPolicies:
    @pytest.mark.parametrize("pattern", ["/web/db", "/web/*", "/*"])
    def test_a_pattern_of_the_arn_allows_however_the_parameter_is_named(self, understudy, made, pattern):
        client = allowed(understudy, "GetParameter", resource=f"{ARN}{pattern}")
        for name in ("/web/db", "/web/db:1", f"{ARN}/web/db", f"{ARN}/web/db:1"):
            client.get_parameter(Name=name, WithDecryption=True)

    def test_a_denial_names_the_arn_without_what_chooses_a_version(self, understudy, made):
        client = allowed(understudy, "GetParameter", resource=f"{ARN}/ops/*")
        for name in ("/web/db", "/web/db:1", f"{ARN}/web/db:1"):
            with refused("AccessDeniedException") as told:
                client.get_parameter(Name=name)
            assert (
                f"is not authorized to perform: ssm:GetParameter on resource: {ARN}/web/db because"
                in told.text
            )

    @pytest.mark.parametrize("operation", ["get_parameters", "delete_parameters"])
    def test_of_several_all_must_be_allowed(self, understudy, made, operation):
        client = allowed(understudy, "GetParameters", "DeleteParameters", resource=f"{ARN}/ops/*")
        with refused("AccessDeniedException"):
            getattr(client, operation)(Names=["/ops/db", "/web/db"])
        assert "v" == made.get_parameter(Name="/ops/db")["Parameter"]["Value"]

    def test_a_path_is_asked_for_itself_and_not_what_is_below(self, understudy, made):
        """Reference parameters.md 23.4: who may read a path reads all its levels."""
        client = allowed(understudy, "GetParametersByPath", resource=f"{ARN}/web")
        assert 1 == len(client.get_parameters_by_path(Path="/web", Recursive=True)["Parameters"])
        with refused("AccessDeniedException") as told:
            client.get_parameters_by_path(Path="/", Recursive=True)
        assert f"on resource: {ARN}/ because" in told.text

    def test_listing_names_everything_of_the_region(self, understudy, made):
        region = f"arn:aws:ssm:us-east-1:{ACCOUNT}:*"
        with refused("AccessDeniedException") as told:
            allowed(understudy, "DescribeParameters", resource=f"{ARN}/*").describe_parameters()
        assert f"on resource: {region} because" in told.text
        allowed(understudy, "DescribeParameters", resource=region, name="lister").describe_parameters()

    @pytest.mark.parametrize(
        ("key", "fits", "fits_not"),
        [("aws:ResourceTag/team", "web", "ops"), ("ssm:resourceTag/team", "web", "ops")],
    )
    def test_tags_of_the_parameter(self, understudy, made, key, fits, fits_not):
        condition = {"StringEquals": {key: fits}}
        allowed(understudy, "GetParameter", condition=condition).get_parameter(Name="/web/db")
        condition = {"StringEquals": {key: fits_not}}
        with refused("AccessDeniedException"):
            allowed(understudy, "GetParameter", condition=condition, name="no").get_parameter(Name="/web/db")

    def test_overwriting_can_be_forbidden(self, understudy, made):
        condition = {"StringNotEquals": {"ssm:Overwrite": "true"}}
        client = allowed(understudy, "PutParameter", condition=condition)
        with refused("AccessDeniedException"):
            client.put_parameter(Name="/ops/db", Value="w", Overwrite=True)
        client.put_parameter(Name="/ops/new", Value="w", Type="String", Overwrite=False)

    def test_going_down_all_levels_can_be_forbidden(self, understudy, made):
        condition = {"StringNotEquals": {"ssm:Recursive": "true"}}
        client = allowed(understudy, "GetParametersByPath", condition=condition)
        client.get_parameters_by_path(Path="/web")
        with refused("AccessDeniedException"):
            client.get_parameters_by_path(Path="/web", Recursive=True)

    def test_policies_of_a_parameter_can_be_forbidden(self, understudy, made):
        condition = {"Null": {"ssm:Policies": "true"}}
        client = allowed(understudy, "PutParameter", condition=condition)
        with refused("AccessDeniedException"):
            client.put_parameter(Name="/ops/x", Value="w", Type="String", Policies="[]")

    def test_tags_at_creation_need_their_own_permission(self, understudy):
        client = allowed(understudy, "PutParameter")
        with refused("AccessDeniedException") as told:
            client.put_parameter(Name="x", Value="w", Type="String", Tags=[{"Key": "team", "Value": "web"}])
        assert "ssm:AddTagsToResource" in told.text
        client.put_parameter(Name="x", Value="w", Type="String")


class TestResourcePolicies:
    @pytest.fixture
    def shared(self, client):
        client.put_parameter(Name="/shared", Value="v", Type="String", Tier="Advanced")
        return f"{ARN}/shared"

    @staticmethod
    def document(*actions, who=OTHER):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": who},
            "Action": [f"ssm:{action}" for action in actions],
            "Resource": f"{ARN}/shared",
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def test_another_account_reads_what_is_shared_with_it(self, understudy, client, shared):
        there = understudy.client("ssm", as_=understudy.account_administrator(OTHER))
        with refused("AccessDeniedException"):
            there.get_parameter(Name=shared)
        made = client.put_resource_policy(ResourceArn=shared, Policy=self.document("GetParameter"))
        assert "v" == there.get_parameter(Name=shared)["Parameter"]["Value"]
        assert "v" == there.get_parameter(Name=f"{shared}:1")["Parameter"]["Value"]
        with refused("AccessDeniedException"):
            there.get_parameters(Names=[shared])
        with refused("ParameterNotFound"):
            there.get_parameter(Name="/shared")
        named = {"ResourceArn": shared, "PolicyId": made["PolicyId"], "PolicyHash": made["PolicyHash"]}
        client.delete_resource_policy(**named)
        with refused("AccessDeniedException"):
            there.get_parameter(Name=shared)
        assert [] == client.get_resource_policies(ResourceArn=shared)["Policies"]

    def test_a_change_names_the_policy_it_knows(self, client, shared):
        first = client.put_resource_policy(ResourceArn=shared, Policy=self.document("GetParameter"))
        text = self.document("GetParameter", "GetParameters")
        with refused("ResourcePolicyLimitExceededException"):
            client.put_resource_policy(ResourceArn=shared, Policy=text)
        with refused("ResourcePolicyNotFoundException"):
            client.put_resource_policy(
                ResourceArn=shared, Policy=text, PolicyId="x", PolicyHash=first["PolicyHash"]
            )
        known = {"PolicyId": first["PolicyId"], "PolicyHash": first["PolicyHash"]}
        changed = client.put_resource_policy(ResourceArn=shared, Policy=text, **known)
        assert (first["PolicyId"], True) == (
            changed["PolicyId"],
            first["PolicyHash"] != changed["PolicyHash"],
        )
        with refused("ResourcePolicyConflictException"):
            client.delete_resource_policy(ResourceArn=shared, **known)
        (told,) = client.get_resource_policies(ResourceArn=shared)["Policies"]
        assert {"Policy": text, "PolicyId": changed["PolicyId"], "PolicyHash": changed["PolicyHash"]} == told

    def test_what_cannot_be_shared(self, client, shared):
        client.put_parameter(Name="/standard", Value="v", Type="String")
        client.put_parameter(Name="/secret", Value="v", Type="SecureString", Tier="Advanced")
        for name in ("standard", "secret"):
            with refused("ResourcePolicyInvalidParameterException"):
                client.put_resource_policy(ResourceArn=f"{ARN}/{name}", Policy=self.document("GetParameter"))
        with refused("ResourceNotFoundException"):
            client.put_resource_policy(ResourceArn=f"{ARN}/none", Policy=self.document("GetParameter"))
        with refused("MalformedResourcePolicyDocumentException"):
            client.put_resource_policy(ResourceArn=shared, Policy="{}")


def test_no_value_is_in_the_trail_or_the_log(understudy, client, caplog):
    client.put_parameter(Name="/web/db", Value="s3cret-value", Type="SecureString")
    client.get_parameter(Name="/web/db", WithDecryption=True)
    with refused("ParameterPatternMismatchException") as refusal:
        client.put_parameter(Name="x", Value="another-s3cret", Type="SecureString", AllowedPattern=r"\d+")
    told = "".join(map(str, understudy.trail())) + caplog.text + refusal.text
    assert "GetParameter" in told
    for value in ("s3cret-value", "another-s3cret"):
        assert value not in told
