"""VPC ingress connections, through boto3 (apprunner-services.md 2.6)."""

from __future__ import annotations

import re

import pytest
from refusals import refused
from service_records_made import made_service

from understudy_aws.admin.requests import ValidateCustomDomain
from understudy_aws.services.apprunner.ingress_connection_records import private_entries
from understudy_aws.services.apprunner.instances.wanted_services import wanted_now

REQUESTS = "com.amazonaws.us-east-1.apprunner.requests"


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


@pytest.fixture
def vpc(understudy):
    ec2 = understudy.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return vpc, endpoint_in(ec2, vpc, "10.7.1.0/24")


def endpoint_in(ec2, vpc, block, service=REQUESTS):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=service,
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        PrivateDnsEnabled=False,
    )
    return made["VpcEndpoint"]["VpcEndpointId"]


def create(apprunner, service, vpc, name="from-vpc", **more):
    return apprunner.create_vpc_ingress_connection(
        ServiceArn=service,
        VpcIngressConnectionName=name,
        IngressVpcConfiguration={"VpcId": vpc[0], "VpcEndpointId": vpc[1]},
        **more,
    )["VpcIngressConnection"]


def described(apprunner, arn):
    found = apprunner.describe_vpc_ingress_connection(VpcIngressConnectionArn=arn)
    return found["VpcIngressConnection"]


def entries(understudy, service):
    with understudy.app.database.transaction() as tx:
        return private_entries(tx, service, understudy.app.gateway.clock.now())


def wanted_of(understudy, service):
    """What the node is told of a service."""
    now = understudy.app.gateway.clock.now()
    with understudy.app.database.transaction() as tx:
        (found,) = wanted_now(tx, now).services
    assert found.arn == service
    return found


def test_a_connection_is_pending_and_then_available(understudy, apprunner, vpc):
    service = made_service(understudy, public=False)
    made = create(apprunner, service, vpc)
    assert "PENDING_CREATION" == made["Status"]
    assert re.fullmatch(r"[0-9a-z]{10}\.us-east-1\.awsapprunner\.com", made["DomainName"])
    assert ("000000000000", service) == (made["AccountId"], made["ServiceArn"])
    assert {"VpcId": vpc[0], "VpcEndpointId": vpc[1]} == made["IngressVpcConfiguration"]
    found = described(apprunner, made["VpcIngressConnectionArn"])
    assert {**made, "Status": "AVAILABLE"} == found


def test_its_service_is_reached_at_the_endpoints_interfaces(understudy, apprunner, vpc):
    service = made_service(understudy, public=False)
    domain = create(apprunner, service, vpc)["DomainName"]
    ec2 = understudy.client("ec2")
    interfaces = ec2.describe_vpc_endpoints(VpcEndpointIds=[vpc[1]])["VpcEndpoints"][0]["NetworkInterfaceIds"]
    assert [(domain, tuple(interfaces))] == [
        (entry.host, entry.interfaces) for entry in entries(understudy, service)
    ]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[vpc[1]])
    assert () == entries(understudy, service)


def test_custom_domains_lead_to_a_private_service_where_its_own_name_does_and_nowhere_else(
    understudy, apprunner, vpc
):
    """apprunner-services.md 2.5: VpcDNSTargets."""
    service = made_service(understudy, public=False)
    domain = create(apprunner, service, vpc)["DomainName"]
    apprunner.associate_custom_domain(ServiceArn=service, DomainName="*.shop.test")
    assert [domain] == [entry.host for entry in wanted_of(understudy, service).private_entries]
    understudy.app.admin.answer(ValidateCustomDomain(name="*.shop.test"))
    wanted = wanted_of(understudy, service)
    assert () == wanted.hosts
    assert [domain, "*.shop.test"] == [entry.host for entry in wanted.private_entries]
    assert 1 == len({entry.interfaces for entry in wanted.private_entries})


def test_custom_domains_lead_to_a_public_service_from_everywhere(understudy, apprunner):
    service = made_service(understudy)
    apprunner.associate_custom_domain(ServiceArn=service, DomainName="shop.test")
    understudy.app.admin.answer(ValidateCustomDomain(name="shop.test"))
    wanted = wanted_of(understudy, service)
    assert ("shop.test", "www.shop.test") == wanted.hosts[1:]
    assert () == wanted.private_entries


def test_a_public_service_has_none(understudy, apprunner, vpc):
    with refused("InvalidRequestException") as told:
        create(apprunner, made_service(understudy), vpc)
    assert "IsPubliclyAccessible" in told.text


@pytest.mark.parametrize("which", ["vpc", "endpoint", "other service", "other vpc"])
def test_vpc_and_endpoint_belong_together(understudy, apprunner, vpc, which):
    ec2 = understudy.client("ec2")
    service = made_service(understudy, public=False)
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    named = {
        "vpc": ("vpc-00000000000000000", vpc[1]),
        "endpoint": (vpc[0], "vpce-00000000000000000"),
        "other service": (
            vpc[0],
            endpoint_in(ec2, vpc[0], "10.7.2.0/24", REQUESTS.removesuffix(".requests")),
        ),
        "other vpc": (other, vpc[1]),
    }
    with refused("InvalidRequestException"):
        create(apprunner, service, named[which])


def test_a_service_has_one_and_an_endpoint_many(understudy, apprunner, vpc):
    first, second = (
        made_service(understudy, "one", public=False),
        made_service(understudy, "two", public=False),
    )
    create(apprunner, first, vpc)
    with refused("ServiceQuotaExceededException"):
        create(apprunner, first, vpc, "again")
    with refused("InvalidRequestException"):
        create(apprunner, second, vpc)
    create(apprunner, second, vpc, "second")
    by_endpoint = apprunner.list_vpc_ingress_connections(Filter={"VpcEndpointId": vpc[1]})
    assert [first, second] == [each["ServiceArn"] for each in by_endpoint["VpcIngressConnectionSummaryList"]]
    by_service = apprunner.list_vpc_ingress_connections(Filter={"ServiceArn": second})
    assert [{"ServiceArn", "VpcIngressConnectionArn"}] == [
        set(each) for each in by_service["VpcIngressConnectionSummaryList"]
    ]
    page = apprunner.list_vpc_ingress_connections(MaxResults=1)
    rest = apprunner.list_vpc_ingress_connections(MaxResults=1, NextToken=page["NextToken"])
    assert [first, second] == [
        each["ServiceArn"] for part in (page, rest) for each in part["VpcIngressConnectionSummaryList"]
    ]


def test_another_endpoint_takes_over(understudy, apprunner, vpc):
    service = made_service(understudy, public=False)
    arn = create(apprunner, service, vpc)["VpcIngressConnectionArn"]
    other = endpoint_in(understudy.client("ec2"), vpc[0], "10.7.2.0/24")
    changed = apprunner.update_vpc_ingress_connection(
        VpcIngressConnectionArn=arn, IngressVpcConfiguration={"VpcId": vpc[0], "VpcEndpointId": other}
    )["VpcIngressConnection"]
    assert ("PENDING_UPDATE", other) == (
        changed["Status"],
        changed["IngressVpcConfiguration"]["VpcEndpointId"],
    )
    assert "AVAILABLE" == described(apprunner, arn)["Status"]


def test_a_deleted_one_is_described_as_deleted_and_its_name_is_free(understudy, apprunner, vpc):
    service = made_service(understudy, public=False)
    arn = create(apprunner, service, vpc)["VpcIngressConnectionArn"]
    gone = apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=arn)["VpcIngressConnection"]
    assert "PENDING_DELETION" == gone["Status"]
    assert "DELETED" == described(apprunner, arn)["Status"]
    assert [] == apprunner.list_vpc_ingress_connections()["VpcIngressConnectionSummaryList"]
    with refused("InvalidStateException"):
        apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=arn)
    assert arn != create(apprunner, service, vpc)["VpcIngressConnectionArn"]


def test_one_that_is_not_there(apprunner):
    arn = f"arn:aws:apprunner:us-east-1:000000000000:vpcingressconnection/none/{'0' * 32}"
    for call in (apprunner.describe_vpc_ingress_connection, apprunner.delete_vpc_ingress_connection):
        with refused("ResourceNotFoundException"):
            call(VpcIngressConnectionArn=arn)


@pytest.mark.parametrize("key", ["apprunner:ServiceArn", "apprunner:VpcId", "apprunner:VpcEndpointId"])
def test_policies_see_service_vpc_and_endpoint(understudy, vpc, key):
    """Reference apprunner.md 4.4; the caller sees VPC and endpoint by its own permissions."""
    service = made_service(understudy, public=False)
    value = {"apprunner:ServiceArn": service, "apprunner:VpcId": vpc[0], "apprunner:VpcEndpointId": vpc[1]}[
        key
    ]
    operator = "ArnEquals" if key == "apprunner:ServiceArn" else "StringEquals"
    see = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    make = {"Effect": "Allow", "Action": "apprunner:CreateVpcIngressConnection", "Resource": "*"}
    allowed = {"Statement": [see, {**make, "Condition": {operator: {key: value}}}], "Version": "2012-10-17"}
    denied = {
        "Statement": [see, {**make, "Condition": {operator: {key: f"{value}0"}}}],
        "Version": "2012-10-17",
    }
    with refused("AccessDeniedException"):
        create(understudy.client("apprunner", as_=understudy.user("other", denied)), service, vpc)
    create(understudy.client("apprunner", as_=understudy.user("deployer", allowed)), service, vpc)


def test_a_caller_who_may_not_see_the_vpc_makes_none(understudy, vpc):
    service = made_service(understudy, public=False)
    make = {"Effect": "Allow", "Action": "apprunner:*", "Resource": "*"}
    blind = understudy.user("blind", {"Statement": [make], "Version": "2012-10-17"})
    with refused("AccessDeniedException") as told:
        create(understudy.client("apprunner", as_=blind), service, vpc)
    assert "ec2:DescribeVpcs" in told.text
