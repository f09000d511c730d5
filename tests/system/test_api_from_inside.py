"""AWS's APIs from inside of a VPC: on the internet side, as on AWS, and known by the address that the internet sees."""

from __future__ import annotations

import json
import sys

import pytest
from nodes import refusal_for
from server_process import ServerProcess, clean_environment
from sites import Site, running_site

from understudy_aws.dataplane.edge import API_ADDRESSES

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

# Calls a few operations with boto3 as it finds itself, and prints what comes of each.
CALL = """
import boto3, botocore.config, botocore.exceptions, json, sys
config = botocore.config.Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1})
for each in sys.argv[1:]:
    service, operation = each.split(":")
    client = boto3.client(service, config=config)
    # What says in HTTP where one comes from is believed of nobody.
    client.meta.events.register("before-send", lambda request, **_: request.headers.update(
        {"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"}))
    try:
        getattr(client, operation)()
        print(each, "ok")
    except botocore.exceptions.ClientError as error:
        print(each, error.response["Error"]["Code"], error.response["Error"]["Message"])
    except botocore.exceptions.BotoCoreError as error:
        print(each, type(error).__name__)
"""


@pytest.fixture
def site(tmp_path):
    with running_site(tmp_path) as made:
        yield made


def called(
    site: Site, interface: str, *operations: str, environment: dict[str, str] | None = None
) -> dict[str, str]:
    """What comes of operations that a program at an interface calls."""
    words = ("attach", "--interface", interface, "--", sys.executable, "-c", CALL, *operations)
    before = site.environment
    site.environment = {**before, **(environment or {})}
    try:
        done = site.understudy(*words)
    finally:
        site.environment = before
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def interface_in(site: Site, subnet: str) -> str:
    made = site.ec2("create-network-interface", "--subnet-id", subnet)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def user_who_may(site: Site, name: str, statement: dict) -> dict[str, str]:
    """A user with one statement, and the environment with its keys."""
    aws = (sys.executable, "-m", "awscli", "iam", "--output", "json")
    assert site.run(*aws, "create-user", "--user-name", name).returncode == 0
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = ("put-user-policy", "--user-name", name, "--policy-name", "p", "--policy-document", policy)
    assert site.run(*aws, *put).returncode == 0
    key = json.loads(site.run(*aws, "create-access-key", "--user-name", name).stdout)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_apis_are_reached_with_a_public_address_by_which_policies_know_who_calls(site):
    """A public subnet alone gives no way to the APIs; an Elastic IP address does, and is `aws:SourceIp`."""
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    interface = interface_in(site, subnet)
    assert called(site, interface, "sts:get_caller_identity") == {
        "sts:get_caller_identity": "ConnectTimeoutError"
    }

    address = site.ec2("allocate-address")
    site.ec2(
        "associate-address", "--allocation-id", address["AllocationId"], "--network-interface-id", interface
    )
    seen = {"IpAddress": {"aws:SourceIp": f"{address['PublicIp']}/32"}, "Null": {"aws:SourceVpce": "true"}}
    keys = user_who_may(
        site, "inside", {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*", "Condition": seen}
    )
    found = called(site, interface, "ec2:describe_vpcs", environment=keys)
    assert found == {"ec2:describe_vpcs": "ok"}
    outside = site.run(sys.executable, "-c", CALL, "ec2:describe_vpcs")
    assert "ok" in outside.stdout
    site.environment |= keys
    assert "UnauthorizedOperation" in site.run(sys.executable, "-c", CALL, "ec2:describe_vpcs").stdout


def test_a_program_inside_is_told_where_the_apis_are_and_keeps_its_keys(site):
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    site.environment["AWS_ENDPOINT_URL_STS"] = site.environment["AWS_ENDPOINT_URL"]
    done = site.understudy("attach", "--subnet", subnet, "--", "env")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("AWS_"))
    assert told["AWS_ENDPOINT_URL"] == f"http://{API_ADDRESSES[4]}:443"
    assert "AWS_ENDPOINT_URL_STS" not in told
    assert told["AWS_ACCESS_KEY_ID"] == site.environment["AWS_ACCESS_KEY_ID"]


def test_the_servers_own_token_administers_nothing_from_inside(site, tmp_path):
    """Whatever a program finds out, what it sends over its interface is not the owner's word."""
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    interface = interface_in(site, subnet)
    address = site.ec2("allocate-address")["AllocationId"]
    site.ec2("associate-address", "--allocation-id", address, "--network-interface-id", interface)
    token = json.loads((tmp_path / "state" / "server.json").read_text())["token"]
    ask = """
import http.client, sys
for path in ("health", "status"):
    connection = http.client.HTTPConnection(sys.argv[1], 80, timeout=5)
    connection.request("GET", "/_understudy/" + path, headers={"X-Understudy-Token": sys.argv[2]})
    print(connection.getresponse().status)
"""
    words = ("attach", "--interface", interface, "--", sys.executable, "-c", ask, API_ADDRESSES[4], token)
    done = site.understudy(*words)
    assert done.stdout.split() == ["200", "403"], done.stderr


def test_a_server_that_starts_again_is_found_by_programs_inside(site, tmp_path):
    """The node goes on listening; only while the server is away is a connection cut off."""
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    interface = interface_in(site, subnet)
    address = site.ec2("allocate-address")
    site.ec2(
        "associate-address", "--allocation-id", address["AllocationId"], "--network-interface-id", interface
    )
    ask = """
import http.client, sys
for line in sys.stdin:
    connection = http.client.HTTPConnection(sys.argv[1], 80, timeout=5)
    try:
        connection.request("GET", "/_understudy/health")
        print(connection.getresponse().status, flush=True)
    except (OSError, http.client.HTTPException) as error:
        print("cut off", flush=True)
"""
    with site.attached(
        "--interface", interface, "--", sys.executable, "-c", ask, API_ADDRESSES[4]
    ) as program:

        def heard() -> str:
            program.stdin.write("\n")
            program.stdin.flush()
            return program.stdout.readline().strip()

        assert heard() == "200", program.stderr.read()
        site.server.end()
        assert heard() == "cut off"
        state = ("--json", "--lifeline", "--state", str(tmp_path / "state"))
        with ServerProcess(*state, environment=clean_environment(tmp_path, TMPDIR=str(tmp_path))) as again:
            assert again.said["state"] == site.server.said["state"]
            assert heard() == "200"


def test_an_interface_endpoint_leads_to_its_service_alone_and_by_its_groups_and_policy(site):
    """A VPC without any gateway: one service is reached, and policies know the VPC and the endpoint, not an address."""
    vpc = site.ec2("create-vpc", "--cidr-block", "10.7.0.0/16")["Vpc"]["VpcId"]
    for attribute in ("--enable-dns-hostnames", "--enable-dns-support"):
        site.ec2("modify-vpc-attribute", "--vpc-id", vpc, attribute, '{"Value":true}')
    subnet = site.ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.7.1.0/24")["Subnet"]["SubnetId"]
    groups = [
        site.ec2("create-security-group", "--group-name", name, "--description", name, "--vpc-id", vpc)[
            "GroupId"
        ]
        for name in ("clients", "endpoint")
    ]
    made = site.ec2(
        "create-vpc-endpoint", "--vpc-id", vpc, "--vpc-endpoint-type", "Interface", "--subnet-ids", subnet,
        "--service-name", "com.amazonaws.eu-west-1.ec2", "--security-group-ids", groups[1],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    interface = site.ec2("create-network-interface", "--subnet-id", subnet, "--groups", groups[0])
    id = interface["NetworkInterface"]["NetworkInterfaceId"]
    asked = ("ec2:describe_vpcs", "ec2:describe_subnets", "sts:get_caller_identity")

    found = called(site, id, *asked)
    assert found["ec2:describe_vpcs"] == "ConnectTimeoutError", "its group admits nobody"
    site.ec2(
        "authorize-security-group-ingress", "--group-id", groups[1], "--protocol", "tcp", "--port", "443",
        "--source-group", groups[0],
    )  # fmt: skip
    found = called(site, id, *asked)
    assert found == {
        "ec2:describe_vpcs": "ok", "ec2:describe_subnets": "ok", "sts:get_caller_identity": "ConnectTimeoutError",
    }  # fmt: skip

    policy = {"Effect": "Allow", "Principal": "*", "Action": "ec2:DescribeVpcs", "Resource": "*"}
    site.ec2(
        "modify-vpc-endpoint",
        "--vpc-endpoint-id",
        made,
        "--policy-document",
        json.dumps({"Statement": [policy]}),
    )
    seen = {
        "StringEquals": {
            "aws:SourceVpc": vpc, "aws:SourceVpce": made,
            "aws:VpcSourceIp": interface["NetworkInterface"]["PrivateIpAddress"],
        },
        "Null": {"aws:SourceIp": "true"},
    }  # fmt: skip
    keys = user_who_may(
        site, "inside", {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": seen}
    )
    found = called(site, id, *asked[:2], environment=keys)
    assert found["ec2:describe_vpcs"] == "ok"
    refused = found["ec2:describe_subnets"]
    assert refused.startswith("UnauthorizedOperation ")
    assert "because no VPC endpoint policy allows the ec2:DescribeSubnets action" in refused
