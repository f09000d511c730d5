"""`understudy rehearse`: the networking role at work."""

from __future__ import annotations

from understudy_aws.services.apprunner.rehearsal import connector_of, rehearse


def test_the_role_does_its_work_is_refused_the_rest_and_leaves_nothing(understudy):
    ec2 = understudy.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    made = understudy.client("apprunner").create_vpc_connector(VpcConnectorName="web-vpc", Subnets=subnets)
    gateway = understudy.app.gateway
    steps = rehearse(gateway, connector_of(gateway, made["VpcConnector"]["VpcConnectorArn"]))
    assert [True] * len(steps) == [step.held for step in steps]
    assert [True, True, True, False, False, True, False, True] == [step.answered == "ok" for step in steps]
    assert [] == ec2.describe_network_interfaces()["NetworkInterfaces"]
    session = ":assumed-role/AWSServiceRoleForAppRunnerNetworking/AppRunnerNetworking"
    by_the_role = [entry for entry in understudy.trail() if entry.caller.arn.endswith(session)]
    refused = [entry.operation for entry in by_the_role if entry.outcome != "ok"]
    assert ["CreateNetworkInterface", "CreateTags", "CreateTags"] == refused


def test_a_connector_that_is_none_is_none(understudy):
    assert (
        connector_of(understudy.app.gateway, "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/a/1/b")
        is None
    )
