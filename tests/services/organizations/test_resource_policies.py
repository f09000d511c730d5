"""The resource policy of an organization, and what it lets member accounts do (organizations.md 32.3)."""

from __future__ import annotations

import json

import pytest
from estates import Estate, deny, document
from refusals import refused

DENIED = "You don't have permissions to access this resource."


@pytest.fixture
def estate(understudy):
    return Estate(understudy, "SERVICE_CONTROL_POLICY")


@pytest.fixture
def dev(estate):
    return estate.account("dev")


@pytest.fixture
def member(understudy, estate, dev):
    return understudy.client("organizations", as_=estate.administrator(dev))


def allows(account, *actions, **more):
    return document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": list(actions),
            "Resource": "*",
            **more,
        }
    )


def test_it_is_put_described_and_deleted(estate, dev):
    organizations = estate.organizations
    with refused("ResourcePolicyNotFoundException"):
        organizations.describe_resource_policy()
    content = allows(dev, "organizations:ListPolicies")
    made = organizations.put_resource_policy(Content=content, Tags=[{"Key": "a", "Value": "b"}])[
        "ResourcePolicy"
    ]
    assert content == made["Content"]
    arn = made["ResourcePolicySummary"]["Arn"]
    assert arn.startswith(f"arn:aws:organizations::000000000000:resourcepolicy/{estate.id}/rp-")
    changed = organizations.put_resource_policy(Content=allows(dev, "organizations:ListRoots"))[
        "ResourcePolicy"
    ]
    assert arn == changed["ResourcePolicySummary"]["Arn"]
    assert changed == organizations.describe_resource_policy()["ResourcePolicy"]
    organizations.delete_resource_policy()
    with refused("ResourcePolicyNotFoundException"):
        organizations.delete_resource_policy()


def test_it_is_tagged_like_everything_else(understudy, estate, dev):
    organizations = estate.organizations
    made = organizations.put_resource_policy(
        Content=allows(dev, "organizations:ListPolicies"), Tags=[{"Key": "a", "Value": "b"}]
    )["ResourcePolicy"]["ResourcePolicySummary"]
    organizations.tag_resource(ResourceId=made["Id"], Tags=[{"Key": "c", "Value": "d"}])
    organizations.untag_resource(ResourceId=made["Id"], TagKeys=["a"])
    assert [{"Key": "c", "Value": "d"}] == organizations.list_tags_for_resource(ResourceId=made["Id"])["Tags"]
    who = understudy.allowing("ann", "organizations:TagResource", resource=made["Arn"])
    understudy.client("organizations", as_=who).tag_resource(
        ResourceId=made["Id"], Tags=[{"Key": "e", "Value": "f"}]
    )
    with refused("TargetNotFoundException"):
        organizations.list_tags_for_resource(ResourceId="rp-12345678")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        document({"Effect": "Allow", "Action": "organizations:ListRoots", "Resource": "*"}),
        document({"Effect": "Allow", "Principal": "*", "Action": "iam:ListUsers", "Resource": "*"}),
    ],
)
def test_what_is_no_resource_policy(estate, content):
    with refused("InvalidInputException"):
        estate.organizations.put_resource_policy(Content=content)


def test_a_resource_policy_is_not_too_long(estate, dev):
    content = allows(dev, *(f"organizations:List{number}*" for number in range(3000)))
    assert len(content) > 40_000
    with refused("InvalidInputException"):
        estate.organizations.put_resource_policy(Content=content)


def test_member_accounts_manage_what_it_allows_and_no_more(estate, dev, member):
    with refused("AccessDeniedException", DENIED):
        member.list_policies(Filter="SERVICE_CONTROL_POLICY")
    estate.organizations.put_resource_policy(
        Content=allows(
            dev,
            "organizations:CreatePolicy",
            "organizations:ListPolicies",
            "organizations:AttachPolicy",
            Condition={"StringLikeIfExists": {"organizations:PolicyType": ["SERVICE_CONTROL_POLICY"]}},
        )
    )
    made = member.create_policy(
        Content=document(deny("s3:*")), Description="", Name="no-s3", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]
    assert made["Arn"].startswith("arn:aws:organizations::000000000000:policy/")
    member.attach_policy(PolicyId=made["Id"], TargetId=dev)
    assert 2 == len(member.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"])
    with refused("AccessDeniedException", DENIED):
        member.create_policy(Content=json.dumps({"tags": {}}), Description="", Name="tags", Type="TAG_POLICY")
    with refused("AccessDeniedException", DENIED):
        member.delete_policy(PolicyId=made["Id"])
    estate.organizations.delete_resource_policy()
    with refused("AccessDeniedException", DENIED):
        member.list_policies(Filter="SERVICE_CONTROL_POLICY")


def test_the_callers_own_policies_count_too(understudy, estate, dev, member):
    estate.organizations.put_resource_policy(Content=allows(dev, "organizations:ListPolicies"))
    iam = understudy.client("iam", as_=estate.administrator(dev))
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = type(estate.administrator(dev))(key["AccessKeyId"], key["SecretAccessKey"])
    with refused("AccessDeniedException"):
        understudy.client("organizations", as_=ann).list_policies(Filter="SERVICE_CONTROL_POLICY")


def test_nobody_gives_himself_more_by_it(estate, dev, member):
    estate.organizations.put_resource_policy(
        Content=allows(dev, "organizations:PutResourcePolicy", "organizations:DeleteResourcePolicy")
    )
    with refused("AccessDeniedException", DENIED):
        member.put_resource_policy(Content=allows(dev, "organizations:*"))
    with refused("AccessDeniedException", DENIED):
        member.delete_resource_policy()
