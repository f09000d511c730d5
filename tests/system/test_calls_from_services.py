"""AWS's APIs from inside a service that runs: as its instance role, by its VPC's ways out, with and without TLS."""

from __future__ import annotations

import json
import shutil
import socket
import urllib.parse
from importlib.util import find_spec
from pathlib import Path

import pytest
from nodes import refusal_for
from running_services import ServiceSite

from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]

# Does what the query asks for: `boto3=SERVICE:OPERATION` as boto3 finds itself, or a program's words.
APPLICATION = """
import http.server, json, os, subprocess, urllib.parse
def call(asked):
    import boto3, botocore.config, botocore.exceptions
    service, operation = asked.split(":")
    config = botocore.config.Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
    try:
        answer = getattr(boto3.client(service, config=config), operation)()
        return "ok " + answer.get("Arn", "")
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"] + " " + error.response["Error"]["Message"]
    except botocore.exceptions.BotoCoreError as error:
        return type(error).__name__ + " " + str(error)
def run(words):
    done = subprocess.run(json.loads(words), capture_output=True, text=True, timeout=20)
    return json.dumps([done.returncode, done.stdout, done.stderr])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        said = call(query["boto3"]) if "boto3" in query else run(query["run"]) if "run" in query else "here"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
# What the application brings along, with the descriptions of the services that it calls.
PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
SERVICES = ("ec2", "sts", "secretsmanager")
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "tasks.apprunner.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
# Programs that ask for the APIs' health and trust what programs of their kind do, where this machine has them.
CLIENTS = {
    "curl": ("curl", "-sS", "{}"),
    "openssl": ("openssl", "s_client", "-brief", "-verify_return_error", "-connect", "{host}:443"),
    "python": (
        "python3", "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())", "{}",
    ),
    "node": ("node", "-e", "fetch(process.argv[1]).then(r => r.text()).then(console.log)", "{}"),
}  # fmt: skip


def bring_along(repository: Path) -> None:
    """Put boto3 into a repository; a build would install it from a registry."""
    for name in PACKAGES:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        source = Path(found.origin)
        if source.name != "__init__.py":
            shutil.copy(source, repository)
            continue
        ignored = shutil.ignore_patterns("__pycache__", "data", "examples")
        shutil.copytree(source.parent, repository / name, ignore=ignored)
        if name in {"boto3", "botocore"}:
            data = source.parent / "data"
            (repository / name / "data").mkdir()
            for each in data.iterdir():
                if each.is_file():
                    shutil.copy(each, repository / name / "data")
                elif each.name in SERVICES:
                    shutil.copytree(each, repository / name / "data" / each.name)


class Calling:
    """A service in a private subnet with a NAT gateway and an interface endpoint of Secrets Manager."""

    def __init__(self, site: ServiceSite) -> None:
        self.site, self.ec2 = site, site.client("ec2")
        self.secure = site.server.said["endpoint"].startswith("https:")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsHostnames", "EnableDnsSupport"):
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, **{attribute: {"Value": True}})
        public, private = (
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
            for number in (1, 2)
        )
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self._route(public, GatewayId=gateway)
        address = self.ec2.allocate_address()
        self.address = address["PublicIp"]
        nat = self.ec2.create_nat_gateway(SubnetId=public, AllocationId=address["AllocationId"])["NatGateway"]
        self._route(private, NatGatewayId=nat["NatGatewayId"])
        group = self.ec2.create_security_group(VpcId=self.vpc, GroupName="web", Description="web")["GroupId"]
        everything = [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.7.0.0/16"}]}
        ]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=everything)
        self.endpoint = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, VpcEndpointType="Interface", SubnetIds=[private], SecurityGroupIds=[group],
            ServiceName="com.amazonaws.us-east-1.secretsmanager",
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
        connector = site.apprunner.create_vpc_connector(
            VpcConnectorName="main", Subnets=[private], SecurityGroups=[group]
        )["VpcConnector"]["VpcConnectorArn"]
        self.service = site.create(
            application=APPLICATION,
            prepare=bring_along,
            InstanceConfiguration={"InstanceRoleArn": self._role()},
            NetworkConfiguration={"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}},
        )

    def _route(self, subnet: str, **target: str) -> None:
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    def _role(self) -> str:
        """A role that may do things where they come by the way that they must come."""
        through_nat = {
            "IpAddress": {"aws:SourceIp": f"{self.address}/32"},
            "Null": {"aws:SourceVpc": "true", "aws:SourceVpce": "true", "aws:VpcSourceIp": "true"},
            "Bool": {"aws:SecureTransport": str(self.secure).lower()},
        }
        through_endpoint = {
            "StringEquals": {"aws:SourceVpc": self.vpc, "aws:SourceVpce": self.endpoint},
            "IpAddress": {"aws:VpcSourceIp": "10.7.2.0/24"},
            "Null": {"aws:SourceIp": "true"},
        }
        statements = [
            {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*", "Condition": through_nat},
            {"Effect": "Allow", "Action": "ec2:DescribeSubnets", "Resource": "*", "Condition": through_endpoint},
            {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*", "Condition": through_endpoint},
            {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*", "Condition": through_nat},
        ]  # fmt: skip
        iam = self.site.client("iam")
        role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document(*statements))
        return role

    def call(self, asked: str) -> str:
        """What becomes of a call that boto3 makes inside the service."""
        return self.site.answer(self.service, f"/?boto3={asked}")

    def run(self, *words: str) -> tuple[int, str, str]:
        said = self.site.answer(self.service, f"/?run={urllib.parse.quote(json.dumps(words))}")
        code, out, err = json.loads(said)
        return code, out, err


def document(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(params=[(), ("--tls",)], ids=["plain", "tls"])
def calling(request, tmp_path):
    site = ServiceSite(tmp_path, *request.param)
    try:
        yield Calling(site)
    finally:
        site.end()


def test_boto3_in_a_service_calls_as_its_role_by_the_ways_out_of_its_vpc(calling):
    service = calling.service
    assert service["Status"] == "RUNNING", calling.site.reason()
    assert service["ServiceUrl"].rpartition(":")[2].isdecimal()
    who = calling.call("sts:get_caller_identity")
    assert who.startswith("ok arn:aws:sts::000000000000:assumed-role/web/")
    # The subnet's way to the internet is the NAT gateway, whose address the APIs see.
    assert calling.call("ec2:describe_vpcs").strip() == "ok"
    # To Secrets Manager the endpoint leads, and policies know it and the VPC.
    assert calling.call("secretsmanager:list_secrets").strip() == "ok"
    role = "assumed-role/web/"
    for asked, action in (
        ("ec2:describe_subnets", "ec2:DescribeSubnets"),
        ("ec2:describe_route_tables", "ec2:DescribeRouteTables"),
        ("secretsmanager:get_random_password", "secretsmanager:GetRandomPassword"),
    ):
        refused = calling.call(asked)
        assert refused.startswith(("UnauthorizedOperation ", "AccessDeniedException "))
        assert role in refused
        assert f"no identity-based policy allows the {action} action" in refused
    if calling.secure:
        for name, words in CLIENTS.items():
            if shutil.which(words[0], path="/usr/local/bin:/usr/bin:/bin") is None:
                continue
            url = "https://198.18.255.1/_understudy/health"
            code, out, err = calling.run(*(each.format(url, host="198.18.255.1") for each in words))
            assert code == 0, (name, out, err)
            assert "{" in out or "Verification: OK" in err, (name, out, err)
        code, out, _ = calling.run("/bin/sh", "-c", "grep -c BEGIN $SSL_CERT_FILE")
        assert (code, int(out) > 1) == (0, True), "what the machine trusts is trusted, too"


@pytest.mark.parametrize("taken", [False, True])
def test_the_first_url_tells_its_port(tmp_path, taken):
    """It is answered before any node runs; where somebody else has the port it is another one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        if not taken:
            other.close()
        site = ServiceSite(tmp_path, "--ingress", f"127.0.0.1:{port}")
    try:
        made = site.begin()
        told = int(made["ServiceUrl"].rpartition(":")[2])
        assert (told > 0, told == port) == (True, not taken)
        service = site.settled(made["ServiceArn"])
        assert service["ServiceUrl"] == made["ServiceUrl"]
        assert site.answer(service, wanted="here") == "here"
    finally:
        site.end()
