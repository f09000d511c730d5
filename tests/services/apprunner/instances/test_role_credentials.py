"""Credentials of instance roles: for the instance that asks, with the role's permissions, while it is there."""

from __future__ import annotations

import asyncio
import json

import pytest
from refusals import code_and_message
from service_sites import Node, Site

from understudy_aws.core.http import HttpRequest
from understudy_aws.services.apprunner.instances import retiring, routing
from understudy_aws.services.apprunner.instances.own_network import interface_of
from understudy_aws.services.apprunner.service_records import ServiceInstance
from understudy_aws.testing import Credentials

TASKS = "tasks.apprunner.amazonaws.com"


@pytest.fixture
def site(understudy):
    return Site(understudy)


def role(site: Site, *, trusts: str = TASKS) -> str:
    """Make a role that may describe VPCs, and return its ARN."""
    iam = site.understudy.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": trusts}, "Action": "sts:AssumeRole"}
    made = iam.create_role(
        RoleName="web", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    allowed = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}
    iam.put_role_policy(
        RoleName="web",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    return made["Role"]["Arn"]


def ask(site: Site, instance: ServiceInstance, *, interface: str = "", token: str = "") -> tuple[int, dict]:
    """What an instance is answered that asks for its credentials."""
    path = f"/v2/credentials/{token or instance.credentials}"
    request = HttpRequest("GET", path, "", {}, b"", interface=interface or interface_of(instance))
    answer = site.understudy.app.answer(request)
    return answer.status, json.loads(answer.body)


def client(site: Site, service: str, given: dict):
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    return site.understudy.client(service, as_=keys)


def test_an_instance_acts_as_its_role_and_no_more(site):
    arn = role(site)
    (instance,) = site.launch(1, version=site.make_version("2", role=arn))
    status, given = ask(site, instance)
    assert (status, given["RoleArn"]) == (200, arn)
    who = client(site, "sts", given).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::000000000000:assumed-role/web/{instance.id}"
    client(site, "ec2", given).describe_vpcs()
    assert code_and_message(client(site, "ec2", given).describe_subnets)[0] == "UnauthorizedOperation"


def test_the_same_credentials_are_given_until_they_end_soon(site):
    (instance,) = site.launch(1, version=site.make_version("2", role=role(site)))
    _, first = ask(site, instance)
    site.understudy.settle()
    assert first == ask(site, instance)[1]
    site.understudy.clock.advance(45 * 60)
    _, second = ask(site, instance)
    assert first["AccessKeyId"] != second["AccessKeyId"]
    client(site, "ec2", second).describe_vpcs()


@pytest.mark.parametrize("what", ["another's token", "no token", "another's interface"])
def test_nobody_gets_the_credentials_of_another_instance(site, what):
    version = site.make_version("2", role=role(site))
    mine, others = site.launch(2, version=version)
    given = {
        "another's token": {"token": others.credentials},
        "no token": {"token": "none"},
        "another's interface": {"interface": interface_of(others)},
    }[what]
    status, answer = ask(site, mine, **given)
    assert (status, answer["code"]) == (400, "InvalidIdInRequest")


def test_nothing_else_is_answered_at_that_address(site):
    (instance,) = site.launch(1, version=site.make_version("2", role=role(site)))
    for path in ("/_understudy/health", "/", "/v2/credentials/"):
        request = HttpRequest("GET", path, "", {}, b"", interface=interface_of(instance))
        assert site.understudy.app.answer(request).status == 400


def test_a_role_that_does_not_trust_app_runner_gives_none(site):
    (instance,) = site.launch(1, version=site.make_version("2", role=role(site, trusts="ec2.amazonaws.com")))
    status, answer = ask(site, instance)
    assert (status, answer["code"]) == (403, "AccessDenied")


def test_credentials_end_with_the_instance(site):
    (instance,) = site.launch(1, version=site.make_version("2", role=role(site)))
    _, given = ask(site, instance)
    with site.world.database.transaction() as tx:
        routing.drain_all(tx, site.service.arn, at=site.world.clock.now())
    asyncio.run(retiring.drain(site.world, Node(), site.service.arn))
    assert site.instances() == []
    code, _ = code_and_message(client(site, "ec2", given).describe_vpcs)
    assert code == "AuthFailure"
