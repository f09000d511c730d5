"""DNS names of public addresses."""

from __future__ import annotations

from understudy_aws.services.ec2.network_interfaces import NetworkInterface
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction


def public_name(tx: Transaction, interface: NetworkInterface, ip: str) -> str:
    """Return the public DNS name of an interface's address; empty when the VPC gives no host names (ec2.md 7.9)."""
    vpc = vpcs.get(tx, interface.account, interface.region, interface.vpc)
    if vpc is None or not vpc.dns_hostnames:
        return ""
    domain = "compute-1" if interface.region == "us-east-1" else f"{interface.region}.compute"
    return f"ec2-{ip.replace('.', '-')}.{domain}.amazonaws.com"
