"""The same request twice (ec2.md 7.3)."""

from __future__ import annotations

import pytest
from refusals import refused

from understudy_aws.gateway.client_tokens import client_tokens
from understudy_aws.store.database import Database
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.testing import Understudy


@pytest.fixture
def subnet(understudy):
    return understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]


def made(understudy, subnet, token="token", *, as_=None, **more):
    ec2 = understudy.client("ec2", as_=as_)
    answer = ec2.create_network_interface(SubnetId=subnet, ClientToken=token, **more)
    return answer["NetworkInterface"]["NetworkInterfaceId"]


def interfaces(understudy):
    return len(understudy.client("ec2").describe_network_interfaces()["NetworkInterfaces"])


def test_a_repeated_request_answers_what_the_first_did(understudy, subnet):
    first = understudy.client("ec2").create_network_interface(SubnetId=subnet, ClientToken="token")
    second = understudy.client("ec2").create_network_interface(SubnetId=subnet, ClientToken="token")
    for answer in (first, second):
        del answer["ResponseMetadata"]
    assert first == second
    assert 1 == interfaces(understudy)


def test_a_token_counts_also_where_the_description_of_the_api_does_not_mark_it(understudy):
    """EC2 API reference, CreateFlowLogs and CreateEgressOnlyInternetGateway: "to ensure the idempotency"."""
    ec2 = understudy.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="token")["EgressOnlyInternetGateway"]
        for _ in range(2)
    ]
    assert made[0] == made[1]
    logs = [
        ec2.create_flow_logs(
            ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
            LogDestination="arn:aws:s3:::bucket", ClientToken="token",
        )["FlowLogIds"]
        for _ in range(2)
    ]  # fmt: skip
    assert logs[0] == logs[1]
    with refused("IdempotentParameterMismatch"):
        ec2.create_egress_only_internet_gateway(VpcId="vpc-0123456789abcdef0", ClientToken="token")


def test_another_token_makes_another(understudy, subnet):
    assert made(understudy, subnet, "one") != made(understudy, subnet, "two")


def test_a_token_used_for_something_else_is_refused(understudy, subnet):
    made(understudy, subnet)
    text = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
    with refused("IdempotentParameterMismatch", text):
        made(understudy, subnet, Description="other")
    assert 1 == interfaces(understudy)


def test_a_refused_request_uses_no_token_up(understudy, subnet):
    for code, given in (
        ("InvalidParameterValue", {"PrivateIpAddress": "1.2.3.4"}),
        ("DryRunOperation", {"DryRun": True}),
    ):
        with refused(code):
            made(understudy, subnet, **given)
    assert made(understudy, subnet, Description="now right")


def test_a_repeated_request_is_authorized_again(understudy, subnet):
    """Knowing a token is no permission."""
    made(understudy, subnet)
    with refused("UnauthorizedOperation"):
        made(understudy, subnet, as_=understudy.allowing("somebody", "ec2:Describe*"))


def test_tokens_of_another_region_are_others(understudy, subnet):
    made(understudy, subnet)
    west = understudy.client("ec2", region="eu-west-1")
    other = west.describe_subnets()["Subnets"][0]["SubnetId"]
    assert west.create_network_interface(SubnetId=other, ClientToken="token")


def test_a_token_is_kept_for_an_hour_and_then_forgotten(understudy, subnet):
    first = made(understudy, subnet)
    understudy.clock.advance(3599)
    assert first == made(understudy, subnet)
    understudy.clock.advance(2)
    assert first != made(understudy, subnet)
    understudy.clock.advance(3601)
    understudy.settle()
    with understudy.app.database.transaction() as tx:
        assert [] == list(client_tokens.scan(tx))


@pytest.mark.parametrize("token", ["a\x1fb", "\x01", "é", "x" * 100_000])
def test_any_text_is_a_token_and_one_after_a_restart(tmp_path, token):
    with Understudy(state=str(tmp_path)) as understudy:
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        assert made(understudy, subnet, token) == made(understudy, subnet, token)
        with understudy.app.database.transaction() as tx:
            (record,) = client_tokens.scan(tx)
    assert len(record.token) == 32
    database = Database(SqliteStore(tmp_path))
    with database.transaction() as tx:
        assert [record] == list(client_tokens.scan(tx))
        assert record == client_tokens.get(tx, *client_tokens.key(record))
    database.close()


def test_a_token_that_the_description_does_not_mark_is_one_too(understudy):
    """EC2 developer guide, "Ensuring idempotency": CreateEgressOnlyInternetGateway and others take client tokens."""
    ec2 = understudy.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    params = {"VpcId": vpc, "ClientToken": "token"}
    first, second = (ec2.create_egress_only_internet_gateway(**params) for _ in range(2))
    assert first["EgressOnlyInternetGateway"] == second["EgressOnlyInternetGateway"]
