"""Documents: how long they get, what their statements are called, how they are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy import review
from understudy_aws.policy.recording.documents import MOST_CHARACTERS, documents, size, statement
from understudy_aws.policy.recording.grouping import Permission
from understudy_aws.policy.recording.narrowing import NarrowingCondition

EC2 = "arn:aws:ec2:us-east-1:111122223333:"


def vpcs(count, start=0):
    return tuple(f"{EC2}vpc/vpc-{number:017x}" for number in range(start, start + count))


def sids(written):
    return [sid for _, statements in written for sid, _ in statements]


@pytest.mark.parametrize(
    ("permission", "sid"),
    [
        (Permission(("ec2:CreateVpc",), (f"{EC2}vpc/*",)), "CreateVpc"),
        (Permission(("ec2:DescribeSubnets", "ec2:DescribeVpcs"), ("*",)), "ReadEc2"),
        (Permission(("ec2:CreateVpc", "ec2:DeleteVpc"), (f"{EC2}vpc/*",)), "ChangeEc2Vpc"),
        (Permission(("iam:GetRole", "iam:DeleteRole"), ("arn:aws:iam::1:role/a",)), "ReadPermitIamRole"),
        (Permission(("ec2:CreateTags", "ec2:DeleteVpc"), vpcs(2)), "ChangeTagEc2Vpc"),
        (
            Permission(("a4b:A", "a4b:B"), tuple(f"arn:aws:a4b:::{kind}/1" for kind in ("k", "l", "m", "n"))),
            "UseA4bResources",
        ),
    ],
)
def test_a_sid_says_what_is_done_and_to_what(permission, sid):
    """Levels of access: the actions' pages of the Service Authorization Reference."""
    assert [sid] == sids(documents([permission]))


def test_sids_that_would_be_the_same_are_told_apart():
    group = f"{EC2}security-group/sg-1"
    written = documents([Permission(("ec2:CreateTags",), (each,)) for each in (*vpcs(1), group, *vpcs(1, 5))])
    assert ["CreateTags", "CreateTagsSecurityGroup", "CreateTagsVpc"] == sids(written)
    written = documents([Permission(("ec2:CreateTags",), (each,)) for each in vpcs(4)])
    assert ["CreateTags", "CreateTagsVpc", "CreateTagsVpc2", "CreateTagsVpc3"] == sids(written)


def test_a_statement_holds_single_values_alone_and_lists_as_lists():
    permission = Permission(
        ("a:B",),
        ("x", "y"),
        (
            NarrowingCondition("StringEquals", "k", ("1",)),
            NarrowingCondition("StringEquals", "l", ("1", "2")),
        ),
    )
    assert {
        "Sid": "B",
        "Effect": "Allow",
        "Action": "a:B",
        "Resource": ["x", "y"],
        "Condition": {"StringEquals": {"k": "1", "l": ["1", "2"]}},
    } == statement(permission, "B")


def single_permissions(written):
    return {
        (action, resource, each.conditions)
        for _, statements in written
        for _, each in statements
        for action in each.actions
        for resource in each.resources
    }


@given(st.lists(st.integers(min_value=1, max_value=200), min_size=1, max_size=5))
def test_no_policy_is_longer_than_aws_stores_and_none_is_lost(counts):
    """A managed policy holds 6,144 characters without white space (iam.md 2.2)."""
    permissions = [
        Permission((f"ec2:Delete{number}",), vpcs(count, start=number)) for number, count in enumerate(counts)
    ]
    written = documents(permissions)
    for document, _ in written:
        text = json.dumps(document, indent=4)
        assert sum(1 for letter in text if not letter.isspace()) <= MOST_CHARACTERS
        review(text, "managed")
    assert single_permissions([({}, [("", each) for each in permissions])]) == single_permissions(written)
    assert len(sids(written)) == len(set(sids(written)))


def test_several_policies_are_filled_before_the_next_begins():
    written = documents([Permission((f"ec2:Delete{number}",), vpcs(40)) for number in range(5)])
    assert [2, 2, 1] == [len(statements) for _, statements in written]


def test_a_statement_is_cut_by_actions_and_by_values_too():
    actions = Permission(tuple(f"ec2:Action{number:05}" for number in range(900)), ("*",))
    values = Permission(
        ("a:B",),
        ("*",),
        (NarrowingCondition("StringEquals", "k", tuple(f"{'v' * 20}{number}" for number in range(900))),),
    )
    for permission in (actions, values):
        written = documents([permission])
        assert len(written) > 1
        assert all(size(document) <= MOST_CHARACTERS for document, _ in written)
        assert permission.actions == tuple(
            action for _, each in written for _, one in each for action in one.actions
        ) or (permission is values)


def test_what_cannot_be_cut_stays_whole():
    (only,) = documents(
        [Permission(("a:B",), ("*",), (NarrowingCondition("StringEquals", "k", ("v" * 7000,)),))]
    )
    assert size(only[0]) > MOST_CHARACTERS


def test_nothing_makes_no_policy():
    assert [] == documents([])
