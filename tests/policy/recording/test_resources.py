"""How observed resources are named: text stays text, and only ids that AWS draws become stars."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy import compile_policy
from understudy_aws.policy.recording.resources import EVERY_RESOURCE, Named, escaped, named, widen, widen_id

EC2 = "arn:aws:ec2:us-east-1:111122223333:"
APP_RUNNER = "arn:aws:apprunner:us-east-1:111122223333:"
IAM = "arn:aws:iam::111122223333:"
ID = "0123456789abcdef0"
HEXADECIMAL = "0123456789abcdef0123456789abcdef"
UUID = "01234567-89ab-4def-8123-456789abcdef"


@given(st.text(st.sampled_from("ab*?$${}/:"), max_size=12))
def test_an_escaped_name_matches_itself_and_nothing_else(name):
    """`${*}`, `${?}` and `${$}` are the characters themselves (policies.md 4.2)."""
    resource = f"arn:aws:s3:::box/{name}"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": escaped(resource)}
    policy = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    matches = policy.statements[0].matches_resource
    assert matches(resource, {})
    for other in (name.replace("*", "x"), name.replace("?", "x"), name.replace("$", ""), name + "x"):
        assert (other == name) is matches(f"arn:aws:s3:::box/{other}", {})


@pytest.mark.parametrize(
    ("resource", "pattern"),
    [
        (f"{EC2}vpc/vpc-{ID}", f"{EC2}vpc/*"),
        (f"{EC2}vpc/vpc-0a1b2c3d", f"{EC2}vpc/*"),
        (f"{EC2}security-group-rule/sgr-{ID}", f"{EC2}security-group-rule/*"),
        (f"{APP_RUNNER}vpcconnector/web-vpc/1/{HEXADECIMAL}", f"{APP_RUNNER}vpcconnector/web-vpc/*/*"),
        (f"{APP_RUNNER}service/web/{HEXADECIMAL}", f"{APP_RUNNER}service/web/*"),
        (f"arn:aws:kms:eu-west-1:111122223333:key/{UUID}", "arn:aws:kms:eu-west-1:111122223333:key/*"),
    ],
)
def test_an_id_that_aws_draws_becomes_a_star(resource, pattern):
    assert Named(pattern, widened=True) == widen(resource)


@pytest.mark.parametrize(
    "resource",
    [
        f"{IAM}role/deploy",
        # Names of people's choosing, whatever they look like.
        f"{IAM}role/team/role-{ID}",
        f"{IAM}user/{HEXADECIMAL}",
        f"{APP_RUNNER}service/{HEXADECIMAL}/not-an-id",
        f"{EC2}key-pair/key-{ID}",
        # No id of AWS's.
        f"{EC2}vpc/vpc-mine",
        "arn:aws:s3:::box-0a1b2c3d",
        "nothing",
    ],
)
def test_a_name_stays(resource):
    assert Named(resource) == widen(resource)


parts = st.text(st.sampled_from("abz019-"), min_size=1, max_size=8)
ids = st.sampled_from([f"vpc-{ID}", HEXADECIMAL, UUID, "eni-0a1b2c3d", "1"]) | parts


@given(parts, parts, parts, st.lists(ids, max_size=4))
def test_service_region_account_and_type_are_never_widened(service, region, account, rest):
    resource = f"arn:aws:{service}:{region}:{account}:" + "/".join(["kind", *rest])
    found = widen(resource)
    before, after = resource.split("/"), found.pattern.split("/")
    assert before[0] == after[0]
    assert len(before) == len(after)
    assert all(new in (old, EVERY_RESOURCE) for old, new in zip(before, after, strict=True))
    assert found.widened is (before != after)


@pytest.mark.parametrize("portable", [False, True])
def test_a_star_that_stands_for_an_id_still_to_be_drawn_stays_a_star(portable):
    assert Named(f"{EC2}vpc/*") == named("ec2:CreateVpc", f"{EC2}vpc/*", pending=True, portable=portable)


def test_any_other_star_is_text():
    assert Named(f"{EC2}vpc/${{*}}") == named("ec2:DeleteVpc", f"{EC2}vpc/*", pending=False, portable=True)
    assert Named(f"{EC2}vpc/a${{*}}") == named("ec2:DeleteVpc", f"{EC2}vpc/a*", pending=True, portable=False)


def test_an_action_that_takes_only_a_star_gets_one():
    """The Service Authorization Reference gives iam:ListUsers no resource types."""
    assert Named(EVERY_RESOURCE) == named("iam:ListUsers", f"{IAM}user/team/", pending=False, portable=False)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:*", "*"),
        ("ec2:Create?pc", "*"),
        ("ec2", "*"),
        ("iam:GetPolicy", "garbage"),
        ("iam:GetPolicy", ""),
        ("iam:GetPolicy", f"{IAM}thing/that-is-none"),
        ("iam:GetPolicy", "arn:aws:iam::*:policy/mine"),
        ("ec2:DeleteVpc", "arn:aws:ec2:*:111122223333:vpc/vpc-1"),
        ("iam:GetPolicy", f"{IAM}policy/{'a' * 2048}"),
    ],
)
def test_what_no_policy_can_name_without_allowing_more_is_not_named(action, resource):
    assert named(action, resource, pending=False, portable=False) is None


@pytest.mark.parametrize(
    ("text", "pattern"), [(f"sg-{ID}", "sg-*"), ("igw-0a1b2c3d", "igw-*"), ("web", None), ("sg-web", None)]
)
def test_a_bare_id_keeps_its_type(text, pattern):
    assert pattern == widen_id(text)


@pytest.mark.parametrize("resource", ["arn:aws:s3", "arn:aws:sqs:us-east-1:111122223333"])
def test_what_lacks_parts_of_an_arn_cannot_be_named(resource):
    """A policy would read stars for them: policies.md 4.3."""
    assert named("s3:GetObject", resource, pending=False, portable=False) is None
