"""What temporary credentials cannot be used for (sts.md 3.2)."""

from __future__ import annotations

import pytest
from refusals import refused

from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
INVALID = "The security token included in the request is invalid"
PARAMS = {
    "get_session_token": {},
    "get_federation_token": {"Name": "guest"},
    "get_access_key_info": {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
    "decode_authorization_message": {"EncodedMessage": "x"},
    "assume_role": {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker", "RoleSessionName": "session"},
}
NAMES = {
    "get_session_token": "GetSessionToken",
    "get_federation_token": "GetFederationToken",
    "get_access_key_info": "GetAccessKeyInfo",
    "decode_authorization_message": "DecodeAuthorizationMessage",
    "assume_role": "AssumeRole",
}


def sessions(understudy):
    """Sessions of the administrator by kind: all that he may do, they may."""
    sts = understudy.client("sts")
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    trust = everything.replace(
        '"Action":"*","Resource":"*"', f'"Action":"sts:*","Principal":{{"AWS":"{ACCOUNT}"}}'
    )
    iam = understudy.client("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    answers = {
        "role": sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="session"),
        "user": sts.get_session_token(),
        "federated": sts.get_federation_token(Name="guest", Policy=everything),
    }
    return {kind: understudy.session_of(answer) for kind, answer in answers.items()}


@pytest.fixture
def of(understudy):
    made = sessions(understudy)
    return lambda kind, service, **more: understudy.client(service, as_=made[kind], **more)


@pytest.mark.parametrize("kind", ["user", "federated"])
class TestWithoutSecondFactor:
    @pytest.mark.parametrize("operation", ["list_users", "get_user", "list_roles", "get_account_summary"])
    def test_nothing_of_iam(self, of, kind, operation):
        with refused("InvalidClientTokenId", INVALID, 403):
            getattr(of(kind, "iam"), operation)()

    def test_not_through_a_service_either(self, of, kind, understudy):
        """Clients of other services are shown IAM's refusal; App Runner puts it into words of its own."""
        subnet = of(kind, "ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        with refused("InvalidRequestException", status=400):
            of(kind, "apprunner").create_vpc_connector(VpcConnectorName="main", Subnets=[subnet])
        (inner,) = [entry for entry in understudy.trail() if entry.operation == "CreateServiceLinkedRole"]
        assert (inner.outcome, inner.message) == ("InvalidClientTokenId", INVALID)

    def test_other_services_know_no_limits(self, of, kind):
        assert of(kind, "ec2").describe_vpcs()["Vpcs"]
        assert of(kind, "apprunner").list_vpc_connectors()["VpcConnectors"] == []


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("role", "get_session_token"),
        ("role", "get_federation_token"),
        ("user", "get_session_token"),
        ("user", "get_federation_token"),
        ("user", "get_access_key_info"),
        ("user", "decode_authorization_message"),
        *(("federated", operation) for operation in PARAMS),
    ],
)
def test_what_sts_refuses_to_sessions(of, kind, operation):
    text = f"Cannot call {NAMES[operation]} with session credentials"
    with refused("AccessDenied", text, 403):
        getattr(of(kind, "sts"), operation)(**PARAMS[operation])


@pytest.mark.parametrize("kind", ["role", "user", "federated"])
def test_everybody_may_ask_who_he_is(of, kind):
    assert of(kind, "sts").get_caller_identity()["Account"] == ACCOUNT


@pytest.mark.parametrize("kind", ["role", "user"])
def test_roles_and_users_sessions_assume_roles(of, kind):
    assert of(kind, "sts").assume_role(**PARAMS["assume_role"])["AssumedRoleUser"]


def test_role_sessions_use_iam(of):
    assert of("role", "iam").list_users()["Users"]
    assert of("role", "sts").get_access_key_info(**PARAMS["get_access_key_info"])["Account"]


def test_with_iam_off_nothing_is_asked():
    with Understudy(iam="off") as understudy:
        made = sessions(understudy)
        assert understudy.client("iam", as_=made["user"]).list_users()["Users"]


def test_the_trail_notes_the_refusal(understudy, of):
    with refused("InvalidClientTokenId"):
        of("user", "iam").list_users()
    last = understudy.trail()[-1]
    assert (last.operation, last.outcome, last.caller.arn) == (
        "ListUsers",
        "InvalidClientTokenId",
        f"arn:aws:iam::{ACCOUNT}:user/Administrator",
    )
