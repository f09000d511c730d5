"""Ways of services to the world: egress DEFAULT has one, egress VPC what its subnet's route table gives."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import pytest
from boxes import MACHINE, SITES, WEB, missing_for
from nodes import Node, refusal_for
from running_services import APPLICATION, ServiceSite, until

from understudy_aws.cli.service_scenario import missing_for_services

CARRIER = "pasta" if shutil.which("pasta") else "slirp4netns"
REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]

# Says in its log what an HTTP server in the world answers, and then serves.
ASK = f"""
import socket, urllib.error, urllib.request
try: print("told", urllib.request.urlopen("http://{SITES[0]}:{WEB}/", timeout=3).read().decode(), flush=True)
except TimeoutError: print("told nothing: silent", flush=True)
except urllib.error.URLError as error: print("told nothing:", error.reason, flush=True)
"""


@pytest.fixture
def site(home, user):
    """A server whose node runs in a machine of its own, with a world around it."""
    if refused := missing_for(CARRIER, user):
        pytest.skip(refused)
    with ExitStack() as ending:
        made = ServiceSite(home, user=user)
        ending.callback(made.server.close)
        # The server stops a node that it finds when it starts and nothing is wanted; by then it has looked.
        made.connection()
        ending.callback(Node(made.node, user, boxed=True, outside=CARRIER).stop)
        ending.callback(made.end)
        yield made


def told(site: ServiceSite, name: str, times: int = 1) -> str:
    """What the instance of a service was told that was started last, of so many."""
    logs = site.client("logs")

    def found() -> list[str]:
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/apprunner/{name}/")["logGroups"]
        events = [
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
        said = [each.strip() for each in events if each.startswith("told ")]
        return said if len(said) >= times else []

    said = until(found, 20)
    assert len(said) == times, said
    return str(said[-1])


def test_egress_default_reaches_the_world_and_egress_vpc_what_its_routes_lead_to(site):
    """Reference apprunner.md 3.1; the world sees this machine, as it sees whatever else runs on it."""
    node = site.status().pid
    free = site.create(name="free", application=ASK + APPLICATION)
    assert free["NetworkConfiguration"]["EgressConfiguration"] == {"EgressType": "DEFAULT"}
    assert free["Status"] == "RUNNING"
    assert told(site, "free") == f"told {MACHINE[0]}"

    ec2 = site.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    private, public = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
        for number in (1, 2)
    )
    connector = site.apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=[private])
    egress = {"EgressType": "VPC", "VpcConnectorArn": connector["VpcConnector"]["VpcConnectorArn"]}
    inner = site.create(
        name="inner",
        application=ASK + APPLICATION,
        NetworkConfiguration={"EgressConfiguration": egress},
    )
    assert inner["Status"] == "RUNNING"
    assert told(site, "inner").startswith("told nothing: ")

    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address()["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    for subnet, target in ((public, {"GatewayId": gateway}), (private, {"NatGatewayId": nat})):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    site.apprunner.start_deployment(ServiceArn=inner["ServiceArn"])
    assert site.settled(inner["ServiceArn"])["Status"] == "RUNNING"
    assert told(site, "inner", 2) == f"told {MACHINE[0]}"

    # The route of a public subnet leads to the internet, but its interfaces have no public address to be answered at.
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
    made = site.apprunner.create_vpc_connector(VpcConnectorName="public", Subnets=[public])["VpcConnector"]
    egress = {"EgressType": "VPC", "VpcConnectorArn": made["VpcConnectorArn"]}
    outer = site.create(
        name="outer",
        application=ASK + APPLICATION,
        NetworkConfiguration={"EgressConfiguration": egress},
    )
    assert outer["Status"] == "RUNNING"
    assert told(site, "outer").startswith("told nothing: ")
    (of_instance,) = ec2.describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [public]}, {"Name": "tag-key", "Values": ["AWSAppRunnerManaged"]}]
    )["NetworkInterfaces"]  # fmt: skip
    assert "Association" not in of_instance
    assert site.status().pid == node, "all of it in the machine with the world around it"
