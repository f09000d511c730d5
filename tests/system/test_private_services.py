"""A private service that runs: reached by its domain inside of its VPC, through the endpoint, and nowhere else."""

from __future__ import annotations

import http.client

import pytest
from nodes import refusal_for
from running_services import ServiceSite, until

from understudy_aws.cli.service_scenario import missing_for_services
from understudy_aws.dataplane.messages import GetInstances, Instances

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]

# Asks for a domain, at an address where one is given, and prints what comes of it.
ASK = """
import http.client, socket, sys
domain, *address = sys.argv[1:]
connection = http.client.HTTPConnection(*(address or [domain]), timeout=2)
try:
    connection.request("GET", "/", headers={"Host": domain})
    answer = connection.getresponse()
    print(connection.sock.getpeername()[0] if connection.sock else "", answer.status, answer.read().decode())
except TimeoutError: print("dropped")
except ConnectionRefusedError: print("refused")
except socket.gaierror: print("unknown")
"""


class Place:
    """A VPC with a subnet, a group for clients, and an endpoint for requests to private services with its own group."""

    def __init__(self, site: ServiceSite, block: str) -> None:
        self._site, self._ec2 = site, site.client("ec2")
        self.vpc = self._ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsHostnames", "EnableDnsSupport"):
            self._ec2.modify_vpc_attribute(VpcId=self.vpc, **{attribute: {"Value": True}})
        self.subnet = self._ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{block}.1.0/24")["Subnet"][
            "SubnetId"
        ]
        self.clients, self.door = (
            self._ec2.create_security_group(VpcId=self.vpc, GroupName=name, Description=name)["GroupId"]
            for name in ("clients", "door")
        )
        self.endpoint = self._ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName="com.amazonaws.us-east-1.apprunner.requests", VpcEndpointType="Interface",
            SubnetIds=[self.subnet], SecurityGroupIds=[self.door], PrivateDnsEnabled=True,
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip

    @property
    def address(self) -> str:
        """The address of the endpoint's only interface."""
        (found,) = self._ec2.describe_vpc_endpoints(VpcEndpointIds=[self.endpoint])["VpcEndpoints"]
        interfaces = self._ec2.describe_network_interfaces(NetworkInterfaceIds=found["NetworkInterfaceIds"])
        return interfaces["NetworkInterfaces"][0]["PrivateIpAddress"]

    def admit_clients(self) -> None:
        """Let clients in at the endpoint's port for HTTP."""
        self._ec2.authorize_security_group_ingress(**self._rule())

    def admit_nobody(self) -> None:
        self._ec2.revoke_security_group_ingress(**self._rule())

    def _rule(self) -> dict:
        pair = {"UserIdGroupPairs": [{"GroupId": self.clients}]}
        return {
            "GroupId": self.door,
            "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **pair}],
        }

    def asked(self, *words: str) -> str:
        """What a program in the VPC that runs under `understudy attach` hears at a domain."""
        place = ("--subnet", self.subnet, "--group", self.clients)
        asking = self._site.attach(*place, "--", self._site.python, "-c", ASK, *words)
        said, complaints = asking.communicate(timeout=60)
        assert asking.returncode == 0, complaints
        return said.strip()


@pytest.fixture
def site(site):
    yield site
    # DeleteService is refused while a connection leads to the service (apprunner-services.md 2.6).
    for each in site.apprunner.list_vpc_ingress_connections()["VpcIngressConnectionSummaryList"]:
        site.apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=each["VpcIngressConnectionArn"])


def asked_outside(site: ServiceSite, domain: str) -> int:
    """The status that the ingress of this machine answers with when it is asked for a domain."""
    with site.connected() as node:
        found = node.ask(GetInstances())
    assert isinstance(found, Instances)
    host, _, port = found.ingress.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": domain})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_private_service_answers_in_its_vpc_alone_and_to_whom_the_endpoints_group_admits(site):
    """Reference apprunner-services.md 2.6; by names of the endpoint's private DNS (vpc-endpoints.md 15.2)."""
    home, other = Place(site, "10.7"), Place(site, "10.8")
    service = site.create(NetworkConfiguration={"IngressConfiguration": {"IsPubliclyAccessible": False}})
    assert service["Status"] == "RUNNING", site.reason()
    assert not service.get("ServiceUrl")
    made = site.apprunner.create_vpc_ingress_connection(
        ServiceArn=service["ServiceArn"],
        VpcIngressConnectionName="home",
        IngressVpcConfiguration={"VpcId": home.vpc, "VpcEndpointId": home.endpoint},
    )["VpcIngressConnection"]
    connection, domain = made["VpcIngressConnectionArn"], made["DomainName"]

    def is_available() -> bool:
        found = site.apprunner.describe_vpc_ingress_connection(VpcIngressConnectionArn=connection)
        return found["VpcIngressConnection"]["Status"] == "AVAILABLE"

    assert until(is_available)

    assert home.asked(domain) == "dropped", "the endpoint's group admits nobody"
    home.admit_clients()
    there = f"{home.address} 200 here"
    assert until(lambda: home.asked(domain) == there, 10), home.asked(domain)
    assert asked_outside(site, domain) == 404, "this machine's own clients do not get in"

    other.admit_clients()
    assert other.asked(domain, home.address) == "dropped", "no way leads from one VPC to another"
    assert other.asked(domain) == f"{other.address} 404", (
        "its name leads to that VPC's endpoint, and that to no service"
    )

    home.admit_nobody()
    assert home.asked(domain) == "dropped"
