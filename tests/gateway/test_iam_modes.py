"""What soft mode and IAM off waive: the caller's permissions, and nothing of what others protect."""

from __future__ import annotations

import json

import pytest
from refusals import refusal, refused

from understudy_aws.gateway.request_context import principal_of
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.testing import Understudy

OTHER = "111111111111"
NETWORKING = "networking.apprunner.amazonaws.com"
LINKED = f"role/aws-service-role/{NETWORKING}/AWSServiceRoleForAppRunnerNetworking"


def trusting(*principals):
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(params=["strict", "soft", "off"])
def understudy(request):
    with Understudy(iam=request.param) as made:
        subnet = made.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        made.client("apprunner").create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])
        yield made


@pytest.fixture
def stranger(understudy):
    """The administrator of another account."""
    return understudy.account_administrator(OTHER)


def assume(understudy, who, arn):
    return understudy.client("sts", as_=who).assume_role(RoleArn=arn, RoleSessionName="night")


class TestInEveryMode:
    def test_nobody_but_its_service_assumes_a_linked_role(self, understudy):
        arn = f"arn:aws:iam::{understudy.account}:{LINKED}"
        said = refusal(assume, understudy=understudy, who=understudy.administrator, arn=arn)
        assert ("AccessDenied", 403) == (said.code, said.status)
        assert "because no role trust policy allows the sts:AssumeRole action" in said.message
        (evaluation,) = understudy.trail()[-1].evaluations
        assert ("implicit-deny", "trust") == (evaluation.effect, evaluation.layer)

    def test_another_accounts_administrator_gets_no_session_of_a_linked_role(self, understudy, stranger):
        with refused("AccessDenied"):
            assume(understudy, stranger, f"arn:aws:iam::{understudy.account}:{LINKED}")

    def test_its_service_does(self, understudy):
        connector = understudy.client("apprunner").list_vpc_connectors()["VpcConnectors"][0][
            "VpcConnectorArn"
        ]
        acting = RoleSession(
            understudy.app.gateway,
            principal=NETWORKING,
            role_arn=f"arn:aws:iam::{understudy.account}:{LINKED}",
            session_name="AppRunner",
            source_arn=connector,
        )
        assert acting.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"]

    def test_a_role_of_another_account_asks_its_trust_policy(self, understudy, stranger):
        iam = understudy.client("iam")
        closed = iam.create_role(RoleName="closed", AssumeRolePolicyDocument=trusting(understudy.account))
        with refused("AccessDenied"):
            assume(understudy, stranger, closed["Role"]["Arn"])
        opened = iam.create_role(RoleName="open", AssumeRolePolicyDocument=trusting(OTHER))
        assert assume(understudy, stranger, opened["Role"]["Arn"])["Credentials"]

    def test_a_role_that_is_not_there_is_no_way_through(self, understudy, stranger):
        with refused("AccessDenied"):
            assume(understudy, stranger, f"arn:aws:iam::{understudy.account}:role/nothing")

    def test_resources_of_another_account_stay_there(self, understudy, stranger):
        """Whatever may be named by its ARN."""
        iam, account = understudy.client("iam"), understudy.account
        policy = iam.create_policy(PolicyName="ours", PolicyDocument=ALLOWING)["Policy"]["Arn"]
        connector = understudy.client("apprunner").list_vpc_connectors()["VpcConnectors"][0][
            "VpcConnectorArn"
        ]
        theirs = {service: understudy.client(service, as_=stranger) for service in ("iam", "apprunner")}
        administrator = f"arn:aws:iam::{account}:user/Administrator"
        for call, params in (
            (theirs["iam"].get_policy, {"PolicyArn": policy}),
            (theirs["iam"].delete_policy, {"PolicyArn": policy}),
            (theirs["iam"].get_policy_version, {"PolicyArn": policy, "VersionId": "v1"}),
            (theirs["iam"].create_policy_version, {"PolicyArn": policy, "PolicyDocument": ALLOWING}),
            (theirs["iam"].list_entities_for_policy, {"PolicyArn": policy}),
            (
                theirs["iam"].simulate_principal_policy,
                {"PolicySourceArn": administrator, "ActionNames": ["iam:GetUser"]},
            ),
            (theirs["apprunner"].describe_vpc_connector, {"VpcConnectorArn": connector}),
            (theirs["apprunner"].delete_vpc_connector, {"VpcConnectorArn": connector}),
            (theirs["apprunner"].list_tags_for_resource, {"ResourceArn": connector}),
        ):
            said = refusal(call, **params)
            assert said.code in {"AccessDenied", "AccessDeniedException"}, said
            assert "because no resource-based policy allows" in said.message, said
            entry = understudy.trail()[-1]
            assert (OTHER, account) == (entry.caller.account, entry.evaluations[-1].account)


def test_soft_and_off_waive_the_callers_own_permissions():
    for mode in ("soft", "off"):
        with Understudy(iam=mode) as understudy:
            nobody = understudy.user("nobody")
            assert understudy.client("iam", as_=nobody).list_users()["Users"]
            arn = understudy.client("iam").create_role(
                RoleName="anybody", AssumeRolePolicyDocument=trusting(f"{understudy.account}")
            )["Role"]["Arn"]
            assert assume(understudy, nobody, arn)["Credentials"]


def test_in_soft_mode_the_trail_has_every_question_once():
    with Understudy(iam="soft") as understudy:
        stranger = understudy.account_administrator(OTHER)
        with refused("AccessDenied"):
            assume(understudy, stranger, f"arn:aws:iam::{understudy.account}:role/nothing")
        entry = understudy.trail()[-1]
        assert (1, "trust") == (len(entry.evaluations), entry.evaluations[0].layer)
        assert principal_of(entry.caller) == entry.principal


ALLOWING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}'
