"""Instances of services: their interfaces, made and deleted as the networking role (apprunner.md 3.1)."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from networking import ROLE
from refusals import code_and_message
from service_sites import ACCOUNT, REGION, Node, Site

from understudy_aws.gateway.durable_operations import NotYetError, StepFailedError
from understudy_aws.services.apprunner.instances import retiring, routing, wanted_services
from understudy_aws.services.apprunner.service_records import (
    DRAINING,
    SERVING,
    service_instances,
)
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.iam.role_records import roles


@pytest.fixture
def site(understudy):
    return Site(understudy)


def test_each_instance_has_an_interface_in_the_subnets_in_turn(site):
    """In use, tagged, with the connector's groups and no public address (apprunner.md 3.1)."""
    launched = site.launch(4)
    made = site.interfaces()
    assert sorted(each.interface for each in launched) == sorted(each["NetworkInterfaceId"] for each in made)
    assert sorted([*site.network.subnets] * (4 // len(site.network.subnets))) == sorted(
        each["SubnetId"] for each in made
    )
    for each in made:
        assert ("in-use", "amazon-aws", "attached") == (
            each["Status"],
            each["Attachment"]["InstanceOwnerId"],
            each["Attachment"]["Status"],
        )
        assert each["Attachment"]["AttachmentId"].startswith("ela-attach-")
        assert ["AWSAppRunnerManaged"] == [tag["Key"] for tag in each["TagSet"]]
        assert [site.network.group] == [group["GroupId"] for group in each["Groups"]]
        assert "Association" not in each


def test_interfaces_are_made_by_calls_of_the_role(site):
    site.launch(1)
    made = [entry for entry in site.understudy.trail() if entry.operation == "CreateNetworkInterface"]
    assert [True] == [f"assumed-role/{ROLE}/" in entry.caller.arn for entry in made]


def test_launching_again_makes_nothing_more(site):
    first = site.launch(2)
    assert first == site.launch(2)
    assert len(site.interfaces()) == 2


def test_an_interface_that_a_crash_left_unnoted_is_found_again(site):
    (instance,) = site.launch(1)
    (interface,) = site.interfaces()
    with site.world.database.transaction() as tx:
        service_instances.put(tx, replace(instance, interface=""))
        held = network_interfaces.get(tx, ACCOUNT, REGION, instance.interface)
        network_interfaces.put(tx, replace(held, attachment=None))
    (again,) = site.launch(1)
    assert again.interface == interface["NetworkInterfaceId"]
    assert len(site.interfaces()) == 1


def test_nobody_but_app_runner_takes_an_interface_away(site):
    (instance,) = site.launch(1)
    (interface,) = site.interfaces()
    assert (
        "InvalidParameterValue",
        f"Network interface '{instance.interface}' is currently in use.",
    ) == code_and_message(site.ec2.delete_network_interface, NetworkInterfaceId=instance.interface)
    assert (
        "OperationNotPermitted",
        "You are not allowed to manage 'ela-attach' attachments.",
    ) == code_and_message(
        site.ec2.detach_network_interface, AttachmentId=interface["Attachment"]["AttachmentId"]
    )
    assert (
        code_and_message(site.ec2.delete_subnet, SubnetId=interface["SubnetId"])[0] == "DependencyViolation"
    )
    assert (
        code_and_message(site.ec2.delete_security_group, GroupId=site.network.group)[0]
        == "DependencyViolation"
    )


def test_subnets_without_a_free_address_make_the_launch_fail_with_the_reason(site):
    """The event log tells that no subnet with available addresses was found (apprunner.md 3.1)."""
    small = site.ec2.create_subnet(VpcId=site.network.vpc, CidrBlock="10.0.250.0/28")["Subnet"]["SubnetId"]
    arn = site.apprunner.create_vpc_connector(VpcConnectorName="small", Subnets=[small])["VpcConnector"][
        "VpcConnectorArn"
    ]
    version = site.make_version("2", connector=arn)
    with pytest.raises(StepFailedError) as failed:
        site.launch(12, version=version)
    assert f"No address is left in the subnets of the VPC connector small: {small}." == failed.value.message
    assert len(site.interfaces()) == 11


def test_without_the_role_the_launch_fails_with_the_denial(site):
    with site.world.database.transaction() as tx:
        role = next(each for each in roles.scan(tx, ACCOUNT) if each.name == ROLE)
        roles.delete(tx, role)
    with pytest.raises(StepFailedError) as failed:
        site.launch(1)
    assert (
        "networking.apprunner.amazonaws.com is not authorized to perform: sts:AssumeRole"
        in failed.value.message
    )
    assert [] == site.interfaces()


def test_a_service_without_a_connector_has_no_interface_in_the_account(site):
    version = site.make_version("2", connector="")
    first, second = site.launch(2, version=version)
    assert [] == site.interfaces()
    assert first.address != second.address
    with site.world.database.transaction() as tx:
        network = wanted_services.network_now(tx, site.world.clock.now())
    (own,) = network.vpcs
    inside = {each.id: each for each in own.interfaces}
    wanted = site.wanted().instances
    assert {first.address, second.address} == {
        address for each in wanted for address in inside[each.interface].addresses
    }
    assert not any(inside[each.interface].accepts_connections for each in wanted)


def test_requests_are_led_to_the_version_that_was_switched_to(site):
    old = site.launch(1)
    with site.world.database.transaction() as tx:
        routing.switch(tx, site.service.arn, "1", at=site.world.clock.now())
    new = site.launch(1, version=site.make_version("2"), operation="o2")
    (service,) = site.wanted().services
    assert (service.hosts, service.instances) == ((site.service.url,), (old[0].id,))
    with site.world.database.transaction() as tx:
        routing.switch(tx, site.service.arn, "2", at=site.world.clock.now())
    (service,) = site.wanted().services
    assert service.instances == (new[0].id,)
    assert {old[0].id: DRAINING, new[0].id: SERVING} == {each.id: each.purpose for each in site.instances()}
    assert {old[0].id, new[0].id} == {each.id for each in site.wanted().instances}


def test_a_draining_instance_goes_when_its_requests_have_ended_and_its_program_too(site):
    site.launch(1)
    node = Node()
    node.wanted, node.requests = site.wanted(), 3
    with site.world.database.transaction() as tx:
        routing.drain_all(tx, site.service.arn, at=site.world.clock.now())
    with pytest.raises(NotYetError, match="3 requests are under way"):
        asyncio.run(retiring.drain(site.world, node, site.service.arn))
    assert site.wanted().instances
    node.requests = 0
    with pytest.raises(NotYetError, match="1 instances are stopping"):
        asyncio.run(retiring.drain(site.world, node, site.service.arn))
    assert site.wanted().instances == ()
    assert len(site.interfaces()) == 1
    node.wanted = site.wanted()
    asyncio.run(retiring.drain(site.world, node, site.service.arn))
    assert [] == site.interfaces()
    assert [] == site.instances()
    deleted = [entry for entry in site.understudy.trail() if entry.operation == "DeleteNetworkInterface"]
    assert [True] == [f"assumed-role/{ROLE}/" in entry.caller.arn for entry in deleted]


def test_a_draining_instance_goes_on_while_the_node_leads_requests_to_it(site):
    site.launch(1)
    with site.world.database.transaction() as tx:
        routing.switch(tx, site.service.arn, "1", at=site.world.clock.now())
    node = Node()
    node.wanted = site.wanted()
    with site.world.database.transaction() as tx:
        routing.drain_all(tx, site.service.arn, at=site.world.clock.now())
    for _ in range(2):
        with pytest.raises(NotYetError, match="Requests are led to 1 instances still"):
            asyncio.run(retiring.drain(site.world, node, site.service.arn))
        assert [DRAINING] == [each.purpose for each in site.instances()]
    node.wanted = site.wanted()
    with pytest.raises(NotYetError, match="1 instances are stopping"):
        asyncio.run(retiring.drain(site.world, node, site.service.arn))


def test_what_uses_a_connectors_subnet_is_told_down_to_the_service(site):
    (instance,) = site.launch(1)
    uses = site.understudy.app.gateway.registry.uses
    with site.world.database.transaction() as tx:
        interface = uses.find(tx, instance.interface)
        told = str(uses.tree(tx, interface, most=9, most_nodes=99))
    assert instance.id in told


def test_secrets_are_read_as_the_instance_role_once_for_a_version(site):
    """And fetched again when the version is launched anew (apprunner-services.md 5.4)."""
    secrets, iam = site.understudy.client("secretsmanager"), site.understudy.client("iam")
    arn = secrets.create_secret(Name="database", SecretString="first")["ARN"]
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole"}]}'
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust % "tasks.apprunner.amazonaws.com")[
        "Role"
    ]["Arn"]
    version = site.make_version("2", role=role, secrets=(("PASSWORD", arn),))
    with pytest.raises(StepFailedError) as failed:
        site.launch(1, version=version)
    assert "PASSWORD" in failed.value.message
    assert "secretsmanager:GetSecretValue" in failed.value.message
    assert [] == site.instances()

    allowed = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}'
    )
    iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=allowed)
    site.launch(1, version=version)
    secrets.put_secret_value(SecretId="database", SecretString="second")
    site.launch(2, version=version)
    given = [dict(each.program.environment)["PASSWORD"] for each in site.wanted().instances]
    assert given == ["first", "first"]
    asyncio.run(site.retire())
    site.launch(1, version=version, operation="o2")
    (instance,) = site.wanted().instances
    assert dict(instance.program.environment)["PASSWORD"] == "second"
