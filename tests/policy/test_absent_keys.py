"""Whether a key that a request does not carry could ever be there."""

from __future__ import annotations

import pytest
from inventions import ACCOUNT, LINKED, SESSION, USER

from understudy_aws.data import service_catalogue
from understudy_aws.policy import Principal, Question
from understudy_aws.policy.explanation.absent_keys import _GLOBAL, _SPELLED, absent_key

VPC = f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/*"
SUBNET = f"arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-1"
INTERFACE = f"arn:aws:ec2:us-east-1:{ACCOUNT}:network-interface/*"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Target"


def said(key, action="ec2:CreateVpc", resource="*", principal=USER):
    found = absent_key(key, Question(principal, action, resource))
    assert key == found.key
    return found.verdict, found.text


def test_a_describe_carries_no_tags():
    """Reference ec2.md 7.1: the Describe actions of EC2 support no resource-level permissions."""
    assert ("never", "ec2:DescribeVpcs never carries it: no value would help") == said(
        "ec2:ResourceTag/team", "ec2:DescribeVpcs"
    )


def test_a_tag_of_the_request_is_to_be_sent():
    assert ("can", "send the tag team with the request") == said("aws:RequestTag/team", resource=VPC)
    assert ("can", "send tags with the request") == said("aws:TagKeys", resource=VPC)


def test_a_tag_is_only_sent_for_what_is_made():
    """Reference ec2.md 7.1: the tags of CreateNetworkInterface are the interface's, not the subnet's."""
    action = "ec2:CreateNetworkInterface"
    assert (
        "other-resource",
        f"{action} carries it for network-interface, never for subnet: no value would help here",
    ) == said("aws:RequestTag/team", action, SUBNET)
    assert "can" == said("aws:RequestTag/team", action, INTERFACE)[0]
    assert "can" == said("aws:ResourceTag/team", action, SUBNET)[0]


def test_tags_of_a_role_hang_on_its_type_and_not_on_each_action():
    assert ("can", "the resource has no tag team") == said("iam:ResourceTag/team", "iam:GetRole", ROLE)


def test_an_external_id_comes_from_the_owner_of_the_role():
    assert ("can", "assume the role with the external id its owner gave out") == said(
        "sts:ExternalId", "sts:AssumeRole", ROLE
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("aws:RequestTags/team", "aws:RequestTag/team"),
        ("aws:SourcIp", "aws:SourceIp"),
        ("aws:TagKey", "aws:TagKeys"),
        ("ec2:Vpcs", "ec2:Vpc"),
        ("aws:PrincipleTag/Team", "aws:PrincipalTag/Team"),
    ],
)
def test_a_slip_of_the_hand_is_set_right(key, meant):
    assert ("unknown", f"no service knows this key; {meant} may be meant") == said(key)


def test_what_resembles_nothing_is_only_unknown():
    assert ("unknown", "no service knows this key") == said("zzz:qqqqqqqqqqqq")


def test_a_tag_of_the_caller_is_set_where_he_has_tags():
    assert "tag the user" in said("aws:PrincipalTag/team")[1]
    assert "tag the role" in said("aws:PrincipalTag/team", principal=SESSION)[1]
    assert "the caller has no tag team" == said("aws:PrincipalTag/team", principal=Principal("root"))[1]


def test_a_claim_comes_with_a_token():
    for key in ("id.example.com:sub", "saml:aud"):
        assert ("circumstances", "only who comes with a token of that identity provider carries it") == said(
            key
        )


def test_a_key_of_another_service_is_never_carried():
    assert "never" == said("s3:prefix")[0]


def test_of_an_action_nobody_knows_nothing_is_claimed():
    assert ("can", "some requests carry it, this one does not") == said("s3:prefix", "no:Such")


@pytest.mark.parametrize("key", sorted(_GLOBAL))
def test_every_key_of_the_circumstances_is_one_of_aws_s(key):
    """Reference policies.md 4.6."""
    assert service_catalogue.condition_key_type(key) is not None
    assert "circumstances" == said(key, principal=LINKED)[0]


@pytest.mark.parametrize("key", _SPELLED)
def test_every_key_that_is_offered_exists(key):
    assert service_catalogue.condition_key_type(key + "x" * key.endswith("/")) is not None
