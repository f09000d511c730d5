"""Known operations that are not served: who may not call them is told so first (docs/decisions/0016)."""

from __future__ import annotations

import random
import time

import pytest
from botocore.exceptions import ClientError
from raw_requests import action, signed
from refusals import refusal
from samples import sample, valid

from understudy_aws.admin.explanations import Explanations
from understudy_aws.core.errors import ApiError
from understudy_aws.data import service_catalogue
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
ACCOUNT = "000000000000"


def asked(understudy, number=-1):
    """What the latest call asked of its caller, as action and resource."""
    return [(each.action, each.resource) for each in understudy.trail()[number].evaluations]


def keys(understudy, of):
    """The condition keys of the question for an action."""
    entry = understudy.trail()[-1]
    return next(each.context or each.keys for each in entry.evaluations if each.action == of)


def unserved():
    for service in SERVICES:
        shape = load(service.id)
        for name in sorted(shape.operation_names - service.operations.keys()):
            yield service, shape.operation(name)


def called(client, operation):
    """The code of the answer; None where no parameters could be made up that a client would send."""
    try:
        params = valid(operation.input) if operation.input else {}
    except StopIteration:
        return None
    try:
        getattr(client, snake(operation.name))(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{operation} was answered")


@pytest.mark.timeout(300)
def test_all_of_them_ask_for_permission_and_then_say_that_they_are_not_served():
    """Each operation of each service, by somebody who may do nothing and by somebody who may do everything."""
    tried = 0
    with Understudy() as understudy:
        nobody = understudy.user("nobody")
        clients = {
            each.id: (understudy.client(each.id, as_=nobody), understudy.client(each.id)) for each in SERVICES
        }
        for service, operation in unserved():
            stranger, administrator = clients[service.id]
            if operation.is_unsigned or called(stranger, operation) is None:
                continue
            refused = understudy.trail(1)[-1]
            assert refused.outcome in DENIED, operation
            assert [f"{service.prefix}:{operation.name}"] == [each.action for each in refused.evaluations]
            assert "NotImplemented" == called(administrator, operation)
            entry = understudy.trail(1)[-1]
            assert (operation.name, "NotImplemented", 501) == (entry.operation, entry.outcome, entry.status)
            assert f"{service.prefix}:{operation.name}" in entry.message
            assert entry.evaluations
            tried += 1
    assert tried > 700


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_sent_is_asked_about(understudy, seed):
    """Values of the right types and of any content, for every operation; none makes the gateway fail."""
    draw, gateway = random.Random(seed), understudy.app.gateway
    with understudy.app.database.transaction() as tx:
        known = gateway.credentials.credential(tx, understudy.administrator.access_key_id)
    for service, operation in unserved():
        params = sample(operation.input, draw) if operation.input else {}
        named = {snake(name): value for name, value in params.items()}
        with pytest.raises(ApiError) as refused:
            gateway.perform(known.caller, service.id, operation.name, named, region="eu-west-1")
        assert refused.value.code in {"NotImplemented", "AccessDenied", "AccessDeniedException"}, operation


@pytest.mark.parametrize(
    ("service", "name", "params"),
    [
        ("ec2", "terminate_instances", {"InstanceIds": [f"i-{number}" for number in range(5_000)]}),
        (
            "ec2",
            "run_instances",
            {
                "MinCount": 1,
                "MaxCount": 1,
                "SecurityGroupIds": [f"sg-{number}" for number in range(2_000)],
                "TagSpecifications": [
                    {
                        "ResourceType": "instance",
                        "Tags": [{"Key": f"k{number}", "Value": "v" * 200} for number in range(1_000)],
                    }
                ],
            },
        ),
        (
            "accessanalyzer",
            "check_access_not_granted",
            {
                "policyDocument": "{}",
                "policyType": "IDENTITY_POLICY",
                "access": [
                    {"resources": [f"arn:aws:ec2:eu-west-1:1:vpc/{number}" for number in range(100)]}
                    for _ in range(50)
                ],
            },
        ),
    ],
)
def test_a_long_request_keeps_nobody_waiting(understudy, service, name, params):
    """Two hundred questions at most, and half a second of processor time, what the client takes included."""
    client = understudy.client(service)
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        assert "NotImplemented" == refusal(getattr(client, name), **params).code
        best = min(best, time.thread_time() - began)
    assert len(understudy.trail(1)[-1].evaluations) <= 200
    assert best < 0.5


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("assume_role_with_web_identity", ("InvalidIdentityToken", 400)),
        ("assume_role_with_saml", ("InvalidIdentityToken", 400)),
    ],
)
def test_an_operation_for_callers_without_credentials_wants_no_signature(understudy, name, answer):
    """STS API Reference: their callers have no credentials yet; botocore's description says `authtype: none`."""
    saml = {
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "PrincipalArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/p",
        "SAMLAssertion": "abcd",
    }
    web = {"RoleArn": saml["RoleArn"], "RoleSessionName": "session", "WebIdentityToken": "abcd"}
    sts = understudy.client("sts", as_=None)
    told = refusal(getattr(sts, name), **(saml if name.endswith("saml") else web))
    assert answer == (told.code, told.status)
    entry = understudy.trail()[-1]
    assert ("anonymous", ()) == (entry.caller.kind, entry.evaluations)
    assert "abcd" not in str(entry.parameters)


def test_they_are_the_only_ones():
    """Every other operation of the services here takes a signature."""
    found = {f"{each.id}:{name}" for each in SERVICES for name in load(each.id).operation_names
             if load(each.id).operation(name).is_unsigned}  # fmt: skip
    assert {"sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"} == found


@pytest.fixture
def without(monkeypatch):
    """Takes operations of IAM away, which are all served, so that one of theirs can be asked for."""
    find = Registry.find

    def take(*names):
        monkeypatch.setattr(
            Registry, "find", lambda self, service, name: None if name in names else find(self, service, name)
        )

    return take


def test_nobody_elses_parameters_are_looked_at_first(understudy, without):
    """A user who may not is not told that a value is too short; who may is told that it is not served."""
    without("CreateLoginProfile")
    short = action("iam", "CreateLoginProfile", UserName="!", Password="")
    nobody = understudy.user("nobody")
    assert 403 == understudy.app.handle(signed(short, nobody, "iam")).status
    assert 501 == understudy.app.handle(signed(short, understudy.administrator, "iam")).status
    unreadable = action("iam", "CreateLoginProfile", ("UserName.x", "a"))
    assert 403 == understudy.app.handle(signed(unreadable, nobody, "iam")).status
    assert 501 == understudy.app.handle(signed(unreadable, understudy.administrator, "iam")).status


class TestWhatTheyAskAbout:
    """Service Authorization Reference: the types of resource of each action, and the parts of their ARNs."""

    @staticmethod
    def ask(understudy, service, name, **params):
        assert "NotImplemented" == refusal(getattr(understudy.client(service), name), **params).code

    def test_an_action_without_resources(self, understudy):
        self.ask(understudy, "ec2", "describe_hosts")
        assert [("ec2:DescribeHosts", "*")] == asked(understudy)

    def test_every_resource_that_is_named(self, understudy):
        self.ask(understudy, "ec2", "terminate_instances", InstanceIds=["i-1", "i-2"])
        prefix = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance"
        assert [
            ("ec2:TerminateInstances", f"{prefix}/i-1"),
            ("ec2:TerminateInstances", f"{prefix}/i-2"),
        ] == asked(understudy)

    @pytest.mark.parametrize(
        ("name", "params", "resource"),
        [
            (
                "delete_queued_reserved_instances",
                {"ReservedInstancesIds": ["ri-1"]},
                "reserved-instances/ri-1",
            ),
            ("delete_volume", {"VolumeId": "vol-1"}, "volume/vol-1"),
            ("delete_placement_group", {"GroupName": "pg"}, "placement-group/pg"),
            ("delete_transit_gateway", {"TransitGatewayId": "tgw-1"}, "transit-gateway/tgw-1"),
            ("release_hosts", {"HostIds": ["h-1"]}, "dedicated-host/h-1"),
        ],
    )
    def test_it_may_be_named_by_part_by_type_or_by_the_last_words(self, understudy, name, params, resource):
        self.ask(understudy, "ec2", name, **params)
        assert f"arn:aws:ec2:us-east-1:{ACCOUNT}:{resource}" in [each for _, each in asked(understudy)]

    def test_what_is_to_be_made_has_no_id(self, understudy):
        self.ask(understudy, "ec2", "create_placement_group", GroupName="pg", Strategy="cluster")
        assert f"arn:aws:ec2:us-east-1:{ACCOUNT}:placement-group/pg" in [
            each for _, each in asked(understudy)
        ]
        self.ask(understudy, "ec2", "create_transit_gateway")
        expected = f"arn:aws:ec2:us-east-1:{ACCOUNT}:transit-gateway/*"
        assert [("ec2:CreateTransitGateway", expected)] == asked(understudy)

    def test_an_arn_is_the_resource(self, understudy, without):
        without("GenerateServiceLastAccessedDetails")
        user = understudy.client("iam").get_user(UserName="Administrator")["User"]["Arn"]
        self.ask(understudy, "iam", "generate_service_last_accessed_details", Arn=user)
        assert [("iam:GenerateServiceLastAccessedDetails", user)] == asked(understudy)

    def test_a_type_that_need_not_be_there_is_asked_about_where_it_is_named(self, understudy):
        self.ask(
            understudy, "ec2", "run_instances", MinCount=1, MaxCount=1, ImageId="ami-1", SubnetId="subnet-1"
        )
        named = f"arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-1"
        assert named in {resource for _, resource in asked(understudy)}
        self.ask(understudy, "ec2", "run_instances", MinCount=1, MaxCount=1, ImageId="ami-1")
        assert named not in {resource for _, resource in asked(understudy)}

    def test_the_path_and_the_tags_of_what_is_here(self, understudy, without):
        without("CreateLoginProfile")
        understudy.client("iam").create_user(
            UserName="ann", Path="/team/", Tags=[{"Key": "team", "Value": "web"}]
        )
        self.ask(understudy, "iam", "create_login_profile", UserName="ANN", Password="x")
        (question,) = understudy.trail()[-1].evaluations
        assert f"arn:aws:iam::{ACCOUNT}:user/team/ann" == question.resource
        assert "web" == question.keys["aws:resourcetag/team"] == question.keys["iam:resourcetag/team"]

    def test_a_user_who_names_no_user_means_himself(self, understudy, without):
        without("ChangePassword")
        somebody = understudy.allowing(
            "somebody", "iam:ChangePassword", resource="arn:aws:iam::*:user/${aws:username}"
        )
        iam = understudy.client("iam", as_=somebody)
        told = refusal(iam.change_password, OldPassword="a", NewPassword="b")
        assert ("NotImplemented", [("iam:ChangePassword", f"arn:aws:iam::{ACCOUNT}:user/somebody")]) == (
            told.code,
            asked(understudy),
        )

    def test_tags_are_the_requests_and_take_the_permission_to_tag(self, understudy):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Team", "Value": "web"}]}]
        self.ask(
            understudy, "ec2", "run_instances", MinCount=1, MaxCount=1, InstanceType="t3.micro",
            ImageId="ami-1", TagSpecifications=tags,
        )  # fmt: skip
        instance = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"
        assert ("ec2:CreateTags", instance) in asked(understudy)
        assert {
            "aws:requesttag/team": "web",
            "aws:tagkeys": ["Team"],
            "ec2:createaction": "RunInstances",
        } == keys(understudy, "ec2:CreateTags")
        questions = {each.resource: each.keys for each in understudy.trail()[-1].evaluations}
        assert "arn:aws:ec2:us-east-1::image/ami-1" in questions
        of_interface = questions[f"arn:aws:ec2:us-east-1:{ACCOUNT}:network-interface/*"]
        assert "aws:requesttag/team" not in of_interface
        run = next(each for each in understudy.trail()[-1].evaluations if each.resource == instance)
        assert "t3.micro" == run.keys["ec2:instancetype"]

    def test_a_service_may_allow_tagging_by_another_name(self, understudy):
        self.ask(understudy, "accessanalyzer", "create_analyzer", analyzerName="a", type="ACCOUNT",
                 tags={"team": "web"})  # fmt: skip
        analyzer = f"arn:aws:access-analyzer:us-east-1:{ACCOUNT}:analyzer/a"
        assert [
            ("access-analyzer:CreateAnalyzer", analyzer),
            ("access-analyzer:TagResource", analyzer),
        ] == asked(understudy)

    def test_an_action_that_the_catalogue_does_not_know(self, understudy):
        unknown = [
            (service, operation)
            for service, operation in unserved()
            if service_catalogue.action(f"{service.prefix}:{operation.name}") is None
        ]
        assert unknown
        clients = {each.id: understudy.client(each.id) for each in SERVICES}
        for service, operation in unknown:
            if called(clients[service.id], operation) is not None:
                assert [(f"{service.prefix}:{operation.name}", "*")] == asked(understudy)


def test_policies_decide_as_for_what_is_served(understudy):
    """An Allow on one instance, and a Deny on a type of instance."""
    mine = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
    somebody = understudy.allowing("somebody", "ec2:StopInstances", resource=mine)
    ec2 = understudy.client("ec2", as_=somebody)
    assert "NotImplemented" == refusal(ec2.stop_instances, InstanceIds=["i-1"]).code
    told = refusal(ec2.stop_instances, InstanceIds=["i-1", "i-2"])
    assert "UnauthorizedOperation" == told.code
    assert f"on resource: {mine[:-1]}2" in told.message
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "ec2:RunInstances",
                "Resource": "arn:aws:ec2:*:*:instance/*",
                "Condition": {"StringNotEquals": {"ec2:InstanceType": "t3.micro"}},
            },
        ],
    }
    ec2 = understudy.client("ec2", as_=understudy.user("other", policy))
    of = {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-1"}
    assert "UnauthorizedOperation" == refusal(ec2.run_instances, InstanceType="m5.large", **of).code
    assert "NotImplemented" == refusal(ec2.run_instances, InstanceType="t3.micro", **of).code


def test_a_refusal_can_be_explained(understudy):
    ec2 = understudy.client("ec2", as_=understudy.user("nobody"))
    told = refusal(ec2.reboot_instances, InstanceIds=["i-1"])
    gateway = understudy.app.gateway
    found = Explanations(gateway, gateway.credentials).of_request(told.request_id)
    (question,) = found["questions"]
    assert ("ec2:RebootInstances", "implicit-deny") == (question["action"], question["effect"])
    assert "ec2:RebootInstances" in question["missing_statement"]


@pytest.mark.parametrize("mode", ["soft", "off"])
def test_in_the_other_modes_the_answer_is_that_it_is_not_served(mode):
    with Understudy(iam=mode) as understudy:
        ec2 = understudy.client("ec2", as_=understudy.user("nobody"))
        assert "NotImplemented" == refusal(ec2.describe_hosts).code
        assert (mode == "soft") == understudy.trail()[-1].denied
