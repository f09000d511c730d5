"""A service that runs: its credentials, its way to the APIs, and what becomes of it when something is killed."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from nodes import refusal_for
from running_services import APPLICATION, until

from understudy_aws.cli.service_scenario import missing_for_services
from understudy_aws.dataplane.client import NodeLostError

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "tasks.apprunner.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def test_a_service_has_its_role_and_goes_on_whatever_is_killed(site):
    role = site.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    service = site.create(InstanceConfiguration={"InstanceRoleArn": role})
    assert service["Status"] == "RUNNING", site.apprunner.list_operations(ServiceArn=service["ServiceArn"])
    assert site.answer(service, wanted="here") == "here"

    given = json.loads(site.answer(service, "/credentials"))
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["Token"],
    }
    who = site.client("sts", **keys).get_caller_identity()["Arn"]
    assert who.startswith("arn:aws:sts::000000000000:assumed-role/web/")
    assert json.loads(site.answer(service, "/environment"))["AWS_REGION"] == "us-east-1"
    # The APIs are reached through App Runner's own network.
    assert site.answer(service, "/health").startswith("{")

    site.server.end(signal.SIGKILL)
    assert site.answer(service) == "here", "the node goes on without the server"
    before = site.status()
    os.kill(before.pid, signal.SIGKILL)
    assert site.answer(service, wanted="here") == "here", "another node goes on"
    site.start()
    assert site.answer(service, wanted="here") == "here"
    assert site.status().holder == before.holder

    os.kill(before.holder, signal.SIGKILL)
    assert until(lambda: holder_of(site) not in {None, before.holder}), "another holder comes"
    assert site.answer(service, wanted="here") == "here", "everything is started again"


def holder_of(site):
    """The holder of the network, which what has just been killed may still be answering for; None without a node."""
    try:
        return site.status().holder
    except NodeLostError:
        return None


def test_a_service_scales_out_under_load_and_sleeps_when_asked_to(site):
    scaling = site.apprunner.create_auto_scaling_configuration(
        AutoScalingConfigurationName="small", MaxConcurrency=2, MinSize=1, MaxSize=3
    )["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
    subnets = [each["SubnetId"] for each in site.client("ec2").describe_subnets()["Subnets"]][:2]
    connector = site.apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=subnets)["VpcConnector"]
    service = site.create(
        AutoScalingConfigurationArn=scaling,
        NetworkConfiguration={
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector["VpcConnectorArn"]}
        },
    )
    assert service["Status"] == "RUNNING", site.apprunner.list_operations(ServiceArn=service["ServiceArn"])
    assert len(site.interfaces()) == 1
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: site.answer(service, "/slow", "here"), range(6)))
        assert answers == ["here"] * 6
    assert until(lambda: len(site.interfaces()) >= 2, 10), "each instance has an interface"

    tag = {"Key": "understudy:sleep-after", "Value": "1"}
    site.apprunner.tag_resource(ResourceArn=service["ServiceArn"], Tags=[tag])
    assert until(lambda: not site.interfaces(), 30), "it sleeps"
    assert site.answer(service) == "here", "the first request waits for it"
    site.apprunner.untag_resource(ResourceArn=service["ServiceArn"], TagKeys=[tag["Key"]])


# An application that ends when its database does not answer, and a database.
CLIENT = "import os, socket\nsocket.create_connection((os.environ['DATABASE'], 5432), 3)\n"
DATABASE = (
    "import socket\nlistening = socket.create_server(('0.0.0.0', 5432))\nprint('up', flush=True)\n"
    "while True: listening.accept()"
)


def done(site, operation, service):
    """Ask for an operation on a service, and describe that when it is over."""
    getattr(site.apprunner, operation)(ServiceArn=service["ServiceArn"])
    return site.settled(service["ServiceArn"])


def test_a_service_lives_with_its_database_and_says_which_rule_keeps_it_from_that(site):
    ec2 = site.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    web, db = (
        ec2.create_security_group(VpcId=subnet["VpcId"], GroupName=name, Description=name)["GroupId"]
        for name in ("web", "db")
    )
    made = ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[db])["NetworkInterface"]
    database = site.attach("--interface", made["NetworkInterfaceId"], "--", site.python, "-c", DATABASE)
    try:
        assert database.stdout.readline() == "up\n"
        connector = site.apprunner.create_vpc_connector(
            VpcConnectorName="main", Subnets=[subnet["SubnetId"]], SecurityGroups=[web]
        )["VpcConnector"]["VpcConnectorArn"]
        service = site.create(
            application=CLIENT + APPLICATION,
            values={"RuntimeEnvironmentVariables": {"DATABASE": made["PrivateIpAddress"]}},
            NetworkConfiguration={"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}},
        )
        assert service["Status"] == "CREATE_FAILED"
        why = f"It waited for TCP port 5432 of {made['PrivateIpAddress']}, which it does not reach: at {db}, no rule lets"
        assert why in site.reason()
        pair = {"UserIdGroupPairs": [{"GroupId": web}]}
        ec2.authorize_security_group_ingress(
            GroupId=db, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **pair}]
        )
        service = done(site, "update_service", service)
        assert service["Status"] == "RUNNING", site.reason()
        assert site.answer(service, wanted="here") == "here"

        assert len(site.interfaces()) == 1
        assert done(site, "pause_service", service)["Status"] == "PAUSED"
        assert site.interfaces() == []
        for operation in ("resume_service", "start_deployment"):
            assert done(site, operation, service)["Status"] == "RUNNING", site.reason()
            assert site.answer(service, wanted="here") == "here"
            assert until(lambda: len(site.interfaces()) == 1)
    finally:
        database.terminate()
        database.communicate()
