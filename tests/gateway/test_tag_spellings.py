"""Tags whose keys differ in letter case alone (policies.md 4.4): no condition is met by either of them.

IAM User Guide, "AWS global condition context keys": `aws:ResourceTag/TagKey1` matches a tag key TagKey1 or tagkey1, but not
both.
"""

from __future__ import annotations

import json

import pytest
from refusals import refusal

from understudy_aws.admin.explanations import Explanations
from understudy_aws.admin.recordings import Recordings
from understudy_aws.admin.requests import RecordPolicies
from understudy_aws.gateway.tag_keys import requested_tags, tag_keys

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
BOTH = [{"Key": "team", "Value": "lab"}, {"Key": "Team", "Value": "lab"}]
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'


def allowing(action, **condition):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}],
    }


def denying(action, **condition):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition},
        ],
    }


class TestTheKeys:
    def test_one_spelling_is_its_value(self):
        assert {"aws:requesttag/team": "lab", "aws:requesttag/env": "dev"} == tag_keys(
            "aws:requesttag", [("Team", "lab"), ("env", "dev")]
        )

    def test_two_spellings_are_the_list_of_their_values(self):
        assert {"aws:requesttag/team": ["lab", "lab"]} == tag_keys(
            "aws:requesttag", [("Team", "lab"), ("team", "lab")]
        )

    def test_of_the_very_same_key_the_last_value_counts(self):
        """Reference policies.md 4.8."""
        assert {"aws:requesttag/team": "b"} == tag_keys("aws:requesttag", [("team", "a"), ("team", "b")])

    @pytest.mark.parametrize(
        "params",
        [
            {"tags": [{"Key": "team", "Value": "a"}]},
            {"tags": [{"key": "team", "value": "a"}]},
            {"tags": {"team": "a"}},
            {"tag_specifications": [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "a"}]}]},
        ],
    )
    def test_every_form_that_services_take_tags_in(self, params):
        assert {"aws:requesttag/team": "a", "aws:tagkeys": ["team"]} == requested_tags(params, "vpc")

    def test_specifications_for_other_kinds_and_keys_that_are_removed(self):
        other = {"tag_specifications": [{"ResourceType": "subnet", "Tags": [{"Key": "team"}]}]}
        assert {} == requested_tags(other, "vpc")
        assert {"aws:tagkeys": ["team"]} == requested_tags({"tag_keys": ["team"]}, "")


@pytest.fixture
def tagged(understudy):
    """Something of each service that takes tags in both spellings, and how it is tagged and looked at."""
    ec2, iam = understudy.client("ec2"), understudy.client("iam")
    organizations, apprunner = understudy.client("organizations"), understudy.client("apprunner")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    policy = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_instance_profile(InstanceProfileName="profile")
    organizations.create_organization()
    root = organizations.list_roots()["Roots"][0]["Id"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    connector = apprunner.create_vpc_connector(VpcConnectorName="connector", Subnets=[subnet])
    arn = connector["VpcConnector"]["VpcConnectorArn"]
    return {
        "ec2": ("ec2:CreateTags", "create_tags", {"Resources": [vpc]}),
        "iam policy": ("iam:TagPolicy", "tag_policy", {"PolicyArn": policy}),
        "iam profile": ("iam:TagInstanceProfile", "tag_instance_profile", {"InstanceProfileName": "profile"}),
        "organizations": ("organizations:TagResource", "tag_resource", {"ResourceId": root}),
        "apprunner": ("apprunner:TagResource", "tag_resource", {"ResourceArn": arn}),
    }


ALL = ["ec2", "iam policy", "iam profile", "organizations", "apprunner"]


@pytest.mark.parametrize("which", ALL)
def test_a_request_with_both_meets_no_condition_on_either(understudy, tagged, which):
    """The false allow that was: the second spelling hid the value of the first."""
    action, name, on = tagged[which]
    service = which.split()[0]
    lab = {"StringEquals": {"aws:RequestTag/team": "lab"}}
    somebody = understudy.client(service, as_=understudy.user("somebody", allowing(action, **lab)))
    tag = getattr(somebody, name)
    for tags in (BOTH, BOTH[::-1], [{"Key": "team", "Value": "ops"}, BOTH[1]]):
        assert refusal(tag, **on, Tags=tags).code in DENIED
    tag(**on, Tags=BOTH[:1])
    ops = {"StringEquals": {"aws:RequestTag/team": "ops"}}
    other = understudy.client(service, as_=understudy.user("other", denying(action, **ops)))
    tag = getattr(other, name)
    assert refusal(tag, **on, Tags=BOTH).code in DENIED
    tag(**on, Tags=BOTH[:1])


@pytest.mark.parametrize("which", ALL)
def test_a_resource_with_both_meets_no_condition_on_either(understudy, tagged, which):
    action, name, on = tagged[which]
    service = which.split()[0]
    lab = {"StringEquals": {"aws:ResourceTag/Team": "lab"}}
    somebody = understudy.client(service, as_=understudy.user("somebody", allowing(action, **lab)))
    administrator, tag = getattr(understudy.client(service), name), getattr(somebody, name)
    more = [{"Key": "more", "Value": "x"}]
    administrator(**on, Tags=BOTH[:1])
    tag(**on, Tags=more)
    administrator(**on, Tags=BOTH[1:])
    assert refusal(tag, **on, Tags=more).code in DENIED
    none = {"StringEquals": {"aws:ResourceTag/team": "none"}}
    other = understudy.client(service, as_=understudy.user("other", denying(action, **none)))
    assert refusal(getattr(other, name), **on, Tags=more).code in DENIED


def test_who_may_not_set_a_tag_gains_nothing_by_its_other_spelling(understudy):
    """The second false allow that was: `Team=lab` beside `team=ops` passed for `team=lab`."""
    ec2 = understudy.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": "ops"}])
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "ec2:CreateTags",
                "Resource": "*",
                "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}},
            },
            {
                "Effect": "Allow",
                "Action": "ec2:DeleteSecurityGroup",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": "lab"}},
            },
        ],
    }
    somebody = understudy.client("ec2", as_=understudy.user("somebody", policy))
    assert "UnauthorizedOperation" == refusal(somebody.create_tags, Resources=[group], Tags=BOTH[:1]).code
    somebody.create_tags(Resources=[group], Tags=BOTH[1:])
    assert "UnauthorizedOperation" == refusal(somebody.delete_security_group, GroupId=group).code


def test_the_keys_of_tags_are_values_and_compare_with_their_case(understudy):
    """IAM User Guide, `aws:TagKeys`: both spellings are there, and each is compared as it is written."""
    ec2 = understudy.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    somebody = understudy.client("ec2", as_=understudy.user("somebody", allowing("ec2:CreateTags", **only)))
    assert "UnauthorizedOperation" == refusal(somebody.create_tags, Resources=[vpc], Tags=BOTH).code
    (question,) = understudy.trail()[-1].evaluations
    assert ["team", "Team"] == question.context["aws:tagkeys"]
    somebody.create_tags(Resources=[vpc], Tags=BOTH[:1])


def test_a_creation_with_both_is_refused_too(understudy):
    lab = {"StringEquals": {"aws:RequestTag/team": "lab"}}
    somebody = understudy.client(
        "ec2", as_=understudy.user("somebody", allowing(["ec2:CreateVpc", "ec2:CreateTags"], **lab))
    )
    of = {"CidrBlock": "10.0.0.0/16"}
    both = [{"ResourceType": "vpc", "Tags": BOTH}]
    assert "UnauthorizedOperation" == refusal(somebody.create_vpc, **of, TagSpecifications=both).code
    one = [{"ResourceType": "vpc", "Tags": BOTH[:1]}]
    assert somebody.create_vpc(**of, TagSpecifications=one)


def test_a_session_has_a_tag_in_one_spelling(understudy):
    """STS API Reference, AssumeRole: session tags replace the role's, and no two of them differ in case alone."""
    iam, sts = understudy.client("iam"), understudy.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Principal": {"AWS": understudy.account},
            }
        ],
    }
    arn = iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps(trust),
        Tags=[{"Key": "team", "Value": "ops"}],
    )["Role"]["Arn"]
    lab = {"StringEquals": {"aws:PrincipalTag/team": "lab"}}
    iam.put_role_policy(
        RoleName="r", PolicyName="p", PolicyDocument=json.dumps(allowing("iam:ListUsers", **lab))
    )
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="me", Tags=BOTH[1:])
    assert understudy.client("iam", as_=understudy.session_of(answer)).list_users()
    told = refusal(sts.assume_role, RoleArn=arn, RoleSessionName="me", Tags=BOTH)
    assert "Duplicate tag keys found" in told.message


def test_the_explanation_says_so(understudy):
    ec2 = understudy.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    gateway = understudy.app.gateway
    explanations = Explanations(gateway, gateway.credentials)
    lab = {"StringEquals": {"aws:RequestTag/team": "lab"}}
    for name, policy, counted in (
        ("somebody", allowing("ec2:CreateTags", **lab), "an Allow counts it as not met"),
        ("other", denying("ec2:CreateTags", **lab), "a Deny counts it as met"),
    ):
        client = understudy.client("ec2", as_=understudy.user(name, policy))
        told = refusal(client.create_tags, Resources=[vpc], Tags=BOTH)
        text = explanations.of_request(told.request_id)["questions"][0]["text"]
        assert (
            f'there are several tags "team" in different letter case, so nothing can be said: {counted}'
            in text
        )


def test_a_recording_writes_no_condition_that_would_not_hold(understudy):
    """The recorded policy allows what it was recorded from."""
    ec2 = understudy.client("ec2", as_=understudy.allowing("somebody", "ec2:*"))
    ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": BOTH}])
    arn = f"arn:aws:iam::{understudy.account}:user/somebody"
    (found,) = Recordings(understudy.app.gateway).of(RecordPolicies(as_=arn))["principals"]
    assert [] == found["refuted"]
    assert "RequestTag" not in json.dumps(found["policies"])
