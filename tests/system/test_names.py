"""Names in VPCs with the real `aws` command: two with the same block, each with its own, looked up by the C library."""

from __future__ import annotations

import sys

import pytest
from nodes import refusal_for
from sites import Site, running_site

REFUSED = refusal_for(None)
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")]

LOOK_UP = """
import socket, sys
print(open("/etc/resolv.conf").read().splitlines()[1:])
for name in sys.argv[1:]:
    try: print(socket.gethostbyname(name))
    except socket.gaierror: print("unknown")
"""


@pytest.fixture
def site(tmp_path):
    with running_site(tmp_path) as made:
        yield made


def a_vpc(site: Site, address: str) -> tuple[str, str]:
    """Make a VPC that gives host names, with an interface at an address; returns the VPC and its subnet."""
    vpc = site.ec2("create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    site.ec2("modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
    subnet = site.ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.1.0/24")["Subnet"]["SubnetId"]
    site.ec2("create-network-interface", "--subnet-id", subnet, "--private-ip-address", address)
    return vpc, subnet


def test_two_vpcs_with_one_block_have_names_and_options_of_their_own(site):
    """As the VPC's DHCP options say, and from the resolver of the VPC alone (vpc-dns.md 19.2, 19.3)."""
    domain = "eu-west-1.compute.internal"
    (one, first), (_, second) = a_vpc(site, "10.0.1.50"), a_vpc(site, "10.0.1.60")
    options = site.ec2(
        "create-dhcp-options", "--dhcp-configurations", f"Key=domain-name,Values={domain}",
        "Key=domain-name-servers,Values=169.254.169.253",
    )["DhcpOptions"]["DhcpOptionsId"]  # fmt: skip
    site.ec2("associate-dhcp-options", "--dhcp-options-id", options, "--vpc-id", one)

    def found(subnet: str) -> list[str]:
        names = ("ip-10-0-1-50", f"ip-10-0-1-60.{domain}", "example.com")
        done = site.understudy("attach", "--subnet", subnet, "--", sys.executable, "-c", LOOK_UP, *names)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert found(first) == [
        f"['search {domain}', 'nameserver 169.254.169.253']", "10.0.1.50", "unknown", "unknown",
    ]  # fmt: skip
    assert found(second) == [f"['search {domain}', 'nameserver 10.0.0.2']", "unknown", "10.0.1.60", "unknown"]
