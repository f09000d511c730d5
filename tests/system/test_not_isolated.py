"""Where a machine makes no networks: everything says so, nothing runs unasked, and a plain process can be had."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from restrictions import refusal_of, restricted
from running_services import ServiceSite, until
from server_process import ServerProcess, clean_environment

RESTRICTION = "no-unshare"
REFUSED = refusal_of(RESTRICTION)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "it can be restricted")]

REMEDY = "docker run --security-opt seccomp=unconfined"


class Site:
    """A running server that can make no networks, and commands that can't either."""

    def __init__(self, server: ServerProcess, environment: dict[str, str]) -> None:
        said = server.said
        self.notes = said["notes"]
        self.environment = {
            **environment,
            "UNDERSTUDY_STATE": said["state"],
            "UNDERSTUDY_PORT": str(said["endpoint"].rpartition(":")[2]),
            "AWS_ENDPOINT_URL": said["endpoint"],
            "AWS_ACCESS_KEY_ID": said["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": said["secret_access_key"],
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def words(self, *words: str) -> list[str]:
        return restricted(RESTRICTION, sys.executable, "-m", "understudy_aws", *words)

    def understudy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), capture_output=True, text=True, env=self.environment, timeout=120, check=False
        )

    def aws(self, *words: str):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *words, "--output", "json"],
            capture_output=True, text=True, env=self.environment, timeout=120, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def ec2(self, *words: str):
        return self.aws("ec2", *words)

    def interfaces(self) -> list[dict]:
        return self.ec2("describe-network-interfaces")["NetworkInterfaces"]


@pytest.fixture
def site(tmp_path):
    environment = clean_environment(tmp_path, TMPDIR=str(tmp_path))
    with ServerProcess(
        "--json",
        "--lifeline",
        "--state",
        str(tmp_path / "state"),
        environment=environment,
        restriction=RESTRICTION,
    ) as server:
        made = Site(server, environment)
        yield made
        made.understudy("stop")


def test_it_is_said_in_every_place_where_it_matters(site):
    assert [note for note in site.notes if "NO PACKET IS FILTERED" in note and REMEDY in note]
    [packets] = [
        each
        for each in json.loads(site.understudy("doctor", "--json").stdout)["findings"]
        if each["name"] == "packets"
    ]
    assert packets["verdict"] == "note"
    assert REMEDY in packets["sentence"]
    [internet] = [
        each["sentence"]
        for each in json.loads(site.understudy("doctor", "--json").stdout)["findings"]
        if each["name"] == "internet"
    ]
    assert "no packets of VPCs" in internet

    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    isolated = site.understudy("attach", "--subnet", subnet, "--isolated", "--", "true")
    assert (isolated.returncode, "So true can't be isolated here." in isolated.stderr) == (2, True)
    refused = site.understudy("attach", "--subnet", subnet, "--", "touch", site.environment["HOME"] + "/ran")
    assert refused.returncode == 2
    assert REMEDY in refused.stderr
    assert "--not-isolated" in refused.stderr
    assert not os.path.exists(site.environment["HOME"] + "/ran"), "nothing runs unasked"  # noqa: PTH110
    assert site.interfaces() == []

    with subprocess.Popen(
        site.words("attach", "--subnet", subnet, "--not-isolated", "--", "sh", "-c", "echo up; exec sleep 100"),
        env=site.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout.readline() == "up\n"
        [interface] = site.interfaces()
        assert interface["Status"] == "in-use"
        status = site.understudy("status")
        assert "NOTHING IS FILTERED OR ISOLATED" in status.stdout
        assert re.search(r"node \d+, \d+ MiB", status.stdout)
        assert REMEDY in status.stderr
        network = json.loads(site.understudy("status", "--json").stdout)["network"]
        assert (network["driver"], network["converged"]) == ("memory", True)
        assert REMEDY in network["obstacle"]
        asked = (interface["NetworkInterfaceId"], f"{interface['PrivateIpAddress']}:80")
        reach = site.understudy("reach", *asked)
        assert "nothing enforces it" in reach.stderr
        assert REMEDY in json.loads(site.understudy("reach", "--json", *asked).stdout)["obstacle"]
        probe = site.understudy("reach", "--probe", *asked)
        assert (probe.returncode, "can send no packet here" in probe.stderr) == (2, True), probe
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 128 + signal.SIGTERM
        assert "NOT ISOLATED: sh" in program.stderr.read()
    _until(lambda: site.interfaces() == [])


def test_a_flow_log_says_that_nothing_is_recorded(site):
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = site.aws("iam", "create-role", "--role-name", "delivers", "--assume-role-policy-document", trust)
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    made = site.ec2(
        "create-flow-logs", "--resource-type", "Subnet", "--resource-ids", subnet, "--traffic-type", "ALL",
        "--log-group-name", "flows", "--deliver-logs-permission-arn", role["Role"]["Arn"],
    )  # fmt: skip
    assert made["Unsuccessful"] == []
    attach = ("attach", "--subnet", subnet, "--not-isolated", "--", "sh", "-c", "echo up; exec sleep 100")
    with subprocess.Popen(
        site.words(*attach), env=site.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout.readline() == "up\n"

        def failed() -> bool:
            [log] = site.ec2("describe-flow-logs")["FlowLogs"]
            return (
                log["DeliverLogsStatus"] == "FAILED" and "none is recorded" in log["DeliverLogsErrorMessage"]
            )

        _until(failed)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=20)


def test_a_plain_process_ends_with_the_network_it_would_have_been_in(site):
    subnet = site.ec2("describe-subnets")["Subnets"][0]["SubnetId"]
    attach = ("attach", "--subnet", subnet, "--not-isolated", "--")
    assert site.understudy(*attach, "sh", "-c", "exit 7").returncode == 7
    assert site.understudy(*attach, "/nowhere/there").returncode == 127
    with subprocess.Popen(
        site.words(*attach, "sh", "-c", "echo up; exec sleep 100"),
        env=site.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as program:  # fmt: skip
        assert program.stdout.readline() == "up\n"
        assert site.understudy("stop").returncode == 0
        assert program.wait(20) == 128 + signal.SIGKILL


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


def test_a_service_has_the_credentials_of_its_role_and_the_apis_on_loopback(tmp_path):
    """By AWS_CONTAINER_CREDENTIALS_FULL_URI, as SDKs take it; another node has them at the same place."""
    site = ServiceSite(tmp_path, restriction=RESTRICTION)
    try:
        made = site.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))
        service = site.create(InstanceConfiguration={"InstanceRoleArn": made["Role"]["Arn"]})
        assert service["Status"] == "RUNNING", site.apprunner.list_operations(
            ServiceArn=service["ServiceArn"]
        )
        environment = json.loads(site.answer(service, "/environment"))
        credentials = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v2/credentials", credentials)
        assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in environment
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", environment["AWS_ENDPOINT_URL"])
        assert site.answer(service, "/health").startswith("{")

        # What an SDK does in the service: its own resolver of credentials, and its own endpoint.
        asked = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        kept = {name: value for name, value in environment.items() if name.startswith("AWS_")}
        told = subprocess.run(
            [sys.executable, "-c", asked],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **kept},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert told.stdout.startswith("arn:aws:sts::000000000000:assumed-role/web/"), told.stderr
        stranger = urllib.request.Request(credentials, headers={"Authorization": "x"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(stranger, timeout=10)
        assert refused.value.code == 400

        os.kill(site.status().pid, signal.SIGKILL)
        assert site.answer(service, wanted="here") == "here", "another node goes on"
        assert until(lambda: "AccessKeyId" in site.answer(service, "/credentials"), 20)
        # It is said where somebody looks.
        for words in (("status",), ("status", "site")):
            told = subprocess.run(
                restricted(
                    RESTRICTION, sys.executable, "-m", "understudy_aws", *words, "--state", str(tmp_path / "state")
                ),
                env=site.environment, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert "Instances are not isolated on this machine" in told.stdout + told.stderr
    finally:
        site.end()


def _until(condition, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
