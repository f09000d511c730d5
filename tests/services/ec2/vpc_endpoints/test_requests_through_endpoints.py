"""Requests that come through an interface endpoint: one service, the endpoint's policy, the condition keys of a VPC."""

from __future__ import annotations

import json

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from msgspec.structs import replace

from understudy_aws.testing import in_process

ADDRESS = "10.0.0.77"


@pytest.fixture
def through(monkeypatch, vpc):
    """Have requests come in through an endpoint, as the node's socket alone tells the server."""
    received = in_process.as_received

    def set_endpoint(id: str) -> None:
        monkeypatch.setattr(
            in_process,
            "as_received",
            lambda request: replace(received(request), source_ip=ADDRESS, vpc=vpc, vpc_endpoint=id),
        )

    yield set_endpoint
    monkeypatch.undo()


@pytest.fixture
def endpoint(make, subnets):
    return make("ec2", SubnetIds=subnets[:1])


def allow(actions, **more) -> dict:
    return {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "*", **more}


def set_policy(ec2, endpoint: str, *statements: dict) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy)


def refusal(call, *arguments, **parameters) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_what_the_policy_does_not_allow_is_refused_in_aws_words(ec2, endpoint, through):
    """policies.md 4.9: the clause of an endpoint policy."""
    set_policy(ec2, endpoint, allow("ec2:DescribeVpcs"))
    ec2.describe_subnets()
    through(endpoint)
    ec2.describe_vpcs()
    code, message = refusal(ec2.describe_subnets)
    assert code == "UnauthorizedOperation"
    assert "because no VPC endpoint policy allows the ec2:DescribeSubnets action" in message


def test_what_the_policy_denies_is_refused_in_aws_words(ec2, endpoint, through):
    set_policy(ec2, endpoint, allow("*"), {**allow("ec2:DescribeVpcs"), "Effect": "Deny"})
    through(endpoint)
    ec2.describe_subnets()
    _, message = refusal(ec2.describe_vpcs)
    assert "with an explicit deny in a VPC endpoint policy" in message


def test_a_policy_names_principals_and_lets_nobody_do_what_their_own_do_not_allow(
    understudy, ec2, endpoint, through
):
    iam = understudy.client("iam")
    clients = {}
    for name in ("known", "other"):
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(
            UserName=name, PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}),
        )  # fmt: skip
        key = iam.create_access_key(UserName=name)["AccessKey"]
        pair = in_process.Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        clients[name] = (arn, understudy.client("ec2", as_=pair))
    set_policy(ec2, endpoint, {**allow("*"), "Principal": {"AWS": clients["known"][0]}})
    through(endpoint)
    clients["known"][1].describe_vpcs()
    assert "no VPC endpoint policy" in refusal(clients["other"][1].describe_vpcs)[1]
    assert "no identity-based policy" in refusal(clients["known"][1].describe_subnets)[1]


def test_conditions_know_the_vpc_and_the_endpoint_and_no_address_of_the_internet(ec2, endpoint, vpc, through):
    """policies.md 4.6: `aws:SourceIp` is not in requests through an endpoint."""
    keys = {"aws:SourceVpc": vpc, "aws:SourceVpce": endpoint, "aws:VpcSourceIp": ADDRESS}
    seen = {"StringEquals": keys, "Null": {"aws:SourceIp": "true"}}
    set_policy(ec2, endpoint, allow("*", Condition=seen))
    through(endpoint)
    ec2.describe_vpcs()


def test_an_endpoint_leads_to_its_service_alone(understudy, endpoint, through):
    """A request for another service is not signed for the one that is there (signatures.md)."""
    through(endpoint)
    code, message = refusal(understudy.client("sts").get_caller_identity)
    assert (code, "Credential should be scoped to correct service: 'ec2'" in message) == (
        "SignatureDoesNotMatch",
        True,
    )
    nobody = understudy.client("sts")
    nobody.meta.config.merge(Config(signature_version=UNSIGNED))
    code, _ = refusal(
        nobody.assume_role_with_web_identity,
        RoleArn="arn:aws:iam::000000000000:role/web", RoleSessionName="night", WebIdentityToken="abcd",
    )  # fmt: skip
    assert code == "UnknownOperationException"


def test_a_signature_for_its_service_leads_to_no_other_one(understudy, endpoint, through):
    """Which operation a JSON request means is told by a header, whatever the signature is for."""

    def sign_for_ec2(params, **_more):
        params["context"].setdefault("signing", {})["signing_name"] = "ec2"

    through(endpoint)
    for service, name in (
        ("logs", "describe_log_groups"),
        ("secretsmanager", "list_secrets"),
        ("apprunner", "list_vpc_connectors"),
    ):
        client = understudy.client(service)
        client.meta.events.register("before-call", sign_for_ec2)
        assert refusal(getattr(client, name)) == (
            "UnknownOperationException",
            "This VPC endpoint leads to ec2 alone.",
        )


def test_an_endpoint_leads_to_its_region_alone(understudy, endpoint, through):
    through(endpoint)
    code, message = refusal(understudy.client("ec2", region="eu-west-1").describe_vpcs)
    assert code in {"SignatureDoesNotMatch", "AuthFailure"}, message


def test_the_trail_has_the_endpoint_and_what_its_policy_said(understudy, ec2, endpoint, vpc, through):
    set_policy(ec2, endpoint, allow("ec2:DescribeVpcs"))
    through(endpoint)
    refusal(ec2.describe_subnets)
    last = understudy.trail()[-1]
    assert (last.vpc, last.vpc_endpoint, last.source_ip) == (vpc, endpoint, ADDRESS)
    assert [(each.effect, each.layer) for each in last.evaluations] == [
        ("allow", "identity"),
        ("implicit-deny", "endpoint"),
    ]


def test_an_endpoint_that_is_gone_answers_nobody(ec2, endpoint, through):
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    through(endpoint)
    assert refusal(ec2.describe_vpcs)[0] == "ServiceUnavailable"
