"""AWS's APIs from attached programs, of a server with TLS: what they trust, whatever their user's shell says of it."""

from __future__ import annotations

import shutil
import sys

import pytest
from nodes import refusal_for
from sites import Site, running_site

from understudy_aws.cli.certificates import certificates_in

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
NAME = "https://secretsmanager.eu-west-1.amazonaws.com"
HEALTH = "/_understudy/health"
AWS = (sys.executable, "-m", "awscli")
PYTHON = (
    sys.executable,
    "-c",
    "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
)
NODE = ("node", "-e", "fetch(process.argv[1]).then(r => r.text()).then(console.log)")


class Attaching:
    """A private subnet with a NAT gateway and an interface endpoint of Secrets Manager, at a server with TLS."""

    def __init__(self, site: Site) -> None:
        self.site = site
        ec2 = site.ec2
        vpc = ec2("create-vpc", "--cidr-block", "10.7.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("--enable-dns-hostnames", "--enable-dns-support"):
            ec2("modify-vpc-attribute", "--vpc-id", vpc, attribute, '{"Value":true}')
        public, self.subnet = (
            ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", f"10.7.{each}.0/24")["Subnet"]["SubnetId"]
            for each in (1, 2)
        )
        gateway = ec2("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
        ec2("attach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
        self._route(vpc, public, "--gateway-id", gateway)
        address = ec2("allocate-address")["AllocationId"]
        nat = ec2("create-nat-gateway", "--subnet-id", public, "--allocation-id", address)["NatGateway"]
        self._route(vpc, self.subnet, "--nat-gateway-id", nat["NatGatewayId"])
        group = ec2("create-security-group", "--vpc-id", vpc, "--group-name", "e", "--description", "e")[
            "GroupId"
        ]
        ec2(
            "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "443",
            "--cidr", "10.7.0.0/16",
        )  # fmt: skip
        self.endpoint = ec2(
            "create-vpc-endpoint", "--vpc-id", vpc, "--vpc-endpoint-type", "Interface", "--subnet-ids", self.subnet,
            "--service-name", "com.amazonaws.eu-west-1.secretsmanager", "--security-group-ids", group,
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip

    def _route(self, vpc: str, subnet: str, *target: str) -> None:
        table = self.site.ec2("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        self.site.ec2(
            "create-route", "--route-table-id", table, "--destination-cidr-block", "0.0.0.0/0", *target
        )
        self.site.ec2("associate-route-table", "--route-table-id", table, "--subnet-id", subnet)

    def run(self, *words: str, isolated: bool = False):
        kept = ("--isolated",) if isolated else ()
        return self.site.understudy("attach", "--subnet", self.subnet, *kept, "--", *words)

    def told(self) -> dict[str, str]:
        """The variables of a program."""
        return dict(line.split("=", 1) for line in self.run("env").stdout.splitlines() if "=" in line)


@pytest.fixture
def attaching(tmp_path):
    with running_site(tmp_path, "--tls") as site:
        for name in VARIABLES:
            site.environment.pop(name, None)
        # As `understudy env` would.
        site.environment["AWS_CA_BUNDLE"] = site.environment["NODE_EXTRA_CA_CERTS"] = str(
            tmp_path / "state" / "tls" / "ca.pem"
        )
        yield Attaching(site)


def test_clients_reach_the_apis_by_all_ways_and_know_their_certificate(attaching, tmp_path):
    told = attaching.told()
    assert (told["AWS_ENDPOINT_URL"], told["AWS_ENDPOINT_URL_SECRETS_MANAGER"]) == (
        "https://198.18.255.1",
        NAME,
    )
    assert {told[name] for name in VARIABLES if name in told} <= {
        "/run/understudy-authorities.pem",
        "/run/understudy-node_extra_ca_certs.pem",
    }
    found = attaching.run(*AWS, "sts", "get-caller-identity")
    assert ":user/Administrator" in found.stdout, found.stderr
    # Only through the endpoint does it come: another policy of the endpoint's would refuse it.
    nobody = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:ListSecrets","Resource":"*"}]}'
    assert '"SecretList": []' in attaching.run(*AWS, "secretsmanager", "list-secrets").stdout
    attaching.site.ec2(
        "modify-vpc-endpoint", "--vpc-endpoint-id", attaching.endpoint, "--policy-document", nobody
    )
    refused = attaching.run(*AWS, "secretsmanager", "list-secrets").stderr
    assert "with an explicit deny in a VPC endpoint policy" in refused

    for words in (("curl", "-sS"), PYTHON, NODE):
        if shutil.which(words[0]) is not None:
            for url in ("https://198.18.255.1", NAME):
                done = attaching.run(*words, f"{url}{HEALTH}")
                assert '"status":"ok"' in done.stdout, (words, done.stderr)
    apart = attaching.run("/usr/bin/python3", *PYTHON[1:], f"{NAME}{HEALTH}", isolated=True)
    assert '"status":"ok"' in apart.stdout, apart.stderr
    untold = attaching.run("env", "-u", "SSL_CERT_FILE", *PYTHON, f"{NAME}{HEALTH}")
    assert "CERTIFICATE_VERIFY_FAILED" in untold.stderr, "nothing else has it trust the server"

    seen = attaching.run("/bin/sh", "-c", f"cat /run/understudy-*.pem; ls {tmp_path}/state").stdout
    assert "BEGIN CERTIFICATE" in seen
    assert "PRIVATE KEY" not in seen
    assert seen.endswith("-----\n"), "and of the state nothing is seen"


def test_what_the_user_trusts_is_trusted_too(attaching, tmp_path):
    """Machines of companies set such variables for everybody."""
    own = certificates_in(tmp_path / "own", "db.example.com").authority
    attaching.site.environment |= {"SSL_CERT_FILE": str(own), "CURL_CA_BUNDLE": str(tmp_path / "gone.pem")}
    told = attaching.told()
    assert told["CURL_CA_BUNDLE"] == "/run/understudy-authorities.pem"
    assert '"status":"ok"' in attaching.run(*PYTHON, f"{NAME}{HEALTH}").stdout
    trusted = attaching.run("cat", told["SSL_CERT_FILE"]).stdout
    authority = (tmp_path / "state" / "tls" / "ca.pem").read_text()
    assert trusted == f"{own.read_text()}{authority}"
