"""What a program in a VPC finds as `/etc/resolv.conf`: the VPC's DHCP options (vpc-dns.md 19.3)."""

from __future__ import annotations

import re
from ipaddress import ip_network

from understudy_aws.dataplane.link_local import RESOLVER, RESOLVER6
from understudy_aws.services.ec2.dhcp_options import dhcp_options
from understudy_aws.services.ec2.network_interfaces import NetworkInterface
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction

_PROVIDED = "AmazonProvidedDNS"
# What a name can have in it; a file of others would not be read as it was meant.
_DOMAIN = re.compile(r"[A-Za-z0-9_.-]+")


def resolver_file(tx: Transaction, interface: NetworkInterface) -> str:
    """Return the text of the file for a program at an interface."""
    vpc = vpcs.get(tx, interface.account, interface.region, interface.vpc)
    assert vpc is not None, "an interface keeps its VPC"
    found = dhcp_options.get(tx, vpc.account, vpc.region, vpc.dhcp_options)
    options = dict(found.options) if found is not None else {}
    lines = [f"# {vpc.id}, DHCP options {vpc.dhcp_options if found is not None else 'none'}"]
    domains = [word for text in options.get("domain-name", ()) for word in text.split()]
    if any(map(_DOMAIN.fullmatch, domains)):
        lines.append(f"search {' '.join(filter(_DOMAIN.fullmatch, domains))}")
    provided = str(ip_network(vpc.cidr)[2]) if interface.addresses else RESOLVER6
    without = RESOLVER if interface.addresses else RESOLVER6
    servers = options.get("domain-name-servers", (without,))
    lines += [f"nameserver {provided if server == _PROVIDED else server}" for server in servers]
    return "".join(f"{line}\n" for line in lines)
