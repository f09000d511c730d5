"""App Runner's own network, in which instances are whose services have egress type DEFAULT.

It is in no customer's account and so in no record of EC2. Its instances get out through a NAT gateway, and nobody gets
in. They have IPv4 alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from understudy_aws.dataplane import wanted
from understudy_aws.dataplane.edge import CREDENTIALS_ADDRESS, OWN_NETWORK_ADDRESS
from understudy_aws.services.apprunner.service_records import ServiceInstance, service_instances
from understudy_aws.store.database import Transaction

VPC = "vpc-apprunner"
# RFC 6598 keeps this block for networks of providers.
_BLOCK = ip_network("100.64.0.0/16")
_PUBLIC = "100.64.0.0/28"
PRIVATE = "100.64.128.0/17"
"""The block that instances have their addresses of."""

_EVERYWHERE = "0.0.0.0/0"
_NAT_ADDRESS = "100.64.0.4"
_GATEWAY, _NAT = "igw-apprunner", "nat-apprunner"
_NAT_INTERFACE = "eni-apprunner-nat"
SUBNET = "subnet-apprunner"
"""The subnet that instances are in."""

_NAT_SUBNET = "subnet-apprunner-nat"
_GROUP, _ACL = "sg-apprunner", "acl-apprunner"
_OUTWARD, _INWARD = "rtb-apprunner-nat", "rtb-apprunner"
_OPEN = (wanted.NetworkAclEntry(number=100, protocol="-1", cidr=_EVERYWHERE, allow=True),)
_DOMAIN = "ec2.internal"
# The first four addresses of a subnet and the last one are nobody's.
_FIRST = 4


def free_address(tx: Transaction, taken: Iterable[str] = ()) -> str:
    """Return the lowest address that no instance has. Raises LookupError when all are taken."""
    block = ip_network(PRIVATE)
    others = set(taken)
    for number in range(_FIRST, block.num_addresses - 1):
        address = str(block[number])
        if address not in others and not service_instances.count_where(tx, "by_address", address):
            return address
    raise LookupError("All addresses of App Runner's own network are taken.")


def interface_of(instance: ServiceInstance) -> str:
    """Return the id of the network interface of an instance, which in this network has no record."""
    return instance.interface or f"eni-0{instance.id[:16]}"


def network(instances: Iterable[ServiceInstance], *, kept: bool = False) -> wanted.Vpc | None:
    """Return the network with the interfaces of these instances, those in a customer's VPC left out.

    None where it has none of an instance, unless it is `kept`.
    """
    interfaces = [
        wanted.Interface(
            id=interface_of(each),
            subnet=SUBNET,
            mac=_mac(each.address),
            addresses=(each.address,),
            groups=(_GROUP,),
            accepts_connections=False,
            local=(CREDENTIALS_ADDRESS,),
        )
        for each in instances
        if each.address
    ]
    if not interfaces and not kept:
        return None
    gateway = wanted.Interface(
        id=_NAT_INTERFACE,
        subnet=_NAT_SUBNET,
        mac=_mac(_NAT_ADDRESS),
        addresses=(_NAT_ADDRESS,),
        source_dest_check=False,
        filtered=False,
        public=((_NAT_ADDRESS, OWN_NETWORK_ADDRESS),),
    )
    return wanted.Vpc(
        id=VPC,
        cidrs=(str(_BLOCK),),
        subnets=(
            wanted.Subnet(id=SUBNET, cidrs=(PRIVATE,), route_table=_INWARD, network_acl=_ACL),
            wanted.Subnet(id=_NAT_SUBNET, cidrs=(_PUBLIC,), route_table=_OUTWARD, network_acl=_ACL),
        ),
        route_tables=(
            wanted.RouteTable(id=_INWARD, routes=(wanted.Route(destination=_EVERYWHERE, target=_NAT),)),
            wanted.RouteTable(id=_OUTWARD, routes=(wanted.Route(destination=_EVERYWHERE, target=_GATEWAY),)),
        ),
        network_acls=(wanted.NetworkAcl(id=_ACL, ingress=_OPEN, egress=_OPEN),),
        security_groups=(
            wanted.SecurityGroup(
                id=_GROUP,
                egress=(wanted.SecurityGroupRule(id="sgr-apprunner", protocol="-1", cidr=_EVERYWHERE),),
            ),
        ),
        interfaces=tuple(sorted((*interfaces, gateway), key=lambda each: each.id)),
        internet_gateway=_GATEWAY,
        nat_gateways=(wanted.NatGateway(id=_NAT, interface=_NAT_INTERFACE),),
        dns=wanted.Dns(forwards=True, domains=(_DOMAIN,)),
    )


def _mac(address: str) -> str:
    """Return the MAC address of an interface, locally administered and made of its address."""
    return "02:00:" + ":".join(f"{octet:02x}" for octet in ip_address(address).packed)
