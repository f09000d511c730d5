"""Why a request was decided as it was."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from understudy.server.explanations import Explanations, NothingToExplainError

PRINCIPAL = "networking.apprunner.amazonaws.com"
ROLE = "AWSServiceRoleForAppRunnerNetworking"


@pytest.fixture
def explanations(understudy):
    gateway = understudy.app.gateway
    return Explanations(gateway, gateway.credentials)


def refused(call, **params) -> str:
    """The request id of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["ResponseMetadata"]["RequestId"]


def connector_refused(understudy) -> str:
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    who = understudy.allowing("deploy", "apprunner:*", "ec2:Describe*")
    apprunner = understudy.client("apprunner", as_=who)
    return refused(apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=[subnet])


class TestOfARequest:
    def test_the_missing_statement_of_a_refused_connector_is_named(self, understudy, explanations):
        answer = explanations.of_request(connector_refused(understudy))
        questions = [
            *answer["questions"],
            *(each for made in answer["made_for_it"] for each in made["questions"]),
        ]
        missing = [
            json.loads(each["missing_statement"]) for each in questions if each.get("missing_statement")
        ]
        arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        assert [
            {
                "Effect": "Allow",
                "Action": "iam:CreateServiceLinkedRole",
                "Resource": arn,
                "Condition": {"StringEquals": {"iam:AWSServiceName": PRINCIPAL}},
            }
        ] == missing
        assert answer["refused"]
        assert "iam:CreateServiceLinkedRole" in answer["summary"]

    def test_granting_what_is_missing_lets_the_request_pass_and_the_explanation_says_so(
        self, understudy, explanations
    ):
        who = understudy.user("me")
        iam = understudy.client("iam", as_=who)
        request_id = refused(iam.get_user, UserName="me")
        before = explanations.of_request(request_id)["questions"][0]
        assert ("implicit-deny", None) == (before["effect"], before.get("now"))
        document = {"Version": "2012-10-17", "Statement": [json.loads(before["missing_statement"])]}
        understudy.client("iam").put_user_policy(
            UserName="me", PolicyName="granted", PolicyDocument=json.dumps(document)
        )
        iam.get_user(UserName="me")
        after = explanations.of_request(request_id)["questions"][0]
        assert "Policies have changed since: asked now, the answer is yes." == after["now"]
        assert "implicit-deny" == after["effect"]

    def test_an_explicit_denial_names_its_statement_and_no_missing_one(self, understudy, explanations):
        deny = {"Sid": "NoUsers", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}
        who = understudy.user("me", {"Version": "2012-10-17", "Statement": [deny]})
        request_id = refused(understudy.client("iam", as_=who).get_user, UserName="me")
        answer = explanations.of_request(request_id)
        question = answer["questions"][0]
        assert ("explicit-deny", "NoUsers", "") == (
            question["effect"],
            question["sid"],
            question["missing_statement"],
        )
        assert answer["summary"].endswith("a statement denies it.")

    def test_an_allowed_request_names_who_allowed_it(self, understudy, explanations):
        request_id = understudy.client("iam").list_users()["ResponseMetadata"]["RequestId"]
        answer = explanations.of_request(request_id)
        assert not answer["refused"]
        assert "AdministratorAccess" in answer["questions"][0]["text"]
        assert "iam:ListUsers was allowed and carried out." == answer["summary"]

    def test_a_refusal_that_no_policy_made_says_so(self, understudy, explanations):
        request_id = refused(understudy.client("iam").get_user, UserName="nobody")
        assert explanations.of_request(request_id)["summary"].startswith("No policy stood in the way")

    def test_the_trust_policy_that_refused_is_asked_again(self, understudy, explanations):
        understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
        arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        request_id = refused(understudy.client("sts").assume_role, RoleArn=arn, RoleSessionName="me")
        question = explanations.of_request(request_id)["questions"][-1]
        assert ("sts:AssumeRole", None) == (question["action"], question.get("now"))
        assert "allow" != question["effect"]
        assert "" == question["missing_statement"], "nobody can add to this role's trust policy"
        assert f"{ROLE} is {PRINCIPAL}'s own: it lets nobody else in, and stays as it is." == question["note"]

    def test_a_trust_policy_that_names_a_user_is_read_as_it_is_decided(self, understudy, explanations):
        who = understudy.allowing("me", "sts:AssumeRole")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{understudy.account}:user/me"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
                }
            ],
        }
        role = understudy.client("iam").create_role(
            RoleName="theirs", AssumeRolePolicyDocument=json.dumps(trust)
        )["Role"]
        sts = understudy.client("sts", as_=who)
        request_id = refused(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="me")
        question = explanations.of_request(request_id)["questions"][-1]
        assert ("implicit-deny", None) == (question["effect"], question.get("now"))
        ahead = explanations.ahead(
            f"arn:aws:iam::{understudy.account}:user/me",
            "sts:AssumeRole",
            role["Arn"],
            {"sts:ExternalId": "42"},
        )
        assert "allow" == ahead["effect"]

    def test_an_unknown_request_is_one_sentence(self, explanations):
        with pytest.raises(NothingToExplainError, match="The trail holds no request nothing"):
            explanations.of_request("nothing")


class TestAhead:
    def effect(self, explanations, who, action, resource="*", **context):
        return explanations.ahead(who, action, resource, context)["effect"]

    def test_a_user_is_asked_with_his_policies_and_name(self, understudy, explanations):
        own = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "arn:aws:iam::*:user/${aws:username}"}
        understudy.user("me", {"Version": "2012-10-17", "Statement": [own]})
        me = f"arn:aws:iam::{understudy.account}:user/me"
        assert "allow" == self.effect(explanations, me, "iam:GetUser", me)
        assert "implicit-deny" == self.effect(explanations, me, "iam:GetUser", f"{me}2")

    @pytest.mark.parametrize(
        ("action", "context", "effect"),
        [
            ("ec2:CreateNetworkInterface", {"aws:TagKeys": ["AWSAppRunnerManaged"]}, "allow"),
            ("ec2:CreateNetworkInterface", {"aws:TagKeys": "AWSAppRunnerManaged"}, "allow"),
            ("ec2:CreateNetworkInterface", {"aws:TagKeys": ["Name"]}, "implicit-deny"),
            ("ec2:CreateNetworkInterface", {}, "allow"),
            ("ec2:DeleteNetworkInterface", {"ec2:ResourceTag/AWSAppRunnerManaged": ""}, "allow"),
            ("ec2:DeleteNetworkInterface", {}, "implicit-deny"),
            ("ec2:DescribeRouteTables", {}, "implicit-deny"),
        ],
    )
    def test_the_networking_role_is_asked_with_the_keys_given(
        self, understudy, explanations, action, context, effect
    ):
        understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
        role = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        interface = f"arn:aws:ec2:us-east-1:{understudy.account}:network-interface/eni-1"
        assert effect == self.effect(explanations, role, action, interface, **context)

    def test_root_may_do_everything(self, understudy, explanations):
        root = f"arn:aws:iam::{understudy.account}:root"
        assert "allow" == self.effect(explanations, root, "ec2:CreateVpc")

    @pytest.mark.parametrize(
        "who",
        [
            "me",
            "arn:aws:iam::000000000000:user/absent",
            "arn:aws:iam::000000000000:role/absent",
            "arn:aws:iam::000000000000:group/us",
            "arn:aws:sts::000000000000:assumed-role/x/y",
        ],
    )
    def test_nobody_is_one_sentence(self, explanations, who):
        with pytest.raises(NothingToExplainError):
            explanations.ahead(who, "ec2:CreateVpc", "*", {})

    @pytest.mark.parametrize("action", ["CreateVpc", "ec2:", ":CreateVpc", ""])
    def test_an_action_has_a_service(self, understudy, explanations, action):
        with pytest.raises(NothingToExplainError, match="An action is written service:Name"):
            explanations.ahead(f"arn:aws:iam::{understudy.account}:root", action, "*", {})
