"""Which condition keys narrow, where, and how they are written."""

from __future__ import annotations

import pytest

from understudy_aws.policy import Principal, Question
from understudy_aws.policy.recording.narrowing import (
    TABLE,
    KeySubject,
    NarrowingCondition,
    key_subject,
    narrowing,
)
from understudy_aws.policy.recording.resources import Named, named

ANN = Principal("user", "arn:aws:iam::111122223333:user/ann", "111122223333")
EC2 = "arn:aws:ec2:us-east-1:111122223333:"
VPC = f"{EC2}vpc/vpc-0123456789abcdef0"
ROLE = "arn:aws:iam::111122223333:role/deploy"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def conditions(action, resource, context, *, pending=False, portable=False):
    found = named(action, resource, pending=pending, portable=portable)
    assert found is not None
    question = Question(ANN, action, resource, context)
    return narrowing(question, found, pending=pending, portable=portable)


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        (
            "iam:CreateServiceLinkedRole", ROLE, {"iam:awsservicename": "x.amazonaws.com"},
            [("StringEquals", "iam:AWSServiceName", ("x.amazonaws.com",))],
        ),
        (
            "iam:PassRole", ROLE, {"iam:passedtoservice": "ec2.amazonaws.com"},
            [("StringEquals", "iam:PassedToService", ("ec2.amazonaws.com",))],
        ),
        (
            "iam:AttachRolePolicy", ROLE, {"iam:policyarn": POLICY, "iam:permissionsboundary": POLICY},
            [("ArnEquals", "iam:PermissionsBoundary", (POLICY,)), ("ArnEquals", "iam:PolicyARN", (POLICY,))],
        ),
        (
            "ec2:CreateTags", VPC,
            {"aws:requesttag/team": "pay", "aws:tagkeys": ["Team"], "ec2:createaction": "CreateVpc"},
            [
                ("ForAllValues:StringEquals", "aws:TagKeys", ("Team",)),
                ("Null", "aws:TagKeys", ("false",)),
                ("StringEquals", "aws:RequestTag/Team", ("pay",)),
                ("StringEquals", "ec2:CreateAction", ("CreateVpc",)),
            ],
        ),
        (
            "ec2:ModifyVpcAttribute", VPC,
            {"ec2:attribute": "EnableDnsSupport", "ec2:attribute/enablednssupport": "true"},
            [
                ("StringEquals", "ec2:Attribute", ("EnableDnsSupport",)),
                ("StringEquals", "ec2:Attribute/EnableDnsSupport", ("true",)),
            ],
        ),
        (
            "sts:AssumeRole", ROLE,
            {"sts:externalid": "x1", "sts:rolesessionname": "s", "sts:transitivetagkeys": ["a", "b"]},
            [
                ("ForAllValues:StringEquals", "sts:TransitiveTagKeys", ("a", "b")),
                ("Null", "sts:TransitiveTagKeys", ("false",)),
                ("StringEquals", "sts:ExternalId", ("x1",)),
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_asked_for_narrows(action, resource, context, expected):
    """Keys and their spelling: the actions' pages of the Service Authorization Reference."""
    assert tuple(NarrowingCondition(*each) for each in expected) == conditions(action, resource, context)


def test_a_key_that_the_action_does_not_know_does_not_narrow():
    """AWS would never send it, and the statement would allow nothing."""
    assert () == conditions("iam:GetRole", ROLE, {"iam:policyarn": POLICY, "aws:requesttag/a": "b"})


def test_every_key_of_an_unknown_action_narrows_but_circumstances_and_what_is_no_key():
    context = {"acme:size": "1", "aws:sourceip": "192.0.2.1", "nothing": "x", "acme:": "x", "aws:tagkeys": []}
    assert (NarrowingCondition("StringEquals", "acme:size", ("1",)),) == conditions("acme:Do", ROLE, context)


@pytest.mark.parametrize(
    "key",
    [
        "aws:sourceip", "aws:currenttime", "aws:epochtime", "aws:useragent", "aws:userid", "aws:username",
        "aws:principalarn", "aws:principaltag/team", "aws:calledvia", "aws:viaawsservice", "aws:tokenissuetime",
        "aws:multifactorauthpresent", "aws:securetransport", "aws:sourceidentity", "sts:rolesessionname",
    ],
)  # fmt: skip
def test_who_when_where_and_how_never_narrow(key):
    """Reference policies.md 4.5 and 4.6: keys that say nothing about what is done."""
    assert KeySubject.REQUEST_CONTEXT is key_subject(key)


def test_no_row_of_the_table_is_hidden_by_an_earlier_one():
    assert [said for _, said in TABLE] == [key_subject(name.replace("*", "x")) for name, _ in TABLE]


class TestProperties:
    context = {
        "ec2:vpc": f"{EC2}vpc/vpc-1",
        "ec2:availabilityzone": "us-east-1a",
        "aws:resourcetag/team": "pay",
    }

    def test_say_nothing_more_of_a_resource_that_is_named(self):
        assert () == conditions("ec2:DeleteSubnet", f"{EC2}subnet/subnet-0123456789abcdef0", self.context)

    def test_narrow_where_the_id_was_still_to_be_drawn(self):
        found = conditions("ec2:CreateTags", f"{EC2}subnet/*", self.context, pending=True)
        assert {"ec2:Vpc", "ec2:AvailabilityZone", "aws:ResourceTag/team"} == {each.key for each in found}

    def test_tags_alone_narrow_where_the_id_was_widened(self):
        found = conditions(
            "ec2:DeleteSubnet", f"{EC2}subnet/subnet-0123456789abcdef0", self.context, portable=True
        )
        assert (NarrowingCondition("StringEquals", "aws:ResourceTag/team", ("pay",)),) == found

    def test_tags_of_awss_own_do_not(self):
        context = {"aws:resourcetag/aws:cloudformation:stack-id": "arn:aws:cloudformation:…:stack/web/1"}
        resource = f"{EC2}subnet/subnet-0123456789abcdef0"
        assert () == conditions("ec2:DeleteSubnet", resource, context, portable=True)


class TestRegion:
    def test_narrows_where_no_arn_says_it(self):
        region = {"aws:requestedregion": "eu-west-1"}
        expected = (NarrowingCondition("StringEquals", "aws:RequestedRegion", ("eu-west-1",)),)
        assert expected == conditions("ec2:DescribeVpcs", "*", region)
        assert () == conditions("ec2:DeleteVpc", VPC, region)

    @pytest.mark.parametrize(
        "action", ["iam:ListUsers", "organizations:ListAccounts", "route53:ListHostedZones"]
    )
    def test_says_nothing_of_a_global_service(self, action):
        """IAM user guide, "AWS global condition context keys": aws:RequestedRegion and global services."""
        assert () == conditions(action, "*", {"aws:requestedregion": "us-east-1"})


class TestValues:
    def test_are_text_however_they_look(self):
        found = conditions("iam:PassRole", ROLE, {"iam:passedtoservice": "${aws:username}*"})
        assert (NarrowingCondition("StringEquals", "iam:PassedToService", ("${$}{aws:username}*",)),) == found
        found = conditions("iam:AttachRolePolicy", ROLE, {"iam:policyarn": "arn:aws:iam::1:policy/a*"})
        assert (NarrowingCondition("ArnEquals", "iam:PolicyARN", ("arn:aws:iam::1:policy/a${*}",)),) == found

    def test_that_are_no_arn_are_compared_as_text(self):
        found = conditions("iam:AttachRolePolicy", ROLE, {"iam:policyarn": "mine"})
        assert (NarrowingCondition("StringEquals", "iam:PolicyARN", ("mine",)),) == found

    def test_that_hold_drawn_ids_are_widened_only_when_asked(self):
        context = {"ec2:attribute/groupset": ["sg-0123456789abcdef0", "web"]}
        action, resource = "ec2:ModifyNetworkInterfaceAttribute", f"{EC2}network-interface/eni-1"
        assert {"ForAllValues:StringEquals", "Null"} == {
            each.operator for each in conditions(action, resource, context)
        }
        (first, _null) = conditions(action, resource, context, portable=True)
        assert (
            NarrowingCondition("ForAllValues:StringLike", "ec2:Attribute/groupset", ("sg-*", "web")) == first
        )

    def test_arns_with_drawn_ids_keep_account_region_and_type(self):
        question = Question(ANN, "ec2:CreateTags", f"{EC2}subnet/*", {"ec2:vpc": VPC})
        found = narrowing(question, Named(f"{EC2}subnet/*"), pending=True, portable=True)
        assert (NarrowingCondition("ArnLike", "ec2:Vpc", (f"{EC2}vpc/*",)),) == found

    def test_of_numbers_and_truths_take_their_own_operators(self):
        found = conditions(
            "ec2:CreateVolume",
            f"{EC2}volume/*",
            {"ec2:volumesize": "8", "ec2:encrypted": "true"},
            pending=True,
        )
        assert {("NumericEquals", ("8",)), ("Bool", ("true",))} == {
            (each.operator, each.values) for each in found
        }
