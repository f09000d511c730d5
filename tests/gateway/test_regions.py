"""The Region of a call: the caller does not choose the one he is judged in (docs/decisions/0016)."""

from __future__ import annotations

import pytest
from raw_requests import action, json_request, signed
from refusals import refusal

NOWHERE = "Credential should be scoped to a valid region, not '{}'. "


def only_in(region):
    """A policy that allows everything in one Region."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": region}},
            },
        ],
    }


@pytest.mark.parametrize("region", ["xx-nowhere-9", "us-east-9", "eu", "aws-global", "cn-north-1"])
@pytest.mark.parametrize(
    ("service", "request_", "code", "status"),
    [
        ("iam", action("iam", "ListUsers"), b"SignatureDoesNotMatch", 403),
        ("sts", action("sts", "GetCallerIdentity"), b"SignatureDoesNotMatch", 403),
        ("ec2", action("ec2", "DescribeVpcs"), b"AuthFailure", 401),
        ("apprunner", json_request("AppRunner.ListVpcConnectors", {}), b"InvalidSignatureException", 403),
    ],
)
def test_a_region_that_aws_does_not_have_is_refused(understudy, service, request_, code, status, region):
    """Reference signatures.md 6.2: AWS's words. A Region of another partition is none of this one's."""
    response = understudy.app.handle(signed(request_, understudy.administrator, service, region))
    assert (status, True) == (response.status, code in response.body)
    assert NOWHERE.format(region).replace("'", "&#39;").encode() in response.body.replace(
        b"&apos;", b"&#39;"
    ) or (NOWHERE.format(region).encode() in response.body)
    entry = understudy.trail()[-1]
    assert ("anonymous", "scope") == (entry.caller.kind, entry.signature)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "af-south-1", "mx-central-1"])
def test_a_region_that_aws_has_is_accepted(understudy, region):
    """Those that an account has to enable too: every account here has."""
    assert understudy.client("sts", region=region).get_caller_identity()


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-south-1"])
def test_iam_is_in_us_east_1_from_wherever_it_is_called(understudy, region):
    """Reference policies.md 4.6. An SDK signs for its own Region when it is told of an endpoint."""
    somebody = understudy.user("somebody", only_in("us-east-1"))
    assert understudy.client("iam", region=region, as_=somebody).list_users()
    entry = understudy.trail()[-1]
    assert ("us-east-1", "ok") == (entry.region, entry.outcome)
    other = understudy.user("other", only_in(region))
    iam = understudy.client("iam", region=region, as_=other)
    if region == "us-east-1":
        assert iam.list_users()
    else:
        told = refusal(iam.list_users)
        assert ("AccessDenied", True) == (told.code, "explicit deny" in told.message)


def test_organizations_is_too(understudy):
    understudy.client("organizations").create_organization()
    for region in ("us-east-1", "eu-west-1"):
        somebody = understudy.user(f"in-{region}", only_in("eu-west-1"))
        organizations = understudy.client("organizations", region=region, as_=somebody)
        assert "AccessDeniedException" == refusal(organizations.describe_organization).code


def test_what_is_no_global_service_is_judged_where_it_is_called(understudy):
    somebody = understudy.user("somebody", only_in("eu-west-1"))
    assert understudy.client("ec2", region="eu-west-1", as_=somebody).describe_vpcs()
    ec2 = understudy.client("ec2", region="us-east-1", as_=somebody)
    assert "UnauthorizedOperation" == refusal(ec2.describe_vpcs).code


def test_iam_was_last_used_in_us_east_1(understudy):
    """IAM User Guide, "Managing access keys": the Region of a key's last use."""
    somebody = understudy.allowing("somebody", "*")
    understudy.client("iam", region="eu-west-1", as_=somebody).list_users()
    understudy.settle()
    used = understudy.client("iam").get_access_key_last_used(AccessKeyId=somebody.access_key_id)
    assert ("us-east-1", "iam") == (
        used["AccessKeyLastUsed"]["Region"],
        used["AccessKeyLastUsed"]["ServiceName"],
    )


def test_the_linked_role_that_app_runner_makes_is_made_in_us_east_1(understudy):
    """An SCP or policy that locks the Region is not bypassed by what App Runner does for its caller."""
    ec2 = understudy.client("ec2", region="eu-west-1")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    somebody = understudy.user("somebody", only_in("eu-west-1"))
    apprunner = understudy.client("apprunner", region="eu-west-1", as_=somebody)
    told = refusal(apprunner.create_vpc_connector, VpcConnectorName="connector", Subnets=[subnet])
    assert "iam:CreateServiceLinkedRole" in told.message
    (question,) = [
        each
        for entry in understudy.trail()
        for each in entry.evaluations
        if each.action == "iam:CreateServiceLinkedRole"
    ]
    assert "us-east-1" == question.context["aws:requestedregion"]
