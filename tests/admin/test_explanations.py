"""Why a request was decided as it was."""

from __future__ import annotations

import json

import pytest
from refusals import refusal

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.explanations import Explanations

PRINCIPAL = "networking.apprunner.amazonaws.com"
ROLE = "AWSServiceRoleForAppRunnerNetworking"

IMAGE = {
    "ImageRepository": {
        "ImageIdentifier": "public.ecr.aws/aws-containers/hello-app-runner:latest",
        "ImageRepositoryType": "ECR_PUBLIC",
    }
}
DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}


@pytest.fixture
def explanations(understudy):
    gateway = understudy.app.gateway
    return Explanations(gateway, gateway.credentials)


def connector_refused(understudy) -> str:
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    who = understudy.allowing("deploy", "apprunner:*", "ec2:Describe*")
    apprunner = understudy.client("apprunner", as_=who)
    return refusal(apprunner.create_vpc_connector, VpcConnectorName="web-vpc", Subnets=[subnet]).request_id


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

    def test_of_a_service_whose_role_cannot_be_assumed_the_trust_policy_is_named(
        self, understudy, explanations
    ):
        """App Runner assumes the role as itself, in the course of the request."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "build.apprunner.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = understudy.client("iam").create_role(
            RoleName="instance",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )["Role"]["Arn"]
        refused = refusal(
            understudy.client("apprunner").create_service,
            ServiceName="site",
            SourceConfiguration=IMAGE,
            InstanceConfiguration={"InstanceRoleArn": role},
        )
        assert "Error in assuming instance role" in refused.message
        answer = explanations.of_request(refused.request_id)
        [made] = answer["made_for_it"]
        assert made["call"].caller.arn == "tasks.apprunner.amazonaws.com"
        [question] = made["questions"]
        assert (question["effect"], question["layer"]) == ("implicit-deny", "trust")
        assert answer["summary"] == (
            f"apprunner:CreateService was refused over sts:AssumeRole on {role}: no statement allows it."
        )
        # The call itself is nobody's but App Runner's.
        assert made["call"].parent == ""

    def test_of_a_connection_that_waits_the_command_that_approves_it_is_named(self, understudy, explanations):
        apprunner = understudy.client("apprunner")
        made = apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB")["Connection"]
        code = {
            "RepositoryUrl": "https://github.com/example/app",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
        }
        source = {
            "CodeRepository": code,
            "AuthenticationConfiguration": {"ConnectionArn": made["ConnectionArn"]},
        }
        refused = refusal(apprunner.create_service, ServiceName="site", SourceConfiguration=source)
        assert "PENDING_HANDSHAKE" in refused.message
        assert explanations.of_request(refused.request_id)["summary"].endswith(
            "because its connection waits to be approved: `understudy connection approve github`."
        )

    def test_granting_what_is_missing_lets_the_request_pass_and_the_explanation_says_so(
        self, understudy, explanations
    ):
        who = understudy.user("me")
        iam = understudy.client("iam", as_=who)
        request_id = refusal(iam.get_user, UserName="me").request_id
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
        request_id = refusal(understudy.client("iam", as_=who).get_user, UserName="me").request_id
        answer = explanations.of_request(request_id)
        question = answer["questions"][0]
        assert ("explicit-deny", "NoUsers", "") == (
            question["effect"],
            question["sid"],
            question["missing_statement"],
        )
        assert answer["summary"].endswith("a statement denies it.")
        assert {"line": 1, "column": 41} == question["position"]["start"]

    def test_an_allowed_request_names_who_allowed_it(self, understudy, explanations):
        request_id = understudy.client("iam").list_users()["ResponseMetadata"]["RequestId"]
        answer = explanations.of_request(request_id)
        assert not answer["refused"]
        assert "AdministratorAccess" in answer["questions"][0]["text"]
        assert "iam:ListUsers was allowed and carried out." == answer["summary"]

    def test_a_refusal_that_no_policy_made_says_so(self, understudy, explanations):
        request_id = refusal(understudy.client("iam").get_user, UserName="nobody").request_id
        assert explanations.of_request(request_id)["summary"].startswith("No policy stood in the way")

    def test_the_trust_policy_that_refused_is_asked_again(self, understudy, explanations):
        understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
        arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        request_id = refusal(
            understudy.client("sts").assume_role, RoleArn=arn, RoleSessionName="me"
        ).request_id
        question = explanations.of_request(request_id)["questions"][-1]
        assert ("sts:AssumeRole", None) == (question["action"], question.get("now"))
        assert "allow" != question["effect"]
        assert "" == question["missing_statement"], "nobody can add to this role's trust policy"
        assert [] == question["remedies"]
        assert (
            f"{ROLE} is service-linked: only {PRINCIPAL} assumes it, and AWS lets nobody change its trust policy. "
            "There is nothing that would allow this."
        ) == question["unchangeable"]
        assert question["unchangeable"] in question["text"]

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
        request_id = refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="me").request_id
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
        with pytest.raises(NotFoundError, match="The trail holds no request nothing"):
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
            "arn:aws:sts::000000000000:assumed-role/Target",
            "arn:aws:sts::000000000000:federated-user/alice",
            "arn:aws:iam::999999999999:root",
            "arn:aws:s3:::bucket",
            "Not.A.service.amazonaws.com",
        ],
    )
    def test_nobody_is_one_sentence(self, explanations, who):
        with pytest.raises(InvalidRequestError):
            explanations.ahead(who, "ec2:CreateVpc", "*", {})

    @pytest.mark.parametrize("action", ["CreateVpc", "ec2:", ":CreateVpc", ""])
    def test_an_action_has_a_service(self, understudy, explanations, action):
        with pytest.raises(InvalidRequestError, match="An action is written service:Name"):
            explanations.ahead(f"arn:aws:iam::{understudy.account}:root", action, "*", {})

    def trusting(self, understudy, name, principal, **condition) -> str:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        if condition:
            statement["Condition"] = condition
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam = understudy.client("iam")
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]

    def test_a_role_s_session_is_asked_with_the_role_s_policies(self, understudy, explanations):
        self.trusting(understudy, "Target", {"AWS": understudy.account})
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        understudy.client("iam").put_role_policy(
            RoleName="Target", PolicyName="all", PolicyDocument=json.dumps({"Statement": everything})
        )
        session = f"arn:aws:sts::{understudy.account}:assumed-role/Target/night"
        answer = explanations.ahead(session, "ec2:DescribeVpcs", "*", {})
        assert ("allow", session) == (answer["effect"], answer["principal"])
        assert "a session policy can only take from them" in answer["note"]
        wrong_case = session.replace("Target", "target")
        with pytest.raises(InvalidRequestError, match="There is no role for"):
            explanations.ahead(wrong_case, "ec2:DescribeVpcs", "*", {})

    def test_a_service_is_asked_by_its_name(self, understudy, explanations):
        understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
        role = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        assert "allow" == self.effect(explanations, PRINCIPAL, "sts:AssumeRole", role)
        assert "implicit-deny" == self.effect(explanations, "ec2.amazonaws.com", "sts:AssumeRole", role)
        assert "implicit-deny" == self.effect(explanations, PRINCIPAL, "ec2:CreateVpc")

    def test_both_accounts_have_a_say_in_assuming_a_role(self, understudy, explanations):
        """Reference policies.md 4.8: across accounts both sides must allow."""
        other = understudy.account_administrator("444455556666")
        eve = "arn:aws:iam::444455556666:user/eve"
        iam = understudy.client("iam", as_=other)
        iam.create_user(UserName="eve")
        role = self.trusting(understudy, "Target", {"AWS": "444455556666"})
        answer = explanations.ahead(eve, "sts:AssumeRole", role, {})
        assert ("implicit-deny", "identity") == (answer["effect"], answer["layer"])
        assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
        iam.put_user_policy(
            UserName="eve", PolicyName="assume", PolicyDocument=json.dumps({"Statement": assume})
        )
        assert "allow" == self.effect(explanations, eve, "sts:AssumeRole", role)
        assert "allow" == self.effect(explanations, eve, "STS:assumerole", role)
        closed = self.trusting(understudy, "Closed", {"Service": "ec2.amazonaws.com"})
        answer = explanations.ahead(
            "arn:aws:iam::444455556666:user/Administrator", "sts:AssumeRole", closed, {}
        )
        assert ("implicit-deny", "trust") == (answer["effect"], answer["layer"])
        assert answer["remedies"][0]["change"].startswith(
            f"let account {understudy.account} add to the trust policy"
        )

    def test_a_role_that_is_not_there_trusts_nobody(self, understudy, explanations):
        """Reference sts.md 3.1: it looks like one that refuses."""
        role = f"arn:aws:iam::{understudy.account}:role/Absent"
        administrator = f"arn:aws:iam::{understudy.account}:user/Administrator"
        answer = explanations.ahead(administrator, "sts:AssumeRole", role, {})
        assert ("implicit-deny", [], "") == (
            answer["effect"],
            answer["remedies"],
            answer["missing_statement"],
        )
        assert f"There is no role {role} here" in answer["text"]

    @pytest.mark.parametrize(
        "action", ["sts:GetCallerIdentity", "STS:getcalleridentity", "sts:GetSessionToken"]
    )
    def test_what_needs_no_permission_is_allowed_whatever_denies_it(self, understudy, explanations, action):
        """Reference sts.md 3.2: these succeed even under an explicit deny."""
        keys = understudy.user("bob", {"Version": "2012-10-17", "Statement": {**DENY_ALL}})
        sts = understudy.client("sts", as_=keys)
        arn = sts.get_caller_identity()["Arn"]
        assert sts.get_session_token()["Credentials"]
        answer = explanations.ahead(arn, action, "*", {})
        assert ("allow", []) == (answer["effect"], list(answer["remedies"]))
        assert f"ALLOWED  {action} on *\n        for {arn}\n" in answer["text"]
        assert "a Deny does not stop it" in answer["text"]
        assert "explicit-deny" == self.effect(explanations, arn, "sts:GetServiceBearerToken")

    def test_sessions_get_no_session_token_and_nothing_would_allow_it(self, understudy, explanations):
        self.trusting(understudy, "Target", {"AWS": understudy.account})
        session = f"arn:aws:sts::{understudy.account}:assumed-role/Target/night"
        answer = explanations.ahead(session, "sts:GetSessionToken", "*", {})
        assert ("implicit-deny", []) == (answer["effect"], list(answer["remedies"]))
        assert "for their own keys alone" in answer["unchangeable"]
        assert "allow" == self.effect(explanations, session, "sts:GetCallerIdentity")

    def test_a_key_of_kms_is_said_to_have_a_policy_that_was_not_asked(self, understudy, explanations):
        """Reference policies.md 4.8: key policies must always allow; creating and listing keys asks none."""
        administrator = f"arn:aws:iam::{understudy.account}:user/Administrator"
        key = f"arn:aws:kms:us-east-1:{understudy.account}:key/1"
        assert "must allow this too" in explanations.ahead(administrator, "kms:Decrypt", key, {})["note"]
        assert "" == explanations.ahead(administrator, "kms:ListKeys", "*", {})["note"]

    def test_the_root_user_assumes_no_role(self, understudy, explanations):
        """Reference sts.md 3.1."""
        root = f"arn:aws:iam::{understudy.account}:root"
        role = self.trusting(understudy, "Target", {"AWS": understudy.account})
        answer = explanations.ahead(root, "sts:AssumeRole", role, {})
        assert ("implicit-deny", []) == (answer["effect"], list(answer["remedies"]))
        assert "lets no account's root user assume a role" in answer["text"]

    def test_the_external_id_is_named_that_would_let_in(self, understudy, explanations):
        role = self.trusting(
            understudy, "Target", {"AWS": understudy.account}, StringEquals={"sts:ExternalId": "42"}
        )
        administrator = f"arn:aws:iam::{understudy.account}:user/Administrator"
        answer = explanations.ahead(administrator, "sts:AssumeRole", role, {})
        assert {"sts:ExternalId": "42"} == answer["alternative"]
        assert "allow" == self.effect(
            explanations, administrator, "sts:AssumeRole", role, **answer["alternative"]
        )

    def test_a_service_linked_role_s_permissions_stay_as_they_are(self, understudy, explanations):
        understudy.client("iam").create_service_linked_role(AWSServiceName=PRINCIPAL)
        role = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        answer = explanations.ahead(
            role, "ec2:CreateVpc", f"arn:aws:ec2:us-east-1:{understudy.account}:vpc/*", {}
        )
        assert ([], "") == (answer["remedies"], answer["missing_statement"])
        assert answer["unchangeable"].startswith(f"{ROLE} is service-linked")

    def test_keys_every_request_carries_are_there_without_being_given(self, understudy, explanations):
        """Reference policies.md 4.6."""
        condition = {
            "StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:ResourceAccount": understudy.account},
            "Bool": {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"},
            "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"},
        }
        own = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": condition}
        understudy.user("me", {"Version": "2012-10-17", "Statement": [own]})
        me = f"arn:aws:iam::{understudy.account}:user/me"
        ireland = f"arn:aws:ec2:eu-west-1:{understudy.account}:vpc/*"
        assert "allow" == self.effect(explanations, me, "ec2:CreateVpc", ireland)
        assert "implicit-deny" == self.effect(
            explanations, me, "ec2:CreateVpc", ireland.replace("eu-west", "us-east")
        )
        assert "implicit-deny" == self.effect(
            explanations, me, "ec2:CreateVpc", ireland, **{"aws:SecureTransport": "false"}
        )

    def test_tags_of_a_role_that_exists_are_there(self, understudy, explanations):
        role = self.trusting(understudy, "Target", {"AWS": understudy.account})
        understudy.client("iam").tag_role(RoleName="Target", Tags=[{"Key": "team", "Value": "web"}])
        own = {
            "Effect": "Allow",
            "Action": "iam:GetRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:ResourceTag/Team": "web"}},
        }
        understudy.user("me", {"Version": "2012-10-17", "Statement": [own]})
        me = f"arn:aws:iam::{understudy.account}:user/me"
        assert "allow" == self.effect(explanations, me, "iam:GetRole", role)

    def test_what_an_interface_or_a_connector_carries_is_there(self, understudy, explanations):
        """Asked ahead about what exists, the answer is the one its request would get (ec2.md 7.1)."""
        ec2, apprunner = understudy.client("ec2"), understudy.client("apprunner")
        subnet = ec2.describe_subnets()["Subnets"][0]
        tags = [{"Key": "team", "Value": "web"}]
        specification = {"ResourceType": "network-interface", "Tags": tags}
        made = ec2.create_network_interface(SubnetId=subnet["SubnetId"], TagSpecifications=[specification])
        interface = made["NetworkInterface"]["NetworkInterfaceId"]
        connector = apprunner.create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=[subnet["SubnetId"]], Tags=tags
        )["VpcConnector"]["VpcConnectorArn"]
        vpc = f"arn:aws:ec2:us-east-1:{understudy.account}:vpc/{subnet['VpcId']}"
        statements = [
            {
                "Effect": "Allow",
                "Action": "ec2:DeleteNetworkInterface",
                "Resource": "*",
                "Condition": {"StringEquals": {"ec2:ResourceTag/team": "web"}, "ArnEquals": {"ec2:Vpc": vpc}},
            },
            {
                "Effect": "Allow",
                "Action": "apprunner:DeleteVpcConnector",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}},
            },
        ]
        who = understudy.user("me", {"Version": "2012-10-17", "Statement": statements})
        me = f"arn:aws:iam::{understudy.account}:user/me"
        arn = f"arn:aws:ec2:us-east-1:{understudy.account}:network-interface/{interface}"
        assert "allow" == self.effect(explanations, me, "ec2:DeleteNetworkInterface", arn)
        assert "implicit-deny" == self.effect(explanations, me, "ec2:DeleteNetworkInterface", arn[:-1])
        assert "allow" == self.effect(explanations, me, "apprunner:DeleteVpcConnector", connector)
        understudy.client("ec2", as_=who).delete_network_interface(NetworkInterfaceId=interface)
        understudy.client("apprunner", as_=who).delete_vpc_connector(VpcConnectorArn=connector)

    def test_a_list_key_of_any_service_is_a_list(self, understudy, explanations):
        """The catalogue knows which are; a plain operator never matches one (policies.md 4.4)."""
        for name, operator in (("plain", "StringEquals"), ("any", "ForAnyValue:StringEquals")):
            own = {
                "Effect": "Allow",
                "Action": "lambda:CreateFunction",
                "Resource": "*",
                "Condition": {operator: {"lambda:SubnetIds": "subnet-1"}},
            }
            understudy.user(name, {"Version": "2012-10-17", "Statement": [own]})
        function = f"arn:aws:lambda:us-east-1:{understudy.account}:function:f"
        effects = [
            self.effect(
                explanations,
                f"arn:aws:iam::{understudy.account}:user/{name}",
                "lambda:CreateFunction",
                function,
                **{"lambda:SubnetIds": "subnet-1"},
            )
            for name in ("plain", "any")
        ]
        assert ["implicit-deny", "allow"] == effects

    def test_the_name_of_the_service_is_read_off_the_role_to_be_made(self, understudy, explanations):
        own = {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": PRINCIPAL}},
        }
        understudy.user("me", {"Version": "2012-10-17", "Statement": [own]})
        me = f"arn:aws:iam::{understudy.account}:user/me"
        role = f"arn:aws:iam::{understudy.account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"
        assert "allow" == self.effect(explanations, me, "iam:CreateServiceLinkedRole", role)
        other = role.replace(PRINCIPAL, "ecs.amazonaws.com")
        assert "implicit-deny" == self.effect(explanations, me, "iam:CreateServiceLinkedRole", other)


class TestWords:
    """What things are called."""

    def test_a_key_given_in_vain_is_said_to_be(self, understudy, explanations):
        administrator = f"arn:aws:iam::{understudy.account}:user/Administrator"
        given = {"aws:RequestTags/team": "web", "aws:SourceIp": "10.0.0.1", "ec2:ResourceTag/team": "web"}
        answer = explanations.ahead(administrator, "ec2:DescribeVpcs", "*", given)
        assert (
            "As for aws:RequestTags/team, no service knows this key; aws:RequestTag/team may be meant.\n"
            "As for ec2:ResourceTag/team, ec2:DescribeVpcs never carries it: no value would help."
        ) == answer["note"]

    def test_a_policy_of_a_group_is_told_with_the_group(self, understudy, explanations):
        iam = understudy.client("iam")
        understudy.user("me")
        iam.create_group(GroupName="ops")
        iam.put_group_policy(
            GroupName="ops",
            PolicyName="given",
            PolicyDocument='{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}',
        )
        iam.add_user_to_group(GroupName="ops", UserName="me")
        me = f"arn:aws:iam::{understudy.account}:user/me"
        answer = explanations.ahead(me, "ec2:DescribeVpcs", "*", {})
        assert "given of group ops, statement 1" in answer["text"]
        assert "given" == answer["policy"]

    def test_a_session_that_is_over_is_said_to_be(self, understudy, explanations):
        iam = understudy.client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": understudy.account}, "Action": "sts:AssumeRole"}
            ],
        }
        role = iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        iam.put_role_policy(RoleName="Deploy", PolicyName="all", PolicyDocument=json.dumps(everything))
        passed = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
        }
        session = understudy.session_of(
            understudy.client("sts").assume_role(
                RoleArn=role, RoleSessionName="night", Policy=json.dumps(passed), DurationSeconds=900
            )
        )
        request_id = refusal(understudy.client("ec2", as_=session).describe_vpcs).request_id
        question = explanations.of_request(request_id)["questions"][0]
        assert ("session", None) == (question["layer"], question.get("now"))
        understudy.clock.advance(100_000)
        understudy.settle()
        question = explanations.of_request(request_id)["questions"][0]
        assert "session" == question["layer"]
        assert "DENIED  ec2:DescribeVpcs on *" == question["text"].splitlines()[0]
        assert "Because no session policy allows the ec2:DescribeVpcs action" in question["text"]


def test_the_encoded_message_of_ec2_leads_to_its_request(understudy, explanations):
    nobody = understudy.user("nobody")
    denied = refusal(understudy.client("ec2", as_=nobody).describe_vpcs)
    message = denied.message.rpartition(": ")[2]
    answer = explanations.of_request(message)
    assert denied.request_id == answer["call"].request_id
    with pytest.raises(NotFoundError):
        explanations.of_request(message[:-1])
