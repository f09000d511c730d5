"""One builder of condition keys: what is asked ahead carries what the call carries, whoever calls."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.admin.explanations import Explanations
from understudy_aws.authn.caller import ANONYMOUS, Caller
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway import authorization
from understudy_aws.testing import Understudy

ACCOUNT, OTHER = "000000000000", "111111111111"
NETWORKING = "networking.apprunner.amazonaws.com"
LINKED_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{NETWORKING}/AWSServiceRoleForAppRunnerNetworking"
)
CONNECTOR = f"arn:aws:apprunner:us-east-1:{ACCOUNT}:vpcconnector/web/1/00000000000000000000000000000000"
TAGS = [{"Key": "team", "Value": "web"}]
# What only the request itself decides, and whoever asks ahead has to state.
STATED = (
    "aws:sourceip", "aws:useragent", "aws:securetransport", "aws:requesttag/", "aws:tagkeys", "ec2:createaction",
    "sts:", "aws:requestedregion", "ec2:region",
)  # fmt: skip
TIMES = {"aws:currenttime", "aws:epochtime"}
CALLS = [
    ("ec2", "DescribeVpcs", {}),
    ("ec2", "CreateVpc", {"cidr_block": "10.0.0.0/16", "dry_run": True}),
    ("iam", "GetRole", {"role_name": "Target"}),
    ("iam", "ListUsers", {}),
    ("iam", "GetPolicy", {"policy_arn": f"arn:aws:iam::{OTHER}:policy/theirs"}),
    ("sts", "AssumeRole", {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/Target", "role_session_name": "night"}),
    ("sts", "AssumeRole", {"role_arn": f"arn:aws:iam::{OTHER}:role/Theirs", "role_session_name": "night"}),
    ("sts", "AssumeRole", {"role_arn": LINKED_ROLE, "role_session_name": "night", "external_id": "42"}),
    ("organizations", "DescribeOrganization", {}),
]
CONDITIONS = [
    {},
    {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"StringEquals": {"aws:PrincipalType": "User"}},
    {"Null": {"aws:PrincipalType": "true"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"Null": {"aws:PrincipalArn": "true"}},
    {"Bool": {"aws:PrincipalIsAWSService": "true"}},
    {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
    {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:apprunner:*:*:vpcconnector/*"}},
    {"StringEquals": {"aws:PrincipalTag/team": "web"}},
    {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    {"StringLike": {"aws:userid": "*:*"}},
    {"Null": {"aws:username": "false"}},
    {"Null": {"aws:TokenIssueTime": "false"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
    {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"Null": {"aws:ResourceOrgID": "true"}},
    {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
    {"Null": {"aws:SourceIdentity": "false"}},
]


def document(effect, condition, **more):
    statement = {"Effect": effect, "Action": "*", "Condition": condition, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass
class Estate:
    """Two accounts, one in an organization, and a caller of every kind."""

    understudy: Understudy
    explanations: Explanations
    callers: dict[str, Caller]
    asked: list


@pytest.fixture(scope="module")
def estate():
    with Understudy() as understudy, pytest.MonkeyPatch.context() as patch:
        asked = []

        def noting(question, bindings, decide=authorization.decide):
            decision = decide(question, bindings)
            asked.append((question, decision))
            return decision

        patch.setattr(authorization, "decide", noting)
        gateway = understudy.app.gateway
        yield Estate(
            understudy, Explanations(gateway, gateway.authorizer._policies), callers_in(understudy), asked
        )


def callers_in(understudy):
    iam, sts = understudy.client("iam"), understudy.client("sts")
    understudy.client("organizations").create_organization()
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    understudy.client("apprunner").create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])
    everybody = document("Allow", {}, Principal={"AWS": "*"}).replace(
        '"*", "Condition"', '"sts:*", "Condition"'
    )
    iam.create_role(RoleName="Target", AssumeRolePolicyDocument=everybody, Tags=TAGS)
    theirs = understudy.client("iam", as_=understudy.account_administrator(OTHER))
    theirs.create_role(RoleName="Theirs", AssumeRolePolicyDocument=everybody)
    user = understudy.user("me", {"Version": "2012-10-17", "Statement": [ALLOW_ALL]})
    iam.tag_user(UserName="me", Tags=TAGS)
    iam.create_role(
        RoleName="Mine", AssumeRolePolicyDocument=everybody, Tags=[{"Key": "team", "Value": "db"}]
    )
    mine = f"arn:aws:iam::{ACCOUNT}:role/Mine"
    session = sts.assume_role(
        RoleArn=mine,
        RoleSessionName="me",
        Tags=TAGS,
        SourceIdentity="ann",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL]}),
    )
    federated = understudy.client("sts", as_=user).get_federation_token(
        Name="guest", Policy=json.dumps({"Version": "2012-10-17", "Statement": [ALLOW_ALL]}), Tags=TAGS
    )
    short = understudy.client("sts", as_=user).get_session_token()
    service = Caller(
        "service", ACCOUNT, NETWORKING, NETWORKING, NETWORKING, source_arn=CONNECTOR, source_account=ACCOUNT
    )
    linked = understudy.app.gateway.perform(
        service,
        "sts",
        "AssumeRole",
        {"role_arn": LINKED_ROLE, "role_session_name": "AppRunner"},
        region="us-east-1",
    )

    def of(access_key_id):
        with understudy.app.database.transaction() as tx:
            return understudy.app.gateway.credentials.credential(tx, access_key_id).caller

    return {
        "root": Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
        "user": of(user.access_key_id),
        "user's session": of(short["Credentials"]["AccessKeyId"]),
        "role session": of(session["Credentials"]["AccessKeyId"]),
        "federated": of(federated["Credentials"]["AccessKeyId"]),
        "service": service,
        "service without a source": Caller("service", ACCOUNT, NETWORKING, NETWORKING, NETWORKING),
        "service-linked session": of(linked["Credentials"]["AccessKeyId"]),
        "anonymous": ANONYMOUS,
    }


NAMES = count()


@settings(max_examples=120)
@given(data=st.data())
def test_asking_ahead_what_a_call_did_gives_its_decision_and_its_keys(estate, data):
    understudy, iam = estate.understudy, estate.understudy.client("iam")
    gateway = understudy.app.gateway
    caller = estate.callers[data.draw(st.sampled_from(sorted(estate.callers)), label="caller")]
    own, trust = (
        (data.draw(st.sampled_from(["Allow", "Deny"])), data.draw(st.sampled_from(CONDITIONS)))
        for _ in range(2)
    )
    policy = document(*own, Resource="*")
    iam.put_user_policy(UserName="me", PolicyName="drawn", PolicyDocument=policy)
    iam.put_role_policy(RoleName="Mine", PolicyName="drawn", PolicyDocument=policy)
    trusting = json.loads(document(*trust, Principal={"AWS": "*"}))
    trusting["Statement"][0]["Action"] = "sts:AssumeRole"
    iam.update_assume_role_policy(RoleName="Target", PolicyDocument=json.dumps(trusting))
    service, operation, params = data.draw(st.sampled_from(CALLS), label="call")
    region = data.draw(st.sampled_from(["us-east-1", "eu-west-1"]))
    estate.asked.clear()
    with suppress(ApiError):
        gateway.perform(caller, service, operation, params, region=region)
    asked = estate.asked.copy()
    entry = understudy.trail(limit=1)[-1]
    assert caller == entry.caller
    assert asked or (caller.kind, operation) == ("root", "AssumeRole") or entry.outcome != "ok"
    assert [decision.effect for _, decision in asked] == [each.effect for each in entry.evaluations]
    for question, decision in asked:
        stated = {key: value for key, value in question.context.items() if key.startswith(STATED)}
        with understudy.app.database.transaction() as tx:
            ahead = estate.explanations.question_ahead(
                tx, entry.caller, question.action, question.resource, stated
            )
            answer = estate.explanations.answer_ahead(tx, entry.caller, ahead)
        assert {**question.context, **dict.fromkeys(TIMES)} == {**ahead.context, **dict.fromkeys(TIMES)}
        assert question.resource_account == ahead.resource_account
        assert question.principal == ahead.principal
        assert decision.effect == answer["effect"], answer["text"]


KINDS = ["root", "user", "role session", "federated", "service", "service-linked session", "anonymous"]


@pytest.mark.parametrize(
    ("key", "who"),
    {
        "aws:principalarn": {"root", "user", "role session", "federated", "service-linked session"},
        "aws:principalaccount": set(KINDS) - {"service"},
        "aws:principaltype": set(KINDS) - {"service"},
        "aws:userid": set(KINDS) - {"service"},
        "aws:username": {"user"},
        "aws:principalisawsservice": set(KINDS) - {"anonymous"},
        "aws:principalservicename": {"service"},
        "aws:sourcearn": {"service"},
        "aws:sourceorgid": {"service"},
        "aws:tokenissuetime": {"role session", "federated", "service-linked session"},
        "aws:multifactorauthpresent": {"role session", "federated", "service-linked session"},
        "aws:sourceidentity": {"role session"},
        "aws:principaltag/team": {"user", "role session", "federated"},
        "aws:principalorgid": set(KINDS) - {"service", "anonymous"},
        "aws:resourceaccount": set(KINDS),
    }.items(),
)
def test_a_key_is_carried_by_these_kinds_of_callers(estate, key, who):
    """policies.md 4.5 and 4.6; of service principals AWS documents no other keys."""
    carrying = set()
    for kind in KINDS:
        estate.asked.clear()
        with suppress(ApiError):
            estate.understudy.app.gateway.perform(
                estate.callers[kind], "ec2", "DescribeVpcs", {}, region="us-east-1"
            )
        ((question, _decision),) = estate.asked
        if key in question.context:
            carrying.add(kind)
    assert who == carrying


@pytest.mark.parametrize("asking", ["eu-west-1", "us-east-1"])
def test_global_services_are_called_in_us_east_1(estate, asking):
    """policies.md 4.6: whatever Region the client or the calling service is in."""
    estate.asked.clear()
    gateway = estate.understudy.app.gateway
    gateway.perform(estate.callers["root"], "iam", "ListUsers", {}, region=asking)
    gateway.perform(estate.callers["root"], "ec2", "DescribeVpcs", {}, region=asking)
    assert ["us-east-1", asking] == [question.context["aws:requestedregion"] for question, _ in estate.asked]
